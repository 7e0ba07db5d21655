"""What a Harbor tells us of itself."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from harborweb.jobs.models import Job
from harborweb.registry.models import Registry


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
