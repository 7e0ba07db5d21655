"""How many artifacts had which verdict when."""

from django.db import models

from harborweb.audit.models.sweeps import Sweep
from harborweb.registry.models import Registry


class Tally(models.Model):
    """The counts of one project of a registry, or with no project of all of it, when a sweep had come to its end.

    Of days gone by the last one is kept, so that a year of hourly sweeps is 365 rows a project; `audit.tallies`
    writes and thins them.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="tallies")
    sweep = models.ForeignKey(Sweep, null=True, on_delete=models.SET_NULL, related_name="tallies")
    project = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()
    counts: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)
    findings = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["registry", "project", "at"], name="tally_of_project")]

    def __str__(self) -> str:
        return f"{self.project or self.registry} at {self.at}"

    @property
    def total(self) -> int:
        """All artifacts."""
        return sum(self.counts.values())
