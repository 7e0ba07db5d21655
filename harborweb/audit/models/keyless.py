"""What the operator trusts besides keys: one trusted root, and identities."""

from django.db import models
from django.utils import timezone


class TrustedRootFile(models.Model):
    """The trusted_root.json that keyless signatures are verified with; there is at most one."""

    text = models.BinaryField()  # as it was given: its SHA-256 is what people compare
    fingerprint = models.CharField(max_length=64)
    given = models.DateTimeField(default=timezone.now)
    given_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.fingerprint


class TrustedIdentity(models.Model):
    """Whose keyless signatures count, as patterns of `verification.keyless.Allowed`."""

    subject = models.CharField(max_length=500)
    issuer = models.CharField(max_length=500)
    projects: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # patterns; none: every one
    added = models.DateTimeField(default=timezone.now)
    added_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["subject", "issuer"]
        constraints = [models.UniqueConstraint(fields=["subject", "issuer"], name="one_row_per_identity")]

    def __str__(self) -> str:
        return f"{self.subject} ({self.issuer})"
