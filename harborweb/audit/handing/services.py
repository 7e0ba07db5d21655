"""The door of what others take along: ask for it, take it, remove it."""

from collections.abc import AsyncIterator

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.services import record
from harborweb.audit import describing, tasks
from harborweb.audit.filtering import Filter
from harborweb.audit.handing.making import LASTS
from harborweb.audit.models import Handout
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.registry.models import Registry
from harborweb.signing.limits import check_signs
from harborweb.signing.models import Key


def request_report(request: HttpRequest, chosen: Filter, key: Key | None, password: str = "") -> Handout:
    """Begin making a report of what `chosen` leaves, signed with `key`."""
    if key is None or not key.signs:
        raise Problem(_("No key here can sign."), _("Make a key pair first."), field="key")
    check_signs(key)
    slot = sealing.put_once(password) if key.asks else ""
    return _request(request, chosen, Handout.Kind.REPORT, key, slot)


def request_evidence(request: HttpRequest, chosen: Filter) -> Handout:
    """Begin making an archive of the evidence of what `chosen` leaves."""
    return _request(request, chosen, Handout.Kind.EVIDENCE)


@transaction.atomic
def _request(request: HttpRequest, chosen: Filter, kind: str, key: Key | None = None, slot: str = "") -> Handout:
    registry = chosen.registry
    if registry is None:
        raise Problem(_("There is no registry yet."), _("Connect one, and sweep it."))
    handout = Handout.objects.create(
        registry=registry, kind=kind, query=chosen.query(), scope=describing.scope(chosen)[:500],
        signed_by=key.name if key else "", who=request.user.get_username(), expires=timezone.now() + LASTS,
    )  # fmt: skip
    of = {"registry": registry.name, "scope": handout.scope or _("everything")}
    title = _("Signed report of %(registry)s: %(scope)s") if key else _("Evidence of %(registry)s: %(scope)s")
    handout.job = jobs.request(
        tasks.make_report if key else tasks.make_evidence, kind="handout", title=title % of, subject=registry.name,
        by=request, arguments={"handout": handout.pk, "key": key.pk if key else None, "slot": slot},
    )  # fmt: skip
    handout.save(update_fields=["job"])
    record(request, f"make {kind}", registry.name, handout.scope)
    return handout


def of_registry(registry: Registry | None) -> list[Handout]:
    """What there is to take, newest first."""
    rows = Handout.objects.filter(registry=registry, expires__gt=timezone.now())
    return list(rows.select_related("job")[:50])


async def pieces(handout: Handout) -> AsyncIterator[bytes]:
    """The file, a piece at a time."""
    async for piece in handout.pieces.order_by("number").aiterator(chunk_size=2):
        yield bytes(piece.data)


def remove(request: HttpRequest, handout: Handout) -> None:
    """Delete a handout before it expires."""
    record(request, f"remove {handout.kind}", handout.registry.name, handout.name)
    handout.delete()
