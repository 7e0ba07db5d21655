"""What was judged before, from the database and back to it: docs/decisions/0011 says how far it is believed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.remembered import Memory, Remembered
from harborweb.audit.kept import COMPARED, Was
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.policies.restanding import Moved, restand_moved
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict

LASTS = timedelta(days=7)  # then an artifact is judged anew, whatever its places look like
BATCH = 500
MOVING = ["tags", "parents", "badge", "pulled"]


def of(registry: Registry, repository: str) -> Memory:
    """What may be remembered of the artifacts of a repository, by digest; never what could not be checked."""
    rows = ArtifactVerdict.objects.filter(registry=registry, repository=repository).order_by()
    rows = rows.exclude(look="").exclude(verdict=Verdict.UNCHECKED).filter(looked__gt=timezone.now() - LASTS)
    columns = ("digest", "verdict", "tags", "parents", "media_type", "look", "key", "format", "badge", "pulled")
    return {digest: _remembered(*rest) for digest, *rest in rows.values_list(*columns).iterator()}


def _remembered(
    verdict: str, tags: list[str], parents: list[str], media_type: str, look: str, *rest: Any
) -> Remembered:
    key, form, badge, pulled = rest
    return Remembered(
        Verdict(verdict), tuple(tags), tuple(parents), media_type, look, key, form, badge=badge, pulled=pulled
    )


def mark(
    registry: Registry, this: Sweep | None, repository: str, again: Sequence[Judgement], asked: datetime,
    changed: Mapping[str, str] | None = None,
) -> Moved:  # fmt: skip
    """Say of what was found as it was that it was checked again, at `asked`; nothing else of it is written.

    Those that stand elsewhere now get their new tags and parents, and are returned as they were and are. What somebody
    checked since `asked` stays; `changed` are tags that were seen to move since then, with their digests.
    """
    changed = changed or {}
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository, checked__lte=asked).order_by()
    moved = {one.digest: one for one in again if one.moved or not changed.keys().isdisjoint(one.tags)}
    stayed = [one.digest for one in again if one.digest not in moved]
    before, after = _move(list(mine.filter(digest__in=moved).only(*MOVING, *COMPARED)), moved, changed)
    stayed += after
    for start in range(0, len(stayed), BATCH):
        mine.filter(digest__in=stayed[start : start + BATCH]).update(sweep=this, checked=timezone.now())
    if not moved:
        return Moved()
    also = restand_moved(registry, repository, ())
    return Moved({**also.before, **before}, {**after, **also.after})


def _move(
    rows: Collection[ArtifactVerdict], moved: Mapping[str, Judgement], changed: Mapping[str, str]
) -> tuple[dict[str, Was], dict[str, Was]]:
    """Give `rows` the place of `moved`; those whose last tag was seen gone meanwhile are left as they are."""
    before, after, written = {}, {}, []
    for row in rows:
        one, was = moved[row.digest], Was.of(row)
        row.tags = [tag for tag in one.tags if changed.get(tag, row.digest) == row.digest]
        row.parents, row.badge, row.pulled = list(one.parents), one.badge, one.pulled
        if one.tags and not row.tags and not row.parents and not any(changed.get(tag) for tag in one.tags):
            continue
        before[row.digest], after[row.digest] = was, Was.of(row)
        written.append(row)
    ArtifactVerdict.objects.bulk_update(written, MOVING, batch_size=200)
    return before, after
