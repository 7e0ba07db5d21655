"""One walk over a registry, its parts, and when it is to be walked again."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_celery_beat.models import PeriodicTask

from harborweb.jobs.models import Job
from harborweb.registry.models import Registry


class Schedule(models.Model):
    """When a registry is swept by itself; `task` is what the scheduler reads, None while it is off."""

    class Kind(models.TextChoices):
        CHANGED = "changed", _("What changed")
        EVERYTHING = "everything", _("All bytes again")

    class Cadence(models.TextChoices):
        OFF = "off", _("Off")
        HOURLY = "hourly", _("Every hour")
        DAILY = "daily", _("Every day at")
        WEEKLY = "weekly", _("Every week at")
        INTERVAL = "interval", _("Every so many minutes")

    DAYS = (
        (0, _("Sunday")), (1, _("Monday")), (2, _("Tuesday")), (3, _("Wednesday")), (4, _("Thursday")),
        (5, _("Friday")), (6, _("Saturday")),
    )  # fmt: skip

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="schedules")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    cadence = models.CharField(max_length=12, choices=Cadence.choices, default=Cadence.OFF)
    at = models.TimeField(null=True)  # daily, weekly; hourly at its minute
    day = models.PositiveSmallIntegerField(default=0, choices=DAYS)  # as crontab counts them
    minutes = models.PositiveIntegerField(default=0)  # interval
    task = models.OneToOneField(PeriodicTask, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["registry", "kind"]
        constraints = [models.UniqueConstraint(fields=["registry", "kind"], name="one_schedule_per_kind")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.registry}: {self.cadence}"

    @property
    def every(self) -> timedelta | None:
        """The time between two sweeps, None while it is off."""
        known = {
            self.Cadence.HOURLY: timedelta(hours=1), self.Cadence.DAILY: timedelta(days=1),
            self.Cadence.WEEKLY: timedelta(days=7), self.Cadence.INTERVAL: timedelta(minutes=self.minutes),
        }  # fmt: skip
        return known.get(self.Cadence(self.cadence))

    @property
    def words(self) -> str:
        """When it runs, as a sentence fragment."""
        at = self.at.strftime("%H:%M") if self.at else "00:00"
        if self.cadence == self.Cadence.HOURLY:
            minute = self.at.minute if self.at else 0
            return (
                gettext("every hour at minute %(minute)02d") % {"minute": minute} if minute else gettext("every hour")
            )
        if self.cadence == self.Cadence.DAILY:
            return gettext("every day at %(at)s") % {"at": at}
        if self.cadence == self.Cadence.WEEKLY:
            return gettext("every %(day)s at %(at)s") % {"day": dict(self.DAYS)[self.day], "at": at}
        if self.cadence == self.Cadence.INTERVAL:
            return gettext("every %(n)d min") % {"n": self.minutes}
        return gettext("off")


class Sweep(models.Model):
    """One walk over a registry, a project of it, or one artifact; complete only when all of it was listed and judged.

    `project` and `repository` with `digest` are empty for a whole registry; only such a sweep says what the registry
    holds no more. `counts` are those of what it walked over.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="sweeps")
    project = models.CharField(max_length=255, blank=True)
    repository = models.CharField(max_length=512, blank=True)
    digest = models.CharField(max_length=140, blank=True)
    every_byte = models.BooleanField(default=False)  # nothing that was verified before is taken as known
    schedule = models.ForeignKey(Schedule, null=True, on_delete=models.SET_NULL, related_name="sweeps")
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="sweep")
    attempts = models.PositiveSmallIntegerField(default=1)  # jobs that worked at it
    asked = models.DateTimeField(null=True)  # the registry had listed its repositories; the parts are written
    helped = models.DateTimeField(null=True)  # other workers were last asked to help
    started = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True)
    complete = models.BooleanField(default=False)
    artifacts = models.PositiveIntegerField(default=0)
    projects = models.PositiveIntegerField(default=0)
    counts: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)

    WHOLE: dict[str, Any] = {"project": "", "repository": ""}  # filter: walks over whole registries

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"sweep {self.pk} of {self.registry}"

    @property
    def seconds(self) -> float | None:
        """How long it took once a worker had taken it, or None while it runs."""
        # what continues a lost sweep has a later job of its own
        began = (self.attempts == 1 and self.job and self.job.started) or self.started
        return (self.finished - began).total_seconds() if self.finished else None

    @property
    def rate(self) -> float | None:
        """Artifacts a second, None where there is nothing to divide."""
        return self.artifacts / self.seconds if self.seconds and self.artifacts else None

    @property
    def state(self) -> tuple[str, str]:
        """Shape and word for how it stands."""
        if self.finished is not None:
            if self.complete:
                return "good", gettext("Complete")
            stopped = self.job is not None and self.job.state == Job.State.STOPPED
            return ("off", gettext("Stopped, incomplete")) if stopped else ("unsure", gettext("Incomplete"))
        if self.job is None or self.job.settled:
            return "warn", gettext("Interrupted")
        return str(self.job.state), self.job.words

    @property
    def scope(self) -> str:
        """What it walks over, in words."""
        if self.repository:
            return f"{self.repository}@{self.digest[:15]}…"
        return gettext("project %s") % self.project if self.project else gettext("whole registry")


class Part(models.Model):
    """A repository of a sweep, or a slice of its tags, which one worker judges at a time.

    waiting ─ a worker takes it ▶ taken ─ judged, kept in the same transaction ▶ done
                                    ├─ the registry would not be read ▶ unread
                                    └─ its worker is silent for JOB_LOST_SECONDS: the next one takes it
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        TAKEN = "taken", _("Being judged")
        DONE = "done", _("Judged")
        UNREAD = "unread", _("Could not be read")

    sweep = models.ForeignKey(Sweep, on_delete=models.CASCADE, related_name="parts")
    repository = models.CharField(max_length=512)
    number = models.PositiveIntegerField(default=0)  # of the slice, 0 for a whole repository
    tags: "models.JSONField[list[str] | None, list[str] | None]" = models.JSONField(null=True)  # None: all there are
    listed = models.DateTimeField(null=True)  # before that nothing was asked of this repository
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    claim = models.CharField(max_length=32, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    beat = models.DateTimeField(null=True)
    expected = models.PositiveIntegerField(default=0)  # artifacts, as many as were known before
    judged = models.PositiveIntegerField(default=0)
    unread: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # tags that could not be read
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["sweep", "state", "-expected"], name="part_to_take")]
        constraints = [models.UniqueConstraint(fields=["sweep", "repository", "number"], name="one_part_once")]

    def __str__(self) -> str:
        return f"{self.repository}#{self.number} ({self.state})"

    @property
    def began(self) -> datetime:
        """Since when its repository is asked: what was checked before that is of another sweep."""
        return self.listed or timezone.now()
