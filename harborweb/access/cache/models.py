"""What was set up here, and what Docker Hub last said of its limit."""

from django.db import models

from harborweb.access.cache.presets import BY_KEY, Preset
from harborweb.registry.models import Registry


class Cache(models.Model):
    """A cache that was made, or begun, here: which upstream stands behind which project of which Harbor.

    Written before Harbor is asked. `upstream_id` is Harbor's, None until the upstream is there; `whole` says that
    the project is there too, so that a row with an upstream and not whole is a cache that stopped half-way.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="caches")
    project = models.CharField(max_length=255)
    kind = models.CharField(max_length=32)
    upstream_name = models.CharField(max_length=255)
    upstream_url = models.CharField(max_length=300)
    upstream_id = models.BigIntegerField(null=True)
    upstream_ours = models.BooleanField(default=True)  # made with this cache, so it may go with it
    settings = models.JSONField(default=dict)  # the project to be: public, storage, speed, keep
    whole = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["registry", "project"], name="one_cache_a_project")]
        ordering = ["project"]

    def __str__(self) -> str:
        return self.project

    @property
    def preset(self) -> Preset:
        """The kind of upstream."""
        return BY_KEY.get(self.kind, BY_KEY["oci"])


class PullReading(models.Model):
    """What Docker Hub said of its limit; `account` is empty for the address of the machine that asked."""

    at = models.DateTimeField(auto_now_add=True)
    account = models.CharField(max_length=255, blank=True)
    limit = models.PositiveIntegerField(null=True)
    remaining = models.PositiveIntegerField(null=True)
    window = models.PositiveIntegerField(default=0)
    source = models.CharField(max_length=80, blank=True)
    spent = models.BooleanField(default=False)
    words = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.remaining} of {self.limit}"

    @property
    def hours(self) -> float:
        """The window in hours."""
        return self.window / 3600
