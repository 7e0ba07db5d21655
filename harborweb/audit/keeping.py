"""Verdicts as rows: the latest of each artifact."""

import base64
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from harborweb.audit.judgement import Judgement
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.words import ORDER
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict

IDENTITY = ["registry", "repository", "digest"]
CHANGING = [field.name for field in ArtifactVerdict._meta.concrete_fields if field.name not in {"id", *IDENTITY}]
KEPT_FINDINGS = 100  # of one artifact, those of its own verdict first; a manifest may list a thousand signatures


def _row(registry: Registry, this: Sweep, judgement: Judgement) -> ArtifactVerdict:
    return ArtifactVerdict(
        registry=registry,
        sweep=this,
        project=judgement.repository.split("/")[0],
        repository=judgement.repository,
        digest=judgement.digest or f"tag {judgement.tags[0]}",
        tags=list(judgement.tags),
        verdict=judgement.verdict,
        rank=ORDER.index(judgement.verdict),
        key=judgement.key,
        format=judgement.format,
        reason=judgement.reason,
        command=judgement.command,
        parents=list(judgement.parents),
        signatures=[
            {
                "place": finding.place, "verdict": finding.verdict, "reason": finding.reason, "format": finding.format,
                "key": finding.key, "annotations": dict(finding.annotations), "predicate": finding.predicate_type,
            }
            for finding in sorted(judgement.findings, key=lambda one: one.verdict != judgement.verdict)[:KEPT_FINDINGS]
        ],
        evidence={one.name: base64.b64encode(one.body).decode() for one in judgement.evidence},
        checked=timezone.now(),
    )  # fmt: skip


@transaction.atomic
def keep(
    registry: Registry, this: Sweep, repository: str, judgements: Sequence[Judgement], *, whole: bool = True
) -> None:
    """Write `judgements` over what was known of `repository`; `whole` forgets the artifacts they do not name.

    A row keeps its number, and `since` survives where the verdict did not change.
    """
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository)
    known = {row.digest: (row.verdict, row.since) for row in mine.only("digest", "verdict", "since")}
    fresh = [_row(registry, this, judgement) for judgement in judgements]
    for row in fresh:
        verdict, since = known.get(row.digest, ("", row.checked))
        row.since = since if verdict == row.verdict else row.checked
    ArtifactVerdict.objects.bulk_create(
        fresh, batch_size=200, update_conflicts=True, unique_fields=IDENTITY, update_fields=CHANGING
    )
    if whole:
        mine.exclude(sweep=this).delete()


def give_up(registry: Registry, this: Sweep, repository: str, reason: str) -> None:
    """What was known of a repository that cannot be read any more counts as could not check."""
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository)
    now = timezone.now()
    mine.exclude(verdict=Verdict.UNCHECKED).update(since=now)
    mine.update(
        verdict=Verdict.UNCHECKED, rank=ORDER.index(Verdict.UNCHECKED), reason=reason, sweep=this, checked=now, key=""
    )
