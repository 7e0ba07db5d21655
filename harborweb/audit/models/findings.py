"""What someone should act on, from the day it came until it is solved."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from harborweb.registry.models import Registry


class Finding(models.Model):
    """An artifact that someone should act on, or should have; one row for each artifact, however often it came back.

        open ─ acknowledged by somebody ▶ acknowledged ─ something about it changed ▶ reopened
          └──── no finding any more, or the artifact is gone ▶ solved ─ it is one again ▶ reopened

    What was acknowledged stays a finding and leaves the first list. `known_verdict` and `known_reason` are what it
    was acknowledged as: when a reopened one becomes just that again, such as after a registry did not answer for a
    while, it counts as acknowledged again.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        REOPENED = "reopened", _("Reopened")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        SOLVED = "solved", _("Solved")

    ACTIVE = ("open", "reopened")  # the first list, and the number in the top bar

    class Kind(models.TextChoices):
        """What has to be done about it."""

        INVALID = "invalid", _("A signature that does not hold")
        UNKNOWN_KEY = "unknown_key", _("Signed by a key that does not count")
        ATTESTATION_ONLY = "attestation_only", _("Attested, not signed")
        UNCHECKED = "unchecked", _("Could not be checked")
        UNSIGNED = "unsigned", _("Not signed")
        LACKING = "lacking", _("Signed, but not as the policy wants")

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="findings")
    project = models.CharField(max_length=255)
    repository = models.CharField(max_length=512)
    digest = models.CharField(max_length=140)
    tags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    rank = models.PositiveSmallIntegerField()  # place in Kind
    verdict = models.CharField(max_length=20)
    reason = models.TextField()
    since = models.DateTimeField()  # when it was opened or reopened last
    changed = models.DateTimeField()  # when its state changed last
    note = models.CharField(max_length=500, blank=True)  # of who acknowledged it
    by = models.CharField(max_length=150, blank=True)
    known_verdict = models.CharField(max_length=20, blank=True)
    known_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["rank", "repository", "digest"]
        indexes = [
            models.Index(fields=["registry", "state", "rank", "repository", "digest"], name="finding_list"),
            models.Index(fields=["state"], name="finding_by_state"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["registry", "repository", "digest"], name="one_finding_per_artifact")
        ]

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}: {self.state}"


class FindingEvent(models.Model):
    """A step in the life of a finding; `by` is empty where a sweep or an event of the registry took it."""

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="events")
    state = models.CharField(max_length=12, choices=Finding.State.choices)
    verdict = models.CharField(max_length=20, blank=True)
    reason = models.TextField(blank=True)
    note = models.CharField(max_length=500, blank=True)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.finding_id}: {self.state} at {self.at}"
