"""Where Harbor's badge and the signatures disagree: counted, and as a filter of verdicts."""

from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from harborweb.audit.badge import harbor as badges
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.words import ORDER
from harborweb.registry.models import Registry
from harborweb.verification.verdict import GREEN, Verdict

GOOD = [rank for rank, verdict in enumerate(ORDER) if verdict in GREEN]
UNSURE = [ORDER.index(Verdict.UNCHECKED)]
BAD = [rank for rank in range(len(ORDER)) if rank not in {*GOOD, *UNSURE}]
TRUSTED = ORDER.index(Verdict.TRUSTED)

# The values of `badge` in the address of the audit page
FALSE, MISSING, SHOWN = VALUES = ("false", "missing", "shown")
_WANTED = {
    FALSE: Q(badge__in=badges.SIGNED, rank__in=BAD),
    MISSING: Q(badge=badges.NONE, rank=TRUSTED),
    SHOWN: Q(badge__in=badges.SIGNED),
}


@dataclass(frozen=True)
class Badges:
    """Artifacts of a registry by what Harbor shows: `shown` = verified + false + unsure; `missing` are trusted and
    have no badge."""

    verified: int = 0
    false: int = 0
    unsure: int = 0
    missing: int = 0

    @property
    def shown(self) -> int:
        """Artifacts that Harbor shows as signed."""
        return self.verified + self.false + self.unsure


def count(registry: Registry) -> Badges:
    """The badges of `registry`; zeros where Harbor was not asked. One query, which an index answers."""
    rows = ArtifactVerdict.objects.filter(registry=registry, badge__in=(*badges.SIGNED, badges.NONE)).order_by()
    found = {"verified": 0, "false": 0, "unsure": 0, "missing": 0}
    for badge, rank, number in rows.values_list("badge", "rank").annotate(n=Count("pk")):
        if badge in badges.SIGNED:
            found["verified" if rank in GOOD else "unsure" if rank in UNSURE else "false"] += number
        elif rank == TRUSTED:
            found["missing"] += number
    return Badges(**found)


def narrowed(rows: QuerySet[ArtifactVerdict], value: str) -> QuerySet[ArtifactVerdict]:
    """`rows` whose badge is FALSE, MISSING or SHOWN; all of them for another value."""
    return rows.filter(_WANTED[value]) if value in _WANTED else rows
