"""What changed from one look at a registry to the next."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from harborweb.audit.models.sweeps import Sweep
from harborweb.audit.words import WORDS
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict


class Change(models.Model):
    """One thing that was otherwise when it was looked at before. `audit.changes` writes them, and prunes old ones.

    `verdict` is the artifact's as it was found then, `verdict_before` what it had been since `since`. `before` and
    `after` hold what else there is to say, small: `signers` (fingerprints of trusted keys), and of a tag `digest`,
    `verdict`, and where it was there once already `first_seen` and `ended`.
    """

    class Kind(models.TextChoices):
        NEW_UNSIGNED = "new_unsigned", _("New, unsigned")
        NEW_SIGNED = "new_signed", _("New, signed")
        NEW_OTHER = "new_other", _("New, not trusted")
        SIGNER = "signer", _("Signer changed")
        GONE = "signature_gone", _("Signature gone")
        LOST_TRUST = "lost_trust", _("Trust lost")
        INVALID = "invalid", _("Became invalid")
        UNCHECKED = "unchecked", _("Cannot be checked any more")
        TRUSTED = "trusted", _("Became trusted")
        VERDICT = "verdict", _("Another verdict")
        TAG_MOVED = "tag_moved", _("Tag moved")
        TAG_BACK = "tag_back", _("Tag moved back")
        TAG_GONE = "tag_gone", _("Tag gone")
        DELETED = "deleted", _("Artifact gone")

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="changes")
    # None where an event brought it
    sweep = models.ForeignKey(Sweep, null=True, on_delete=models.SET_NULL, related_name="changes")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    project = models.CharField(max_length=255)
    repository = models.CharField(max_length=512)
    digest = models.CharField(max_length=140)
    tag = models.CharField(max_length=128, blank=True)  # the one that moved, else one of the artifact's
    verdict = models.CharField(max_length=20, blank=True)
    verdict_before = models.CharField(max_length=20, blank=True)
    since = models.DateTimeField(null=True)  # when it got `verdict_before`
    before: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    after: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["registry", "-at", "-id"], name="change_newest"),
            models.Index(fields=["registry", "kind", "-at", "-id"], name="change_of_kind"),
            models.Index(fields=["registry", "project", "-at", "-id"], name="change_of_project"),
            models.Index(fields=["registry", "repository", "digest", "-at"], name="change_of_artifact"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.repository}@{self.digest}"

    @property
    def word(self) -> str:
        """The word of the verdict that was found, translated."""
        return str(WORDS[Verdict(self.verdict)]) if self.verdict else ""
