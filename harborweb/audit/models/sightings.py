"""Which digest a tag meant when."""

from datetime import datetime

from django.db import models

from harborweb.registry.models import Registry


class TagSighting(models.Model):
    """A stretch of time in which a tag meant one digest, as far as we looked.

    It begins when the tag was first seen there and ends when it was first seen elsewhere or nowhere; `ended` is
    None while it still holds. `audit.sightings` writes them, `audit.history` reads them.
    """

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="sightings")
    repository = models.CharField(max_length=512)
    tag = models.CharField(max_length=128)
    digest = models.CharField(max_length=140)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=20, blank=True)  # the digest's, when the stretch ended

    class Meta:
        ordering = ["tag", "first_seen"]
        indexes = [
            models.Index(fields=["registry", "repository", "tag", "first_seen"], name="sighting_of_a_tag"),
            models.Index(fields=["registry", "repository", "first_seen"], name="sighting_newest"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["registry", "repository", "tag"], condition=models.Q(ended=None), name="one_digest_per_tag"
            )
        ]

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag} was {self.digest}"

    def covers(self, at: datetime) -> bool:
        """Whether the stretch has begun at `at` and not ended yet."""
        return self.first_seen <= at and (self.ended is None or at < self.ended)
