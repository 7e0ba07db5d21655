"""The door of signing many: a list is written, looked at, signed, and gone on with.

`request_sign_many` is for other rooms (a rotation signs again what the old key had signed); pages use `prepare_many`,
which looks and signs nothing, and then `begin`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.registry.models import Registry
from harborweb.signing import formats, tasks
from harborweb.signing.annotations import check_own
from harborweb.signing.many import queueing
from harborweb.signing.many.models import BulkItem, BulkSigning
from harborweb.signing.many.queueing import check
from harborweb.signing.models import Key

MOST = 50_000


@dataclass(frozen=True)
class Item:
    """One digest to be signed; `tag`, if any, has to point to it still, and is signed with it."""

    repository: str
    digest: str
    tag: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Will:
    """How a list is signed: people's own annotations, until when, in which formats ("" for what the registry needs),
    and whether what an index lists is signed with it."""

    annotations: Mapping[str, str] | None = None
    expires: datetime | None = None
    format: str = ""
    recursive: bool = True
    title: str = ""
    query: str = ""


def request_sign_many(
    request: HttpRequest | None,
    registry: Registry,
    items: Iterable[Item],
    key: Key,
    will: Will | None = None,
    *,
    password: str = "",
) -> BulkSigning:
    """Sign `items` with `key`, each digest once: written down, then worked on by a job (`.job`).

    `password` is used only where the key asks for it. What `key` has signed already is found in the registry and left
    alone; a tag that points elsewhere is not signed; both are said in the list's items. Raises Problem, and has
    written nothing then.
    """
    check(key, password)
    with transaction.atomic():
        bulk = _write(request, registry, items, key, will or Will())
        return begin(request, bulk, password=password)


def prepare_many(
    request: HttpRequest | None, registry: Registry, items: Iterable[Item], key: Key, will: Will | None = None
) -> BulkSigning:
    """Write the list and have a worker look at each digest (`.look_job`); nothing is signed before `begin`."""
    check(key, None)
    with transaction.atomic():
        bulk = _write(request, registry, items, key, will or Will())
        bulk.look_job = jobs.request(
            tasks.look_many, kind="look_many", title=_("Look at what is to be signed: %s") % bulk.title,
            subject=registry.name, by=request, arguments={"bulk": bulk.pk}, exclusive=f"bulk:{bulk.pk}",
        )  # fmt: skip
        bulk.save(update_fields=["look_job"])
    return bulk


def begin(request: HttpRequest | None, bulk: BulkSigning, *, password: str = "", again: bool = False) -> BulkSigning:
    """Sign what is left of a list, the first time or after a job that ended early; `again` also what had failed.

    While a job works on it, that one stays. Raises Problem where the key is gone, or asks for its password.
    """
    if bulk.key is None:
        raise Problem(_("The key of this list was deleted."), _("Choose the images again, with another key."))
    check(bulk.key, password)
    if again:
        bulk.items.filter(state__in=[BulkItem.State.FAILED, BulkItem.State.MOVED]).update(
            state=BulkItem.State.WAITING, looked=False, reason=""
        )
    queueing.queue(tasks.sign_many, request, bulk, password)
    return bulk


def _write(request: HttpRequest | None, registry: Registry, items: Iterable[Item], key: Key, will: Will) -> BulkSigning:
    wanted = list({(one.repository, one.digest): one for one in items}.values())
    if not wanted:
        raise Problem(_("No image is chosen."), _("Choose at least one."))
    if len(wanted) > MOST:
        raise Problem(_("More than %d images are chosen.") % MOST, _("Narrow the filter, and sign them in parts."))
    check_own(will.annotations or {})
    choice = formats.chosen(registry, will.format, bundles=True)  # written natively, whatever cosign a worker has
    bulk = BulkSigning.objects.create(
        registry=registry, key=key, key_name=key.name, title=(will.title or _title(wanted, key))[:200],
        query=will.query[:1000], signer=_who(request), annotations=dict(will.annotations or {}), expires=will.expires,
        formats=list(choice.formats), format_reason=choice.reason, recursive=will.recursive,
    )  # fmt: skip
    BulkItem.objects.bulk_create(
        [
            BulkItem(bulk=bulk, repository=one.repository, digest=one.digest, tag=one.tag, verdict=one.verdict)
            for one in wanted
        ],
        batch_size=500,
    )
    return bulk


def _title(wanted: Sequence[Item], key: Key) -> str:
    words = {"n": len(wanted), "key": key.name}
    return ngettext("Sign %(n)d image with %(key)s", "Sign %(n)d images with %(key)s", len(wanted)) % words


def _who(request: HttpRequest | None) -> str:
    return request.user.get_username() if request is not None else _("harborweb")
