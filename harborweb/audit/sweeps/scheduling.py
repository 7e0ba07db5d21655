"""When registries are swept by themselves, and which verdicts are older than that allows.

A Schedule is what people set; its PeriodicTask is what the scheduler reads. Times are those of settings.TIME_ZONE.
"""

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from harborweb.audit.models import Schedule, Sweep
from harborweb.registry.models import Registry

TASK = "harborweb.audit.tasks.sweep_by_schedule"
LATE = 600  # seconds after which a sweep that nobody began is left to the next time
LEAST_MINUTES = 5
Cadence = Schedule.Cadence


@dataclass(frozen=True)
class Wanted:
    """What a person set for one kind."""

    cadence: str
    at: time | None = None
    day: int = 0
    minutes: int = 0


@transaction.atomic
def put(registry: Registry, kind: str, wanted: Wanted) -> Schedule:
    """Have `registry` swept as `wanted` from now on."""
    row, _new = Schedule.objects.get_or_create(registry=registry, kind=kind)
    row.cadence, row.at, row.day, row.minutes = wanted.cadence, wanted.at, wanted.day, wanted.minutes
    before, row.task = row.task, _task(row) if wanted.cadence != Cadence.OFF else None
    row.save()
    if before is not None and row.task is None:
        before.delete()  # type: ignore[no-untyped-call]
    return row


def _task(row: Schedule) -> PeriodicTask:
    """What the scheduler reads of a schedule that is on."""
    crontab, interval = None, None
    at = row.at or time()
    if row.cadence == Cadence.INTERVAL:
        interval, _new = IntervalSchedule.objects.get_or_create(every=row.minutes, period=IntervalSchedule.MINUTES)
    else:
        crontab, _new = CrontabSchedule.objects.get_or_create(
            minute=str(at.minute), hour="*" if row.cadence == Cadence.HOURLY else str(at.hour),
            day_of_week=str(row.day) if row.cadence == Cadence.WEEKLY else "*", day_of_month="*", month_of_year="*",
            timezone=settings.TIME_ZONE,
        )  # fmt: skip
    task = row.task or PeriodicTask(name=f"sweep registry {row.registry_id}: {row.kind}", task=TASK)
    task.crontab, task.interval, task.args, task.enabled = crontab, interval, json.dumps([row.pk]), True
    task.expire_seconds = LATE
    task.save()  # type: ignore[no-untyped-call]
    return task


def forget(number: int) -> None:
    """A schedule went with its registry: the scheduler shall ask no more."""
    PeriodicTask.objects.filter(task=TASK, args=json.dumps([number])).delete()


def next_run(row: Schedule, now: datetime | None = None) -> datetime | None:
    """When the schedule is next due, None while it is off."""
    now = timezone.localtime(now)
    at = row.at or time()
    if row.cadence == Cadence.HOURLY:
        due = now.replace(minute=at.minute, second=0, microsecond=0)
        return due if due > now else due + timedelta(hours=1)
    if row.cadence in {Cadence.DAILY, Cadence.WEEKLY}:
        due = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
        if row.cadence == Cadence.WEEKLY:
            due += timedelta(days=(row.day - due.isoweekday()) % 7)
        every = row.every or timedelta(days=1)
        return due if due > now else due + every
    if row.cadence == Cadence.INTERVAL and row.task is not None:
        last = row.task.last_run_at or row.task.date_changed
        return max(timezone.localtime(last) + timedelta(minutes=row.minutes), now)
    return None


def allowed(registry: Registry) -> timedelta | None:
    """How old a verdict of `registry` may be: the shortest time between two sweeps and a while; None without one."""
    every = [row.every for row in Schedule.objects.filter(registry=registry) if row.every]
    if not every:
        return None
    return min(every) + max(timedelta(minutes=5), min(min(every) / 4, timedelta(hours=1)))


def stale_before(registry: Registry | None) -> datetime | None:
    """What was checked before this is older than its schedule allows; None where nothing can be."""
    age = allowed(registry) if registry else None
    return timezone.now() - age if age else None


@dataclass(frozen=True)
class Overdue:
    """A registry whose last complete sweep (None: there was none) is older than its schedule allows."""

    last: Sweep | None
    schedule: Schedule


def overdue(registry: Registry | None) -> Overdue | None:
    """Whether the last complete sweep of all of `registry` is older than its schedule allows."""
    limit = stale_before(registry)
    if registry is None or limit is None:
        return None
    rows = [row for row in Schedule.objects.filter(registry=registry).select_related("task") if row.every]
    row = min(rows, key=lambda one: one.every or timedelta())
    whole = Sweep.objects.filter(**Sweep.WHOLE, registry=registry, complete=True)
    last = whole.order_by("-finished").first()
    since = (last and last.finished) or (row.task and row.task.date_changed)
    return Overdue(last, row) if since and since < limit else None
