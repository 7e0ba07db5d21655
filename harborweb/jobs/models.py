"""A job and the lines of its log."""

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """Long work: the row is written before the attempt and settled after it.

    States and who makes each transition, always by a conditional UPDATE:

        requested ─ worker claims ──▶ running ─ work returns ───────▶ succeeded
            │                           ├────── Problem, crash ─────▶ failed
            │                           ├────── person stops it ────▶ stopped
            │                           ├────── time limit ─────────▶ timed_out
            │                           └────── no heartbeat ───────▶ lost     (web or scheduler)
            ├─ person stops it ─────▶ stopped
            └─ broker refuses it ───▶ failed

    A settled job never changes again; a second delivery, a second click or a worker
    that comes back after it was given up finds the state changed and leaves.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")
        TIMED_OUT = "timed_out", _("Timed out")
        LOST = "lost", _("Lost")

    ACTIVE = (State.REQUESTED, State.RUNNING)

    kind = models.CharField(max_length=40, db_index=True)
    title = models.CharField(max_length=300)  # a whole sentence fragment: "Sign team/app:1.0"
    subject = models.CharField(max_length=512, db_index=True)
    queue = models.CharField(max_length=20)
    task = models.CharField(max_length=120)
    arguments: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)  # ids, no secrets
    exclusive = models.CharField(max_length=200, null=True)  # at most one active job has this

    state = models.CharField(max_length=12, choices=State.choices, default=State.REQUESTED, db_index=True)
    who = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    who_name = models.CharField(max_length=150, blank=True)
    source = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    heartbeat = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    claim = models.CharField(max_length=32, blank=True)
    stop_requested_by = models.CharField(max_length=150, blank=True)

    step = models.PositiveIntegerField(default=0)  # the step that runs, from 1; 0 before the first
    steps = models.PositiveIntegerField(default=0)
    step_name = models.CharField(max_length=200, blank=True)
    done = models.PositiveIntegerField(default=0)  # inside the step: 214 of 409 artifacts
    total = models.PositiveIntegerField(default=0)
    seconds_allowed = models.FloatField(null=True)  # which limit a timed out job met
    result: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    lines = models.PositiveIntegerField(default=0)
    log_bytes = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["exclusive"],
                condition=models.Q(state__in=["requested", "running"]),
                name="one_active_job_per_exclusive",
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.state})"

    @property
    def settled(self) -> bool:
        """Whether nothing of this job can change any more."""
        return self.state not in self.ACTIVE

    @property
    def stopping(self) -> bool:
        """Whether a person asked it to stop and it still runs."""
        return not self.settled and bool(self.stop_requested_by)

    @property
    def waits_for_worker(self) -> bool:
        """Whether it has been waiting longer than a worker that is there would take."""
        return self.state == self.State.REQUESTED and timezone.now() - self.created > timedelta(seconds=5)

    @property
    def words(self) -> str:
        """Its state in words of its own, as look.md has them."""
        special = {
            self.State.STOPPED: _("Stopped by %(name)s") % {"name": self.stop_requested_by or _("harborweb")},
            self.State.LOST: _("Lost: worker killed"),
            self.State.TIMED_OUT: _("Timed out after %(seconds)g s") % {"seconds": self.seconds_allowed or 0},
        }
        if self.stopping:
            return _("Stopping, asked by %(name)s") % {"name": self.stop_requested_by}
        return str(special.get(self.State(self.state), self.get_state_display()))

    @property
    def mark(self) -> str:
        """Changes whenever a page has to draw more than new lines and progress."""
        return f"{self.state}-{int(self.stopping)}-{int(self.waits_for_worker)}"

    @property
    def seconds(self) -> float | None:
        """How long it has been running, or ran; None before it started."""
        return ((self.finished or timezone.now()) - self.started).total_seconds() if self.started else None

    @property
    def result_templates(self) -> list[str]:
        """The room's own template for the result, or ours."""
        return [f"jobs/results/{self.kind}.html", "jobs/_result.html"]


_WARNS = re.compile(r"error|fail|fatal|denied|refused|cannot|warn|invalid|exit [^0]", re.IGNORECASE)


class LogLine(models.Model):
    """One numbered line of a job's log, secrets masked before it came here."""

    class Stream(models.TextChoices):
        STEP = "step"  # "2 Prepare": a numbered step of the workshop begins
        NOTE = "note"  # our own words
        COMMAND = "command"  # a command line as it was run
        OUT = "out"
        ERR = "err"
        ERROR = "error"  # why the job ended badly

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    stream = models.CharField(max_length=8, choices=Stream.choices)
    text = models.TextField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="log_line_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.text}"

    @property
    def look(self) -> str:
        """The class of its row. Docker compose reports progress on stderr, so of it only what warns stands out."""
        if self.stream == self.Stream.ERR and not _WARNS.search(self.text):
            return self.Stream.OUT
        return self.stream
