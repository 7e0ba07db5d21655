"""From an old key to a new one: choose it, sign again what the old one signed, retire the old one.

1. A new key, or one that is here: it becomes the successor
2. Look again: what the old key has signed is judged anew; only what it still makes trusted is signed again
3. Sign again: a list for each registry, worked on by signing's job, gone on with after a crash
4. Retire: the old key counts for what was seen until now, and for nothing after
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.keys.impact import Artifact, Sights, artifacts
from harborweb.audit.keys.services import judge_again, judging
from harborweb.audit.models import ArtifactVerdict
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing.limit_forms import FORMAT
from harborweb.signing.limits import Limits, set_limits
from harborweb.signing.many import services as many
from harborweb.signing.many.models import BulkSigning
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict

FRESH = timedelta(hours=1)  # how old a look may be when signing again begins


@dataclass(frozen=True)
class State:
    """How far a rotation is: what still verifies with the old key, and what of it has no signature by the new one."""

    signed: int
    left: Sequence[Artifact]
    oldest: datetime | None  # of the looks at what is left
    lists: Sequence[BulkSigning]
    job: Job | None  # that looks again

    @property
    def fresh(self) -> bool:
        """Whether everything was looked at a moment ago."""
        return self.oldest is None or timezone.now() - self.oldest < FRESH

    @property
    def active(self) -> Sequence[BulkSigning]:
        """Lists that a job works on."""
        return [one for one in self.lists if one.active]


def state(old: Key) -> State:
    """How far the rotation of `old` is."""
    held = _held(old)
    new = old.successor
    done = _signed_by(new) if new is not None else set()
    left = [row for row in held if row.pk not in done]
    wanted = {row.pk for row in left}
    looks = ArtifactVerdict.objects.filter(verdict=Verdict.TRUSTED).order_by("checked").only("checked")
    oldest = next((row.checked for row in looks.iterator() if row.pk in wanted), None) if wanted else None
    lists = list(BulkSigning.objects.filter(query=_query(old)).select_related("registry", "job")[:20])
    return State(len(held), left, oldest, lists, judging(old))


def look(request: HttpRequest | None, old: Key) -> Job:
    """Have what the old key has signed judged again, unless that is being done."""
    return judging(old) or judge_again(request, old, _("Look again at what %s has signed"))


def choose(request: HttpRequest | None, old: Key, new: Key) -> None:
    """Make `new` the successor; raises Problem where it cannot sign, or does not count."""
    if not new.signs or not new.trusted:
        raise Problem(
            _("%s cannot take over: it has to be able to sign, and to be trusted.") % new.name,
            _("Choose a key pair or a KMS key whose signatures count."),
            field="successor",
        )
    set_limits(request, old, replace(Limits.of(old), successor=new.pk))


def sign(request: HttpRequest | None, old: Key, password: str) -> list[BulkSigning]:
    """Sign again with the successor what still verifies with the old key, a list for each registry.

    A list that a killed job left is gone on with. Raises Problem where nothing is left, or the look is old.
    """
    found, new = state(old), old.successor
    if new is None:
        raise Problem(_("There is no new key yet."), _("Choose it first."))
    if found.active:
        return list(found.active)
    if open_lists := [one for one in found.lists if one.left() and one.key_id == new.pk]:
        return [many.begin(request, one, password=password) for one in open_lists]
    if not found.left:
        raise Problem(_("Nothing is left to be signed again."), _("Go on and retire the old key."))
    if not found.fresh:
        raise Problem(
            _("Nothing was signed: the last look at these images is older than an hour."),
            _("Look again first, so that only what still verifies is signed."),
        )
    rows = ArtifactVerdict.objects.in_bulk([row.pk for row in found.left])
    lists = []
    for registry in Registry.objects.filter(pk__in={row.registry for row in found.left}):
        items = [
            many.Item(row.repository, row.digest, (rows[row.pk].tags or [""])[0], row.verdict)
            for row in found.left if row.registry == registry.pk and row.pk in rows
        ]  # fmt: skip
        will = many.Will(
            recursive=False, query=_query(old), title=_("From %(old)s to %(new)s") % {"old": old.name, "new": new.name}
        )
        lists.append(many.request_sign_many(request, registry, items, new, will, password=password))
    return lists


def retirement(old: Key) -> str:
    """The query of the preview in which the old key ends now."""
    limits = Limits.of(old)
    now = timezone.localtime() + timedelta(minutes=1)
    values: dict[str, Any] = {
        name: timezone.localtime(at).strftime(FORMAT)
        for name, at in (("not_before", limits.not_before), ("revoked_from", limits.revoked_from)) if at
    }  # fmt: skip
    values |= {"not_after": now.strftime(FORMAT), "projects": " ".join(limits.projects)}
    values |= {"revoked_reason": limits.revoked_reason, "successor": limits.successor or ""}
    values |= {name: "on" for name in ("trusted", "published") if getattr(limits, name)}
    return urlencode(values)


def _held(old: Key) -> list[Artifact]:
    """What the old key's own signature makes trusted now."""
    trusted, sights = Limits.of(old).trust(old), Sights.of(old)
    if trusted is None:
        return []
    now = timezone.now()
    return [
        row for row in artifacts(old, sights)
        if row.verdict == Verdict.TRUSTED
        and any(trusted.counts(row.project, sights.seen.get(one, now)) for one in row.theirs)
    ]  # fmt: skip


def _signed_by(new: Key) -> set[int]:
    return {row.pk for row in artifacts(new, Sights.of(new)) if row.theirs}


def _query(old: Key) -> str:
    return f"rotation:{old.pk}"
