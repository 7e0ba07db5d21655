"""One walk over a registry."""

from django.db import models

from harborweb.jobs.models import Job
from harborweb.registry.models import Registry


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
