"""Verdicts as rows: the latest of each artifact."""

import base64
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from harborweb.audit import sightings
from harborweb.audit.judgement import Judgement
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.words import ORDER
from harborweb.registry.models import Registry
from harborweb.registry.names import COSIGN_TAG
from harborweb.verification.verdict import Verdict

IDENTITY = ["registry", "repository", "digest"]
CHANGING = [field.name for field in ArtifactVerdict._meta.concrete_fields if field.name not in {"id", *IDENTITY}]
KEPT_FINDINGS = 100  # of one artifact, those of its own verdict first; a manifest may list a thousand signatures


def _row(registry: Registry, this: Sweep | None, judgement: Judgement) -> ArtifactVerdict:
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
def keep(registry: Registry, this: Sweep | None, repository: str, judgements: Sequence[Judgement]) -> None:
    """Write `judgements` over what was known of these artifacts of `repository`, and of no others.

    A row keeps its number, and `since` survives where the verdict did not change. `this` is None where no sweep
    has seen the artifact.
    """
    _write(
        ArtifactVerdict.objects.filter(registry=registry, repository=repository),
        [_row(registry, this, judgement) for judgement in judgements],
    )


@transaction.atomic
def keep_whole(
    registry: Registry, this: Sweep, repository: str, judgements: Sequence[Judgement], asked: datetime
) -> None:
    """Write what a sweep that began to ask at `asked` found in `repository`, and forget what it did not find.

    What an event has brought since then is newer and stays: the sweep may have looked before it happened.
    """
    meant = {tag: one.digest for one in judgements if one.digest for tag in one.tags if not COSIGN_TAG.fullmatch(tag)}
    unread = {tag for one in judgements if not one.digest for tag in one.tags}
    sightings.whole(registry, repository, meant, asked, unread=unread)
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository)
    newer = mine.filter(checked__gt=asked).exclude(verdict=Verdict.UNCHECKED)
    known = set(newer.values_list("digest", flat=True))
    rows = [_row(registry, this, judgement) for judgement in judgements]
    _write(mine, [row for row in rows if row.digest not in known])
    mine.exclude(sweep=this).filter(checked__lte=asked).delete()


def _write(mine: QuerySet[ArtifactVerdict], fresh: Sequence[ArtifactVerdict]) -> None:
    """Insert or replace rows by digest."""
    known = {row.digest: (row.verdict, row.since) for row in mine.only("digest", "verdict", "since")}
    for row in fresh:
        verdict, since = known.get(row.digest, ("", row.checked))
        row.since = since if verdict == row.verdict else row.checked
    ArtifactVerdict.objects.bulk_create(
        fresh, batch_size=200, update_conflicts=True, unique_fields=IDENTITY, update_fields=CHANGING
    )


def give_up(registry: Registry, this: Sweep, repository: str, reason: str) -> None:
    """What was known of a repository that cannot be read any more counts as could not check."""
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository)
    now = timezone.now()
    mine.exclude(verdict=Verdict.UNCHECKED).update(since=now)
    mine.update(
        verdict=Verdict.UNCHECKED, rank=ORDER.index(Verdict.UNCHECKED), reason=reason, sweep=this, checked=now, key=""
    )
