"""What keeping verdicts has changed, for whoever follows it: changes, findings, notices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.dispatch import Signal

from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict

# Sent inside the transaction that keeps, with `kept`: a receiver reads and writes the database, and does nothing else.
kept = Signal()

COMPARED = ["digest", "verdict", "key", "tags", "standing", "standing_reason", "is_finding", "since", "signers"]


@dataclass(frozen=True)
class Was:
    """A kept verdict, as far as changes are told by it."""

    verdict: str
    key: str  # fingerprint
    tags: tuple[str, ...]
    standing: str
    is_finding: bool
    since: datetime  # when it first got this verdict
    signers: frozenset[str] = frozenset()  # fingerprints of the trusted keys that signed it
    reason: str = ""  # of the standing

    @classmethod
    def of(cls, row: ArtifactVerdict) -> "Was":
        trusted = frozenset(key for _identity, key, verdict in row.signers if verdict == Verdict.TRUSTED)
        return cls(
            row.verdict, row.key, tuple(row.tags), row.standing, row.is_finding, row.since, trusted,
            row.standing_reason,
        )  # fmt: skip


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
