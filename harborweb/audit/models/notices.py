"""Who is told what, and what there was to tell."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from harborweb.jobs.models import Job
from harborweb.registry.models import Registry


class Happening(models.Model):
    """One thing that somebody may want to be told: a finding that is new, another one or solved, or a change.

    Written where verdicts are kept, in the same transaction; what was told of it is the channel's business.
    """

    class Kind(models.TextChoices):
        INVALID = "invalid", _("Invalid")
        UNKNOWN_KEY = "unknown_key", _("Unknown key")
        ATTESTATION_ONLY = "attestation_only", _("Attestation only")
        UNCHECKED = "unchecked", _("Could not check")
        UNSIGNED = "unsigned", _("Unsigned")
        POLICY = "policy", _("Policy not met")
        GONE = "signature_gone", _("Signature gone")
        SIGNER = "signer", _("Signer changed")
        TAG_BACK = "tag_back", _("Tag moved back")
        KEY_ENDS = "key_ends", _("Key ends soon")
        SOLVED = "solved", _("Solved")
        SWEEP = "sweep", _("Sweep incomplete")

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="happenings")
    project = models.CharField(max_length=255, blank=True)
    repository = models.CharField(max_length=512, blank=True)
    digest = models.CharField(max_length=140, blank=True)
    tags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)  # when it was asked for
    written = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.repository}@{self.digest}"

    @property
    def image(self) -> str:
        """The artifact as people call it, or nothing where it is about a whole registry."""
        if not self.repository:
            return ""
        return f"{self.repository}:{self.tags[0]}" if self.tags else f"{self.repository}@{self.digest[:19]}"


class Channel(models.Model):
    """Where people are told: a webhook, a Slack-compatible one, or e-mail.

    `cursor` is the last happening that was told or passed by; it moves only after the other side has taken a message,
    so that what fails is told again. `due` is when it may be tried next.
    """

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", _("Webhook, signed")
        SLACK = "slack", _("Slack, Mattermost, Rocket.Chat")
        EMAIL = "email", _("E-mail")

    name = models.CharField(_("name"), max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    registry = models.ForeignKey(Registry, null=True, blank=True, on_delete=models.CASCADE, related_name="channels")
    shown = models.CharField(max_length=500)  # where it goes, without what is secret in it
    address_sealed = models.BinaryField()  # the URL, whose path may be a secret, or the addresses
    secret_sealed = models.BinaryField(null=True)  # signs a webhook
    ca_pem = models.TextField(blank=True)
    kinds: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # none: every kind
    projects: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # patterns; none: every one
    minutes = models.PositiveSmallIntegerField(default=5)  # at most one message in so many
    base = models.CharField(max_length=300, blank=True)  # harborweb's own address, for links
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)
    cursor = models.PositiveBigIntegerField(default=0)
    told = models.DateTimeField(null=True)
    due = models.DateTimeField(default=timezone.now)
    failures = models.PositiveSmallIntegerField(default=0)  # since it last worked
    problem = models.CharField(max_length=500, blank=True)
    problem_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Message(models.Model):
    """One message that a channel was sent, or was to be sent; written before the attempt.

    sending ─ taken ▶ sent; refused or not reached ▶ failed (the happenings are told again with the next one).
    """

    class State(models.TextChoices):
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="messages")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=8, choices=State.choices, default=State.SENDING)
    test = models.BooleanField(default=False)
    happenings = models.PositiveIntegerField(default=0)
    title = models.CharField(max_length=300)
    problem = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["channel", "-id"], name="message_of_channel")]

    def __str__(self) -> str:
        return self.title


class MetricsAccess(models.Model):
    """What a scraper of the metrics shows; only a keyed hash of it is kept. There is one at most."""

    token_hash = models.CharField(max_length=64)
    made = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=150, blank=True)
    scraped = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"metrics token of {self.made_by}"
