"""What Harbor's policy *deployment security: cosign* would do, were it switched on today: from what the last sweep saw.

Harbor looks up the artifact that the tag or digest means and serves its manifest where one of its accessories is a
cosign signature by its type, else it answers 412 (its source, contenttrust). So the badge decides alone; an index and
each of its platforms are artifacts of their own, and a pull needs both.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from harborweb.audit.badge import harbor as badges
from harborweb.audit.badge.disagreeing import GOOD
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.words import ORDER
from harborweb.errors import Problem
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry
from harborweb.registry.running import run
from harborweb.registry.services import PATIENCE

RIGHT, FALSELY, BLOCKED, BLOCKED_GOOD, UNKNOWN = "right", "falsely", "blocked", "blocked_good", "unknown"
OFTEN = timedelta(days=30)  # pulled so recently counts as in use
MOST_PROJECTS = 1_000
MOST_CHILDREN = 20_000  # of the repositories of one page

# Outcome: shape, word, what it means; in the order of the page
OUTCOMES: Mapping[str, tuple[str, object, object]] = {
    FALSELY: ("bad", _("Would pass falsely"), _("Harbor shows a badge, and no trusted key signed it.")),
    BLOCKED_GOOD: ("warn", _("Would be blocked although trusted"), _("It verifies, and has no badge of its own.")),
    BLOCKED: ("off", _("Would be blocked"), _("Harbor has no signature of cosign for it.")),
    RIGHT: ("good", _("Would pass, and is trusted"), _("Badge and signatures agree.")),
    UNKNOWN: ("unsure", _("Not known"), _("No list of Harbor’s was read for it.")),
}
_BAD = [rank for rank in range(len(ORDER)) if rank not in GOOD]
_WHERE = {
    RIGHT: Q(badge__in=badges.SERVED, rank__in=GOOD), FALSELY: Q(badge__in=badges.SERVED, rank__in=_BAD),
    BLOCKED_GOOD: Q(badge__in=[badges.NONE, badges.NOTATION], rank__in=GOOD),
    BLOCKED: Q(badge__in=[badges.NONE, badges.NOTATION], rank__in=_BAD), UNKNOWN: Q(badge=badges.NOT_ASKED),
}  # fmt: skip


def outcome(badge: str, rank: int) -> str:
    """What would happen to a pull of an artifact with this badge, whose verdict stands at `rank` of ORDER."""
    if badge == badges.NOT_ASKED:
        return UNKNOWN
    if badge in badges.SERVED:
        return RIGHT if rank in GOOD else FALSELY
    return BLOCKED_GOOD if rank in GOOD else BLOCKED


@dataclass(frozen=True)
class Forecast:
    """A project, or all of them (no name): artifacts by outcome; whether its policy is on, None where nobody knows."""

    name: str
    counts: Mapping[str, int]
    enforced: bool | None = None

    @property
    def total(self) -> int:
        """All its artifacts."""
        return sum(self.counts.values())

    @property
    def blocked(self) -> int:
        """All that could not be pulled any more."""
        return self.counts.get(BLOCKED, 0) + self.counts.get(BLOCKED_GOOD, 0)


def forecasts(registry: Registry, enforced: Mapping[str, bool]) -> tuple[Forecast, list[Forecast]]:
    """All projects together, and each: those that lose most first. One query, which an index answers."""
    rows = ArtifactVerdict.objects.filter(registry=registry).order_by()
    by_project: dict[str, Counter[str]] = {}
    for project, badge, rank, number in rows.values_list("project", "badge", "rank").annotate(n=Count("pk")):
        by_project.setdefault(project, Counter())[outcome(badge, rank)] += number
    each = [Forecast(name, counts, enforced.get(name)) for name, counts in by_project.items()]
    each.sort(key=lambda one: (-one.counts.get(FALSELY, 0), -one.blocked, one.name))
    return Forecast("", sum(by_project.values(), Counter())), each


def rows(registry: Registry, wanted: str, project: str = "") -> QuerySet[ArtifactVerdict]:
    """The artifacts with this outcome, those that were pulled last first."""
    found = ArtifactVerdict.objects.filter(_WHERE[wanted], registry=registry)
    if project:
        found = found.filter(project=project)
    last = F("pulled").desc(nulls_last=True)
    return found.order_by(last, "repository", "digest").defer("evidence", "signatures", "command")


def in_use(registry: Registry, project: str = "") -> int:
    """How many of those that would be blocked were pulled within OFTEN."""
    found = ArtifactVerdict.objects.filter(
        _WHERE[BLOCKED] | _WHERE[BLOCKED_GOOD], registry=registry, pulled__gte=timezone.now() - OFTEN
    )
    return (found.filter(project=project) if project else found).order_by().count()


def blocked_children(registry: Registry, listed: Iterable[ArtifactVerdict]) -> dict[tuple[str, str], int]:
    """How many platforms of each of these indexes would be blocked, by repository and digest."""
    wanted = {(row.repository, row.digest) for row in listed if row.badge in badges.SERVED}
    below = ArtifactVerdict.objects.filter(
        registry=registry, repository__in={name for name, _digest in wanted}, badge__in=[badges.NONE, badges.NOTATION]
    ).exclude(parents=[])
    found: Counter[tuple[str, str]] = Counter()
    for repository, parents in below.order_by().values_list("repository", "parents")[:MOST_CHILDREN]:
        found.update((repository, parent) for parent in parents if (repository, parent) in wanted)
    return dict(found)


def enforcing(registry: Registry) -> tuple[dict[str, bool], Problem | None]:
    """Which projects have the policy on, as Harbor says now; and why that is not known."""

    async def ask() -> dict[str, bool]:
        async with Harbor(registry.endpoint(), PATIENCE) as harbor:
            return {one.name: one.content_trust for one in await browsing.first_projects(harbor, MOST_PROJECTS)}

    if not registry.is_harbor:
        return {}, None
    try:
        return run(ask()), None
    except Problem as problem:
        return {}, problem
