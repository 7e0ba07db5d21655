"""What is signed without a click, and why each push was or was not."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from harborweb.jobs.models import Job
from harborweb.registry.models import Registry


class SigningRule(models.Model):
    """Pushes to one project that are signed by themselves: tags by pattern, by whom, with which key.

    Off until somebody switches it on. Only pushes since then count.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="signing_rules")
    project = models.CharField(max_length=255)
    tags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # patterns
    pushers: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # Harbor's names, whole
    key = models.ForeignKey("signing.Key", on_delete=models.CASCADE, related_name="rules")
    on_since = models.DateTimeField(null=True)  # None: off
    created = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["registry", "project", "pk"]

    def __str__(self) -> str:
        return f"{self.project}: {', '.join(self.tags)}"


class SigningDecision(models.Model):
    """One push and what a rule made of it: the trail. `entry` is the number of Harbor's own log entry."""

    rule = models.ForeignKey(SigningRule, null=True, on_delete=models.SET_NULL, related_name="decisions")
    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="signing_decisions")
    project = models.CharField(max_length=255)
    repository = models.CharField(max_length=512)
    tag = models.CharField(max_length=128)
    digest = models.CharField(max_length=140)
    pusher = models.CharField(max_length=255, blank=True)  # as Harbor's log says
    entry = models.PositiveBigIntegerField(default=0)
    signs = models.BooleanField()
    reason = models.CharField(max_length=500)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["registry", "repository", "tag", "digest"], name="decision_of_a_push")]

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag} {_('signed') if self.signs else _('not signed')}: {self.reason}"
