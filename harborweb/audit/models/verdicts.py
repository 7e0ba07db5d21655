"""The latest verdict of each artifact, and when a signature was first seen."""

from typing import Any

from django.db import models
from django.utils import timezone

from harborweb.audit.models.sweeps import Sweep
from harborweb.audit.words import WORDS
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict

FOUND = models.Q(is_finding=True)
ENDING = models.Q(standing_until__isnull=False)


class ArtifactVerdict(models.Model):
    """The latest verdict of one artifact; whatever looks at it next, a sweep or an event, replaces it."""

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="verdicts")
    # None where an event brought it, and no sweep has seen it yet
    sweep = models.ForeignKey(Sweep, null=True, on_delete=models.CASCADE, related_name="verdicts")
    project = models.CharField(max_length=255)
    repository = models.CharField(max_length=512)
    digest = models.CharField(max_length=140)
    tags: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    verdict = models.CharField(max_length=20)
    rank = models.PositiveSmallIntegerField()  # place in ORDER
    key = models.CharField(max_length=64, blank=True)  # fingerprint
    format = models.CharField(max_length=20, blank=True)
    reason = models.TextField()
    command = models.TextField(blank=True)
    signatures: "models.JSONField[list[Any], list[Any]]" = models.JSONField(default=list)  # each one seen
    evidence: "models.JSONField[dict[str, str], dict[str, str]]" = models.JSONField(default=dict)  # name: base64
    parents: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)  # indexes that list it
    # What the project's policy makes of the verdict (verification.policy.Standing): whether someone should act, and why
    standing = models.CharField(max_length=16, default="finding")
    standing_reason = models.TextField(blank=True)
    is_finding = models.BooleanField(default=True)
    standing_until = models.DateTimeField(null=True)  # when time alone may change it
    badge = models.CharField(max_length=10, blank=True)  # what Harbor shows (audit.badge.harbor); empty: not asked
    pulled = models.DateTimeField(null=True)  # last, as Harbor's list said
    # Of each signature that could be read its identity (judgement.identity_of), its key and its verdict
    signers: "models.JSONField[list[list[str]], list[list[str]]]" = models.JSONField(default=list)
    # The signatures that count, the index's where the verdict is via_index: key and what it signed besides the digest
    counted: "models.JSONField[list[Any], list[Any]]" = models.JSONField(default=list)
    platform = models.CharField(max_length=100, blank=True)  # as an index that lists it says
    first_seen = models.DateTimeField(default=timezone.now)  # the artifact, as far as it was never forgotten
    # What a later sweep compares (audit.memory): of a manifest that is no index its type, how the places of signatures
    # looked when it was judged (nothing: it has to be judged anew), and when that was
    media_type = models.CharField(max_length=100, blank=True)
    look = models.CharField(max_length=64, blank=True)
    looked = models.DateTimeField(default=timezone.now)
    since = models.DateTimeField()  # when it first got this verdict
    checked = models.DateTimeField()

    class Meta:
        ordering = ["rank", "repository", "digest"]
        # Rows are wide (evidence): what pages count, filter and sort by is read from an index alone.
        indexes = [
            # A search looks through all of it: what it looks into stands here too.
            models.Index(
                fields=["registry", "rank", "repository", "digest", "is_finding", "tags", "reason"],
                name="verdict_worst_first",
            ),
            models.Index(
                fields=["registry", "project", "rank", "repository", "digest", "is_finding"], name="verdict_of_project"
            ),
            models.Index(fields=["registry", "repository", "rank", "-since"], name="verdict_of_repository"),
            models.Index(fields=["registry", "badge", "rank", "project"], name="verdict_by_badge"),
            models.Index(fields=["registry", "key", "rank", "repository", "digest"], name="verdict_of_key"),
            models.Index(fields=["registry", "-since", "rank", "is_finding", "project"], name="verdict_newest"),
            models.Index(fields=["is_finding"], name="verdict_is_finding"),
            # What someone should act on is mostly little.
            models.Index(
                fields=["registry", "rank", "repository", "digest"], name="finding_worst_first", condition=FOUND
            ),
            models.Index(fields=["registry", "repository", "rank", "-since"], name="finding_of_repo", condition=FOUND),
            # What a day or an hour can make a finding
            models.Index(fields=["standing_until"], name="verdict_until", condition=ENDING),
        ]
        constraints = [
            models.UniqueConstraint(fields=["registry", "repository", "digest"], name="one_verdict_per_artifact")
        ]

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}: {self.verdict}"

    @property
    def word(self) -> str:
        """The verdict's word, translated."""
        return str(WORDS[Verdict(self.verdict)])


class SignatureSeen(models.Model):
    """When a signature was first seen, by whichever registry: the only time that a key's signature has.

    `identity` is `audit.judging.judgement.identity_of` the finding: the signed bytes and the signature. A copy in
    another repository is the same signature, as old as its first sighting.
    """

    digest = models.CharField(max_length=140)  # of the artifact that it signs
    identity = models.CharField(max_length=64)
    key = models.CharField(max_length=64, blank=True)  # fingerprint of the key that made it, where that is known
    first_seen = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest", "identity"], name="one_first_sight_per_signature")]

    def __str__(self) -> str:
        return f"{self.digest} signed as seen {self.first_seen}"
