"""Installers, attempts to make a revision run, and what the host worker saw last."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from harborweb.configuration.models import Revision
from harborweb.jobs.models import Job
from harborweb.sealing import unseal

STALE = timedelta(seconds=35)  # three looks missed: nobody answers


class Installer(models.Model):
    """An installer folder on the worker's host, and where it came from. `ready` is set by its job, once."""

    class Source(models.TextChoices):
        FOLDER = "folder", _("folder on the host")
        UPLOAD = "upload", _("uploaded archive")
        URL = "url", _("archive from a URL")

    source = models.CharField(max_length=8, choices=Source.choices)
    name = models.CharField(max_length=1024)  # the folder, file name or URL as it was given
    expected_sha256 = models.CharField(max_length=64, blank=True)
    created = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=150, blank=True)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")

    ready = models.BooleanField(default=False)
    path = models.CharField(max_length=1024, blank=True)  # on the worker's host
    template_sealed = models.BinaryField(default=bytes)  # somebody may have typed a password into a template
    version = models.CharField(max_length=60, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)  # of the archive
    size = models.PositiveBigIntegerField(default=0)
    tree: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
    more = models.PositiveIntegerField(default=0)  # entries the tree does not show

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.version or '?'} ({self.name})"

    def template(self) -> str:
        """The text of its harbor.yml.tmpl."""
        return unseal(self.template_sealed, "installer").decode() if self.template_sealed else ""


class InstallerPiece(models.Model):
    """A piece of an uploaded archive on its way to the host worker; deleted when its job ends."""

    installer = models.ForeignKey(Installer, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["installer", "number"], name="installer_piece_once")]

    def __str__(self) -> str:
        return f"{self.installer_id}/{self.number}"


def fresh_token() -> str:
    """A name that no other deployment has."""
    return uuid.uuid4().hex


class Deployment(models.Model):
    """An attempt to make a revision run. How the attempt went is its job's state; how it left the host, its outcome."""

    EXCLUSIVE = "host"  # the key of every job that changes the host: one at a time

    class Outcome(models.TextChoices):
        DEPLOYED = "deployed", _("Deployed")
        UNDISTURBED = "undisturbed", _("Nothing was changed")
        ROLLING_BACK = "rolling_back", _("Rolling back")
        ROLLED_BACK = "rolled_back", _("Rolled back")
        UNDONE = "undone", _("Undone")  # a first deployment: there was nothing to go back to
        INTERRUPTED = "interrupted", _("Interrupted")  # its worker was killed; nobody has put it right yet
        NEEDS_YOU = "needs_you", _("Needs you")

    TAKEN_BACK = (Outcome.ROLLED_BACK, Outcome.UNDONE)

    number = models.PositiveIntegerField(unique=True)
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="deployments")
    installer = models.ForeignKey(Installer, on_delete=models.PROTECT, related_name="deployments")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    with_trivy = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=150, blank=True)
    began = models.BooleanField(default=False)  # containers were touched: what runs may be this one
    found_running = models.BooleanField(default=False)  # nobody deployed it from here: it ran when it was imported
    roll_back = models.BooleanField(default=True)  # by itself, when something fails after Down
    token = models.CharField(max_length=32, default=fresh_token)  # names it in the journal on the host's disk
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)  # empty: not known yet
    note = models.TextField(blank=True)  # the outcome in a sentence or two
    phase = models.CharField(max_length=20, blank=True)  # where it was interrupted, from the journal
    snapshot = models.BooleanField(default=False)  # the host still has what was there before
    recovery = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")  # the last one

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"deployment {self.number} of revision {self.revision.number}"

    @property
    def state(self) -> str:
        """The job's state; lost when its row is gone."""
        return self.job.state if self.job else Job.State.LOST


class Rendered(models.Model):
    """What prepare had rendered when a deployment succeeded; see deployment/rendered.py."""

    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="rendering")
    sealed = models.BinaryField()  # the files hold passwords

    def __str__(self) -> str:
        return f"rendered files of {self.deployment}"


class Drift(models.Model):
    """How the folder of what runs differs from what was deployed, as the host worker saw it last: one row.

    `findings` names kinds, files and times, never a content; the contents of files that differ are sealed.
    """

    ONLY = 1

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    seen = models.DateTimeField()
    signature = models.CharField(
        max_length=64, blank=True
    )  # of all that was looked at; the same: nothing to read again
    findings: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)
    files_sealed = models.BinaryField(default=bytes)

    def __str__(self) -> str:
        return f"drift from {self.deployment}"


class Host(models.Model):
    """What the host worker saw last: one row. Facts and containers are as `looking` writes them."""

    seen = models.DateTimeField()
    name = models.CharField(max_length=120, blank=True)
    engine: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    compose = models.CharField(max_length=60, blank=True)
    compose_seen = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)  # why nothing can be deployed here, empty when it can
    advice = models.TextField(blank=True)
    project = models.CharField(max_length=120, blank=True)
    containers: "models.JSONField[list[dict[str, Any]], list[dict[str, Any]]]" = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name

    @property
    def stale(self) -> bool:
        """Whether the host worker has been silent for too long to believe this."""
        return timezone.now() - self.seen > STALE


class Backup(models.Model):
    """An archive on the worker's host; `ready` is set by its job once it was written, decrypted and compared."""

    created = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=150, blank=True)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    installer = models.ForeignKey(Installer, null=True, on_delete=models.SET_NULL, related_name="+")
    with_database = models.BooleanField(default=True)

    ready = models.DateTimeField(null=True)
    path = models.CharField(max_length=1024, blank=True)  # on the worker's host
    version = models.CharField(max_length=60, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    files = models.PositiveIntegerField(default=0)
    databases: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)  # name: bytes
    without = models.TextField(blank=True)  # why there is no database in it
    registry = models.CharField(max_length=1024, blank=True)  # where the images lie, which are not in it
    registry_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.path

    @property
    def file(self) -> str:
        """The name of its file."""
        return self.path.rsplit("/", 1)[-1]


class DryRun(models.Model):
    """What deploying a revision, or the draft, would change; made by its job, which rehearses twice."""

    revision = models.ForeignKey(Revision, null=True, on_delete=models.CASCADE, related_name="+")  # None: the draft
    text_sealed = models.BinaryField()
    installer = models.ForeignKey(Installer, on_delete=models.CASCADE, related_name="+")
    with_trivy = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=150, blank=True)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    sealed = models.BinaryField(default=bytes)  # JSON of the differences, secrets masked; still nobody else's business

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"dry run of revision {self.revision.number}" if self.revision else "dry run of the draft"

    def text(self) -> str:
        """The harbor.yml, with its passwords."""
        return unseal(self.text_sealed, "dry run").decode()


class Upgrade(models.Model):
    """From what runs to a newer installer: texts to merge, what was decided, and the deployment it became."""

    before = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")  # what it begins from
    installer = models.ForeignKey(Installer, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=150, blank=True)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")  # prepare migrate on a copy
    texts_sealed = models.BinaryField(default=bytes)  # JSON: base, ours, theirs, migrated; empty until the job is done
    migrate_note = models.TextField(blank=True)  # why prepare migrate brought nothing
    decisions: "models.JSONField[dict[str, str], dict[str, str]]" = models.JSONField(default=dict)  # key: ours, …
    deployment = models.ForeignKey(Deployment, null=True, on_delete=models.SET_NULL, related_name="upgrades")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"upgrade to {self.installer.version}"
