"""What pages show of sweeps: the list, the panel of the audit page, how far one has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.models import Schedule, Sweep
from harborweb.audit.sweeps import parts, scheduling, sweeping
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry

PANEL = 5
BAR = 160  # pixels of the longest bar


@dataclass(frozen=True)
class Bar:
    """A sweep as a bar of its duration."""

    sweep: Sweep
    seconds: float
    width: float


@dataclass(frozen=True)
class Line:
    """A schedule in words, with its next run."""

    kind: str  # Schedule.Kind
    word: str
    when: str
    next: datetime | None


@dataclass(frozen=True)
class Panel:
    """The panel *Sweeps* of the audit page."""

    bars: Sequence[Bar]
    lines: Sequence[Line]

    @property
    def next(self) -> datetime | None:
        """When the next sweep begins by itself."""
        return min((line.next for line in self.lines if line.next), default=None)

    @property
    def summary(self) -> str:
        """The schedule in two words, for a button."""
        found = [line for line in self.lines if line.next]
        return found[0].when[:1].upper() + found[0].when[1:] if found else _("No schedule")


def panel(registry: Registry | None) -> Panel | None:
    """The last whole sweeps as bars, and the schedules."""
    if registry is None:
        return None
    done = Sweep.objects.filter(**Sweep.WHOLE, registry=registry, finished__isnull=False).exclude(artifacts=0)
    sweeps = list(done.select_related("job")[:PANEL])
    longest = max((one.seconds or 0 for one in sweeps), default=0) or 1
    bars = [Bar(one, one.seconds or 0, max(2.0, BAR * (one.seconds or 0) / longest)) for one in sweeps]
    return Panel(bars, lines(registry))


def lines(registry: Registry) -> list[Line]:
    """Both schedules of `registry`, also those that are off."""
    rows = {row.kind: row for row in Schedule.objects.filter(registry=registry).select_related("task")}
    found = []
    for kind in Schedule.Kind:
        row = rows.get(kind)
        when = row.words if row else _("off")
        found.append(Line(kind, str(kind.label), when, scheduling.next_run(row) if row else None))
    return found


def listed(registry: Registry | None) -> "QuerySet[Sweep]":
    """The sweeps of `registry`, the newest first."""
    return Sweep.objects.filter(registry=registry).select_related("job", "schedule")


def with_ways_on(sweeps: Sequence[Sweep]) -> list[tuple[Sweep, bool]]:
    """Each sweep, newest first, and whether it can be continued: only the last of a registry can."""
    newest = next((one for one in sweeps if not one.repository), None)
    return [(one, one is newest and sweeping.may_continue(one)) for one in sweeps]


def running(registry: Registry | None) -> tuple[Job, parts.Progress | None] | None:
    """The job of the sweep that is on its way, and how far it has come once it judges."""
    if registry is None:
        return None
    job = Job.objects.filter(exclusive=f"sweep:{registry.pk}", state__in=Job.ACTIVE).first()
    if job is None:
        return None
    this = Sweep.objects.filter(job=job).first()
    return job, parts.progress(this) if this is not None and this.asked else None


def unfinished(registry: Registry | None) -> Sweep | None:
    """The newest sweep, where it came to no end and can be continued."""
    sweeps = Sweep.objects.filter(registry=registry, repository="").select_related("job")
    newest = sweeps.first() if registry else None
    return newest if newest is not None and sweeping.may_continue(newest) else None


def zone() -> str:
    """The time zone in which schedules are read, with the time there."""
    return f"{settings.TIME_ZONE} ({timezone.localtime():%H:%M})"
