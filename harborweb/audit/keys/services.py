"""The door: what a key's limits would do, saving them, and bringing the verdicts up to date."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit import tasks
from harborweb.audit.keys.impact import Artifact, Impact, impact
from harborweb.audit.models import ArtifactVerdict
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.signing.limits import Limits, moment, set_limits
from harborweb.signing.models import Key

__all__ = ["Impact", "impact"]


def save(request: HttpRequest | None, key: Key, limits: Limits, seen: str, *, restored: bool = False) -> Job | None:
    """Save `limits` after somebody saw what they do (`seen` is `mark`), and have the verdicts judged again.

    None where nothing changes for verdicts. Raises Problem where the numbers are other ones now, or the limits
    contradict each other.
    """
    found = impact(key, limits)
    if seen != mark(limits, found):
        raise Problem(
            _("Nothing was saved: what it would do is not what you saw."),
            _("Verdicts have changed since. Look at the numbers once more, then save."),
        )
    before = Limits.of(key)
    strangers = limits.trusted and not before.trusted
    with transaction.atomic():
        if not set_limits(request, key, limits, restored=restored):
            return None
        title = _("Judge again what %s has signed")
        return judge_again(request, key, title, strangers=strangers) if _matters(before, limits) else None


def _matters(before: Limits, after: Limits) -> bool:
    """Whether a verdict or its reason can be another one."""
    return replace(before, published=False, successor=None) != replace(after, published=False, successor=None)


def mark(limits: Limits, found: Impact) -> str:
    """Says which limits and which numbers somebody has seen."""
    text = json.dumps([limits.written(), found.lost, found.gained], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def judge_again(request: HttpRequest | None, key: Key, title: str, *, strangers: bool = False) -> Job:
    """The job that judges again what `key` has signed, with `strangers` also what it may have signed before it was
    trusted; `title` takes its name."""
    return jobs.request(
        tasks.judge_key, kind="judge_key", title=title % key.name, subject=key.name, by=request,
        arguments={"key": key.pk, "strangers": strangers}, exclusive=f"judge_key:{key.pk}:{int(strangers)}",
    )  # fmt: skip


def judging(key: Key | None = None) -> Job | None:
    """The job that brings verdicts up to date after a key has changed, if one is on its way."""
    active = Job.objects.filter(kind="judge_key", state__in=Job.ACTIVE)
    return (active.filter(arguments__key=key.pk) if key else active).first()


@dataclass(frozen=True)
class Shown:
    """A row of the list of what loses or gains trust."""

    artifact: Artifact
    row: ArtifactVerdict


def shown(artifacts: Sequence[Artifact]) -> list[Shown]:
    """These artifacts with what a list shows of them, in their order."""
    rows = ArtifactVerdict.objects.filter(pk__in=[one.pk for one in artifacts]).select_related("registry")
    by_pk = {row.pk: row for row in rows.defer("evidence", "signatures", "command")}
    return [Shown(one, by_pk[one.pk]) for one in artifacts if one.pk in by_pk]


def words(key: Key, limits: Limits, found: Impact) -> str:
    """What the button says: what it does, and to how many."""
    before = Limits.of(key)
    if limits.revoked_from and limits.revoked_from != before.revoked_from:
        verb = _("Revoke from %s") % moment(limits.revoked_from)
    elif before.revoked_from and not limits.revoked_from:
        verb = _("Withdraw the revocation")
    elif before.trusted != limits.trusted:
        verb = _("Trust this key") if limits.trusted else _("Stop trusting this key")
    else:
        verb = _("Save the limits")
    if found.loses:
        effect = ngettext("%(n)d image loses trust", "%(n)d images lose trust", found.lost) % {"n": found.lost}
    elif found.gains:
        effect = ngettext("%(n)d image gains trust", "%(n)d images gain trust", found.gained) % {"n": found.gained}
    else:
        effect = _("no verdict changes")
    return _("%(verb)s: %(effect)s") % {"verb": verb, "effect": effect}
