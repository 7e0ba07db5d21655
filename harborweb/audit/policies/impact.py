"""What another policy would change, computed from what is kept; no registry is asked."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.policies.standings import Standings
from harborweb.registry.models import Registry
from harborweb.verification.policy import Policy

MOST_LINES = 200  # of each of the two lists
COLUMNS = (
    "pk", "project", "repository", "digest", "tags", "verdict", "reason", "parents", "counted", "platform",
    "first_seen", "is_finding",
)  # fmt: skip


class Kept(NamedTuple):
    """What of a row decides how it stands."""

    pk: int
    project: str
    repository: str
    digest: str
    tags: list[str]
    verdict: str
    reason: str
    parents: list[str]
    counted: list[list[object]]
    platform: str
    first_seen: datetime
    is_finding: bool


@dataclass(frozen=True)
class Line:
    """An artifact whose standing would change."""

    row: Kept
    standing: str
    reason: str


@dataclass
class Impact:
    """Artifacts that would become findings and those that would be none any more; `lines` hold the first of each."""

    total: int = 0
    become: int = 0
    end: int = 0
    projects_become: set[str] = field(default_factory=set)
    projects_end: set[str] = field(default_factory=set)
    standings: Counter[str] = field(default_factory=Counter)
    lines_become: list[Line] = field(default_factory=list)
    lines_end: list[Line] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        """Whether no artifact would change sides."""
        return not self.become and not self.end


def impact(registry: Registry, policy: Policy) -> Impact:
    """What `policy` would change in `registry` if it held now."""
    standings, found = Standings.of(registry, policy), Impact()
    for _repository, rows in groupby(_kept(registry), attrgetter("repository")):
        here = list(rows)
        above = {row.digest: (row.tags, row.parents) for row in here}
        for row in here:
            stand = standings.of_row(row, above)
            found.total += 1
            found.standings[str(stand.standing)] += 1
            if stand.is_finding == row.is_finding:
                continue
            _note(found, Line(row, str(stand.standing), str(stand.reason)), becomes=stand.is_finding)
    return found


def _kept(registry: Registry) -> Iterator[Kept]:
    rows = ArtifactVerdict.objects.filter(registry=registry).order_by("repository")
    return map(Kept._make, rows.values_list(*COLUMNS).iterator(5000))


def _note(found: Impact, line: Line, *, becomes: bool) -> None:
    if becomes:
        found.become += 1
    else:
        found.end += 1
    (found.projects_become if becomes else found.projects_end).add(line.row.project)
    lines = found.lines_become if becomes else found.lines_end
    if len(lines) < MOST_LINES:
        lines.append(line)


def worth_a_job(registry: Registry, most: int) -> bool:
    """Whether a registry has more than `most` rows."""
    return len(ArtifactVerdict.objects.filter(registry=registry).order_by().values_list("pk")[: most + 1]) > most
