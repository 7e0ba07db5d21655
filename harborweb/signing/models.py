"""Keys, and which cosign the workers have."""

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from harborweb.jobs.models import Job
from harborweb.signing.many.models import BulkItem, BulkSigning
from harborweb.tools import cosign_features

__all__ = ["BulkItem", "BulkSigning", "CosignFound", "Key"]


class Key(models.Model):
    """A key pair, or the public half of one.

    The private half is cosign's own encrypted PEM, sealed once more with the app's secret; only
    workers open it. Its password is stored (sealed), asked at each use, or empty.

        making ─ worker has proved it ─▶ ready
          └───── job settled otherwise ─▶ failed (may be deleted, or tried again under the same name)
    """

    class Kind(models.TextChoices):
        PAIR = "pair", _("key pair, sealed here")
        PUBLIC = "public", _("public key only")
        KMS = "kms", _("key in a KMS, used through cosign")

    class Password(models.TextChoices):
        STORED = "stored", _("Stored here, sealed: one click signs")
        ASKED = "asked", _("Asked each time: never stored")
        NONE = "none", _("No password: only the app’s secret protects it")

    class State(models.TextChoices):
        MAKING = "making", _("Being made")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    SIGNING = (Kind.PAIR, Kind.KMS)

    name = models.CharField(_("name"), max_length=80, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.READY, db_index=True)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")  # that makes it
    algorithm = models.CharField(max_length=40, blank=True)  # "ECDSA P-256", as verification.keys names it
    public_pem = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=64, null=True, unique=True)  # sha256 of the DER, hex
    private_sealed = models.BinaryField(null=True)
    password_sealed = models.BinaryField(null=True)
    password_mode = models.CharField(max_length=8, choices=Password.choices, default=Password.NONE)
    origin: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)  # keyfiles.Public
    kms_uri = models.CharField(max_length=500, blank=True)  # hashivault://…, awskms://…: no secret
    trusted = models.BooleanField(default=True)
    # When its signatures count, by the time harborweb first saw each (verification.trust)
    not_before = models.DateTimeField(null=True, blank=True)
    not_after = models.DateTimeField(null=True, blank=True)
    revoked_from = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=500, blank=True)
    successor = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="predecessors")
    projects: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # patterns; none: every one
    published = models.BooleanField(default=False)  # its public half is shown without sign-in
    created = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)
    used = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def now(self) -> str:
        """Its state, counting a job that ended without a word: "making", "ready" or "failed"."""
        if self.state == self.State.MAKING and (self.job is None or self.job.settled):
            return str(self.State.FAILED)
        return self.state

    @property
    def imported(self) -> bool:
        """Whether it was made elsewhere."""
        return self.kind == self.Kind.PUBLIC or (self.job is not None and self.job.kind == "import_key")

    @property
    def signs(self) -> bool:
        """Whether it can sign: the private half is here or in a KMS, and proved."""
        return self.kind in self.SIGNING and self.state == self.State.READY

    @property
    def asks(self) -> bool:
        """Whether signing needs its password typed."""
        return self.signs and self.password_mode == self.Password.ASKED

    @property
    def file_name(self) -> str:
        """What the public half is called as a file."""
        return f"{slugify(self.name) or 'key'}.pub"

    @property
    def fingerprint_words(self) -> str:
        """The fingerprint in groups of four, for reading aloud."""
        text = self.fingerprint or ""
        return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


class KeyChange(models.Model):
    """What a key's limits were before somebody changed them, and are since: so they can be brought back."""

    key = models.ForeignKey(Key, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=150, blank=True)
    before: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()  # limits.Limits.written
    after: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.key}: limits changed {self.at}"


class PublicPage(models.Model):
    """Whether a page of the published keys is shown to everybody; one row, none means no."""

    shown = models.BooleanField(default=False)
    words = models.CharField(max_length=1000, blank=True)  # whose keys these are, and where to ask

    def __str__(self) -> str:
        return f"public page: {self.shown}"


class CosignFound(models.Model):
    """The cosign that the workers of one host have, as they saw it last; no version means none was found."""

    host = models.CharField(max_length=255, unique=True)
    version = models.CharField(max_length=80, blank=True)
    path = models.CharField(max_length=500, blank=True)
    seen = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-seen"]

    def __str__(self) -> str:
        return f"{self.host}: cosign {self.version or '-'}"

    @property
    def parsed(self) -> cosign_features.Version | None:
        """The version, or None when there is none that can be read."""
        return cosign_features.parse(self.version)

    @property
    def vulnerable(self) -> str:
        """The CVE this version has, or nothing."""
        return cosign_features.vulnerable(self.parsed) if self.parsed else ""

    @property
    def unsupported(self) -> bool:
        """Whether one is there that harborweb cannot use."""
        return bool(self.path) and (self.parsed is None or not cosign_features.supported(self.parsed))
