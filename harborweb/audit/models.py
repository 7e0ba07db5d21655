"""What the sweeps found, what tags meant, and what a registry told us of itself."""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from harborweb.audit.words import WORDS
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict


class Sweep(models.Model):
    """One walk over a registry; complete only when every repository was listed and judged."""

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="sweeps")
    job = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="sweep")
    started = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True)
    complete = models.BooleanField(default=False)
    artifacts = models.PositiveIntegerField(default=0)
    projects = models.PositiveIntegerField(default=0)
    counts: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"sweep {self.pk} of {self.registry}"

    @property
    def seconds(self) -> float | None:
        """How long it took once a worker had taken it, or None while it runs."""
        began = (self.job and self.job.started) or self.started
        return (self.finished - began).total_seconds() if self.finished else None


class ArtifactVerdict(models.Model):
    """The latest verdict of one artifact; whatever looks at it next, a sweep or an event, replaces it."""

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="verdicts")
    # None where an event brought it, and no sweep has seen it yet
    sweep = models.ForeignKey(Sweep, null=True, on_delete=models.CASCADE, related_name="verdicts")
    project = models.CharField(max_length=255)
    repository = models.CharField(max_length=512)
    digest = models.CharField(max_length=140)
    tags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    verdict = models.CharField(max_length=20)
    rank = models.PositiveSmallIntegerField()  # place in ORDER
    key = models.CharField(max_length=64, blank=True)  # fingerprint
    format = models.CharField(max_length=20, blank=True)
    reason = models.TextField()
    command = models.TextField(blank=True)
    signatures: "models.JSONField[list[Any], list[Any]]" = models.JSONField(default=list)  # each one seen
    evidence: "models.JSONField[dict[str, str], dict[str, str]]" = models.JSONField(default=dict)  # name: base64
    parents: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # indexes that list it
    since = models.DateTimeField()  # when it first got this verdict
    checked = models.DateTimeField()

    class Meta:
        ordering = ["rank", "repository", "digest"]
        indexes = [
            models.Index(fields=["registry", "rank", "repository", "digest"], name="verdict_worst_first"),
            # Rows are wide (evidence): what pages count and filter by is read from these alone.
            models.Index(fields=["registry", "project", "verdict"], name="verdict_of_project"),
            models.Index(fields=["registry", "repository", "rank", "-since"], name="verdict_of_repository"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["registry", "repository", "digest"], name="one_verdict_per_artifact")
        ]

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}: {self.verdict}"

    @property
    def word(self) -> str:
        """The verdict's word, translated."""
        return str(WORDS[Verdict(self.verdict)])


class TagSighting(models.Model):
    """A stretch of time in which a tag meant one digest, as far as we looked.

    It begins when the tag was first seen there and ends when it was first seen elsewhere or nowhere; `ended` is
    None while it still holds. `audit.sightings` writes them, `audit.history` reads them.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="sightings")
    repository = models.CharField(max_length=512)
    tag = models.CharField(max_length=128)
    digest = models.CharField(max_length=140)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=20, blank=True)  # the digest's, when the stretch ended

    class Meta:
        ordering = ["tag", "first_seen"]
        indexes = [
            models.Index(fields=["registry", "repository", "tag", "first_seen"], name="sighting_of_a_tag"),
            models.Index(fields=["registry", "repository", "first_seen"], name="sighting_newest"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["registry", "repository", "tag"], condition=models.Q(ended=None), name="one_digest_per_tag"
            )
        ]

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag} was {self.digest}"

    def covers(self, at: datetime) -> bool:
        """Whether the stretch has begun at `at` and not ended yet."""
        return self.first_seen <= at and (self.ended is None or at < self.ended)


class Hook(models.Model):
    """A project of a Harbor that tells us what happens there, by a webhook policy that we made.

    Its secret is known to Harbor alone: here lies a keyed hash. Whoever administers a project reads the secret of
    its policies in Harbor, so each project has one of its own and is believed about itself only.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="hooks")
    project = models.CharField(max_length=255)
    policy = models.PositiveBigIntegerField(default=0)  # its id in Harbor, 0 where that is not known
    address = models.CharField(max_length=500)  # where Harbor sends it
    secret_hash = models.CharField(max_length=64)
    former_hash = models.CharField(max_length=64, blank=True)  # good until the new one has surely arrived
    enabled = models.BooleanField(default=True)
    changed = models.DateTimeField(auto_now=True)
    last_event = models.DateTimeField(null=True)
    events = models.PositiveBigIntegerField(default=0)
    problem = models.CharField(max_length=500, blank=True)  # the last thing that was no event
    problem_at = models.DateTimeField(null=True)
    triggered = models.DateTimeField(null=True)  # Harbor's own last trigger, as it said when it was last asked

    class Meta:
        ordering = ["registry", "project"]
        indexes = [models.Index(fields=["registry", "secret_hash"], name="hook_by_secret")]
        constraints = [models.UniqueConstraint(fields=["registry", "project"], name="one_hook_per_project")]

    def __str__(self) -> str:
        return f"{self.project} of {self.registry}"


class HookEvent(models.Model):
    """One thing that a Harbor told us; only names are taken from it, what is true the registry is asked.

    States: waiting ─ a job takes it ▶ taken ─ looked at ▶ done. A registry that does not answer sends it back to
    waiting until `due`, and in the end leaves it (left) for the next sweep.
    """

    class Kind(models.TextChoices):
        PUSH = "push", _("push")
        DELETE = "delete", _("deletion")
        REPLICATION = "replication", _("replication")
        QUOTA_EXCEEDED = "quota_exceeded", _("quota exceeded")
        QUOTA_WARNING = "quota_warning", _("quota nearly used up")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        TAKEN = "taken", _("Being looked at")
        DONE = "done", _("Looked at")
        LEFT = "left", _("Left for the next sweep")

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="hook_events")
    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="told")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    repository = models.CharField(max_length=512, blank=True)
    tag = models.CharField(max_length=128, blank=True)
    digest = models.CharField(max_length=140, blank=True)  # as a place to look at, never as what is there
    detail = models.CharField(max_length=300, blank=True)
    identity = models.CharField(max_length=80)  # of the delivery: the same again is a duplicate
    received = models.DateTimeField(default=timezone.now)
    repeats = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    due = models.DateTimeField(default=timezone.now)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="hook_events")
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["state", "due"], name="hook_event_due"),
            models.Index(fields=["registry", "repository", "state"], name="hook_event_of_repository"),
            models.Index(fields=["hook", "identity"], name="hook_event_identity"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.repository}:{self.tag}"
