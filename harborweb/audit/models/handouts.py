"""What was made for somebody else to take along: signed reports and archives of evidence."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from harborweb.jobs.models import Job
from harborweb.registry.models import Registry


class Handout(models.Model):
    """A file that a job makes and people download until it is deleted; it lies here in pieces, as workers and web may
    run on different machines."""

    class Kind(models.TextChoices):
        REPORT = "report", _("signed report")
        EVIDENCE = "evidence", _("evidence archive")

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="handouts")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    query = models.CharField(max_length=1000)  # the filter, as an address has it
    scope = models.CharField(max_length=500, blank=True)  # the same in words; empty: everything
    signed_by = models.CharField(max_length=80, blank=True)  # the key's name
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="handouts")
    who = models.CharField(max_length=150, blank=True)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField(db_index=True)
    name = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    ready = models.BooleanField(default=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["registry", "-created"], name="handout_newest")]

    def __str__(self) -> str:
        return self.name or f"{self.kind} of {self.registry}"


class HandoutPiece(models.Model):
    """A piece of a handout's file."""

    handout = models.ForeignKey(Handout, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["handout", "number"], name="handout_piece_once")]

    def __str__(self) -> str:
        return f"{self.handout_id}/{self.number}"
