"""What is wanted of a registry's images, as it was said over time."""

from typing import Any

from django.db import models

from harborweb.registry.models import Registry


class PolicyRevision(models.Model):
    """A policy of a registry as somebody saved it; the one with the highest number holds, and none is ever changed.

    `document` is what `verification.policy` reads. Going back to an older one makes a new revision.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="policies")
    number = models.PositiveIntegerField()
    document: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    note = models.CharField(max_length=300, blank=True)
    restored = models.PositiveIntegerField(null=True)  # number of the one that it says again
    by = models.CharField(max_length=150, blank=True)
    saved = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["registry", "number"], name="one_policy_per_number")]

    def __str__(self) -> str:
        return f"policy {self.number} of {self.registry}"
