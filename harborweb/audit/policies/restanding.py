"""Kept rows brought up to date with what the policy makes of them, where no registry has to be asked."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from harborweb.audit.kept import COMPARED, Kept, Was
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.policies.standings import NEEDED, Standings, indexes_of
from harborweb.registry.models import Registry

BATCH = 500
WRITTEN = ["standing", "standing_reason", "is_finding", "standing_until"]
READ = [*dict.fromkeys([*NEEDED, *COMPARED])]
AT_ONCE = 2000  # rows that the scheduler's look takes on


@dataclass(frozen=True)
class Moved:
    """Rows whose standing is another one now, as they were and are, by digest."""

    before: Mapping[str, Was] = field(default_factory=dict)
    after: Mapping[str, Was] = field(default_factory=dict)


def restand(
    registry: Registry,
    repository: str,
    rows: QuerySet[ArtifactVerdict],
    standings: Standings,
) -> Moved:
    """Write how `rows`, all of one repository, stand now; what changed by that."""
    found = list(rows.order_by().only(*READ))
    above = indexes_of(registry, repository, found)
    before, changed = {}, []
    for row in found:
        was = Was.of(row)
        if standings.put(row, above):
            before[row.digest] = was
            changed.append(row)
    _update(changed)
    return Moved(before, {row.digest: Was.of(row) for row in changed})


def _update(changed: Iterable[ArtifactVerdict]) -> None:
    """Write the standings of `changed`, those that are the same by one statement."""
    same: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for row in changed:
        same[tuple(getattr(row, name) for name in WRITTEN)].append(row.pk)
    for values, numbers in same.items():
        for start in range(0, len(numbers), BATCH):
            rows = ArtifactVerdict.objects.filter(pk__in=numbers[start : start + BATCH])
            rows.update(**dict(zip(WRITTEN, values, strict=True)))


def restand_moved(registry: Registry, repository: str, fresh: Iterable[str]) -> Moved:
    """After tags have moved: all of a repository but `fresh`, where its policy goes by tags."""
    standings = Standings.of(registry)
    if not standings.minds_tags(repository):
        return Moved()
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository)
    return restand(registry, repository, mine.exclude(digest__in=list(fresh)), standings)


def restand_all(
    registry: Registry,
    rows: QuerySet[ArtifactVerdict] | None = None,
    on_repository: Callable[[int, int], None] | None = None,
) -> int:
    """Write how all rows of a registry, or `rows` of it, stand now, a repository at a time; how many changed.

    Policy and keys are read in the transaction that writes, so that of two who do this at once nobody goes by older
    ones than the other.
    """
    mine = ArtifactVerdict.objects.filter(registry=registry).order_by() if rows is None else rows.order_by()
    count = 0
    names = list(mine.values_list("repository", flat=True).distinct())
    for done, repository in enumerate(names):
        if on_repository is not None:
            on_repository(done, len(names))
        with transaction.atomic():
            standings = Standings.of(registry)
            moved = restand(registry, repository, mine.filter(repository=repository), standings)
            Kept(registry, repository, standings.now, None, moved.before, moved.after).tell()
        count += len(moved.after)
    return count


def restand_due() -> int:
    """What time alone has changed: exemptions and grace that ended, keys that begin or end. Asked by the scheduler.

    At most AT_ONCE rows; the others the next time. How many changed.
    """
    due = ArtifactVerdict.objects.filter(standing_until__lte=timezone.now()).order_by("standing_until")[:AT_ONCE]
    by_registry: dict[int, list[int]] = {}
    for pk, number in due.values_list("pk", "registry"):
        by_registry.setdefault(number, []).append(pk)
    count = 0
    for registry in Registry.objects.filter(pk__in=by_registry):
        count += restand_all(registry, ArtifactVerdict.objects.filter(pk__in=by_registry[registry.pk]))
    return count
