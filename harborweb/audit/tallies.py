"""The counts of every sweep, kept for each project, and what pages draw of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber, TruncDate
from django.utils import timezone

from harborweb.audit.counts import Summary
from harborweb.audit.models import Sweep, Tally
from harborweb.registry.models import Registry

KEPT = timedelta(days=400)
DAY = timedelta(days=1)
MOST_POINTS = 400  # of one line: more cannot be told apart


@transaction.atomic
def keep(registry: Registry, sweep: Sweep, summary: Summary) -> None:
    """Write what `sweep` has counted, and of earlier days leave the last count of each project alone."""
    at = sweep.finished or timezone.now()
    rows = [Tally(registry=registry, sweep=sweep, at=at, counts=dict(summary.counts), findings=summary.findings)]
    rows += [
        Tally(registry=registry, sweep=sweep, project=one.name, at=at, counts=dict(one.counts), findings=one.findings)
        for one in summary.projects
    ]
    Tally.objects.bulk_create(rows, batch_size=500)
    _thin(registry, at)


def _thin(registry: Registry, now: datetime) -> None:
    """Delete what is older than KEPT, and what was counted on yesterday and the day before it and was not the last."""
    mine = Tally.objects.filter(registry=registry)
    mine.filter(at__lt=now - KEPT).delete()
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    # Days before those were thinned when they were yesterday; a pause of any length is caught up with by the next one.
    last = mine.filter(at__lt=today).order_by("-at").values_list("at", flat=True).first()
    if last is None:
        return
    begin = timezone.localtime(last).replace(hour=0, minute=0, second=0, microsecond=0)
    place = Window(RowNumber(), partition_by=[F("project"), TruncDate("at")], order_by=F("at").desc())
    rows = mine.filter(at__gte=begin - DAY, at__lt=today).annotate(place=place).filter(place__gt=1)
    Tally.objects.filter(pk__in=[row.pk for row in rows]).delete()


def course(registry: Registry, project: str = "", days: int = 30, now: datetime | None = None) -> list[Tally]:
    """The counts of the last `days` days, oldest first, at most MOST_POINTS of them: the newest are all there."""
    since = (now or timezone.now()) - timedelta(days=days)
    rows = Tally.objects.filter(registry=registry, project=project, at__gte=since).order_by("-at")
    return list(rows[:MOST_POINTS])[::-1]


def a_day_ago(registry: Registry, project: str = "", now: datetime | None = None) -> Tally | None:
    """What was counted a day ago, or when it was counted last before that; None where nobody counted."""
    rows = Tally.objects.filter(registry=registry, project=project, at__lte=(now or timezone.now()) - DAY)
    return rows.order_by("-at").first()


def changes(counts: Mapping[str, int], before: Tally | None) -> dict[str, int]:
    """By verdict, how many more (or less) there are than `before`; empty where nothing was counted then."""
    if before is None:
        return {}
    names = {*counts, *before.counts}
    return {name: counts.get(name, 0) - before.counts.get(name, 0) for name in names}


def share(counts: Mapping[str, int], good: Sequence[str]) -> float:
    """Percent of `good` among all, with one digit, rounded down so that 100 means all."""
    total = sum(counts.values())
    return 1000 * sum(counts.get(one, 0) for one in good) // total / 10 if total else 0.0
