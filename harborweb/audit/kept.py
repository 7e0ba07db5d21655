"""What keeping verdicts has changed, for whoever follows it: changes, findings, notices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.dispatch import Signal

from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.registry.models import Registry

# Sent inside the transaction that keeps, with `kept`: a receiver reads and writes the database, and does nothing else.
kept = Signal()

COMPARED = ["digest", "verdict", "key", "tags", "standing", "is_finding", "since"]


@dataclass(frozen=True)
class Was:
    """A kept verdict, as far as changes are told by it."""

    verdict: str
    key: str  # fingerprint
    tags: tuple[str, ...]
    standing: str
    is_finding: bool

    @classmethod
    def of(cls, row: ArtifactVerdict) -> "Was":
        return cls(row.verdict, row.key, tuple(row.tags), row.standing, row.is_finding)


@dataclass(frozen=True)
class Kept:
    """Artifacts of one repository by digest: `before` and `after` hold those that were written, `gone` those that
    were forgotten. What was written and is as it was may be missing in both."""

    registry: Registry
    repository: str
    at: datetime
    sweep: Sweep | None
    before: Mapping[str, Was] = field(default_factory=dict)
    after: Mapping[str, Was] = field(default_factory=dict)
    gone: Mapping[str, Was] = field(default_factory=dict)

    def tell(self) -> None:
        """Tell whoever follows, unless nothing was written."""
        if self.after or self.gone:
            kept.send(sender=None, kept=self)


def by_digest(rows: Iterable[ArtifactVerdict]) -> dict[str, Was]:
    """Rows as they are, by digest."""
    return {row.digest: Was.of(row) for row in rows}
