"""Judge again what has just been signed, so that no page contradicts the signature it shows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q

from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.rows import judge_artifact
from harborweb.audit.keeping import keep
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.trusting import Trust, by_current
from harborweb.registry import running
from harborweb.registry.client import Client
from harborweb.registry.models import Registry

MOST = 50  # children of one index; the next sweep judges the others


def judge_again(registry: Registry, repository: str, digest: str, **kwargs: Any) -> None:
    """Bring the kept verdict of `digest` up to date, and those of what it lists if it is an index.

    What no sweep has seen yet stays for the first one. Raises RegistryError when the registry cannot be asked.
    """
    rows = ArtifactVerdict.objects.filter(registry=registry, repository=repository).select_related("sweep")
    rows = rows.filter(Q(digest=digest) | Q(parents__icontains=digest)).defer("evidence", "signatures")
    touched = [row for row in rows if row.digest == digest or digest in row.parents][:MOST]
    judgements = _judged(registry, touched)
    for row, judgement in zip(touched, judgements, strict=True):
        placed = replace(judgement, tags=tuple(row.tags), parents=tuple(row.parents))
        keep(registry, row.sweep, repository, [placed])


def _judged(registry: Registry, rows: Sequence[ArtifactVerdict]) -> list[Judgement]:
    return by_current(lambda ring: running.run(_judge(registry, rows, ring)), _around(rows))


def _around(rows: Sequence[ArtifactVerdict]) -> set[str]:
    """The rows' digests, and those of the indexes that list them."""
    return {digest for row in rows for digest in (row.digest, *row.parents)}


async def _judge(registry: Registry, rows: Sequence[ArtifactVerdict], ring: Trust) -> list[Judgement]:
    async with Client(registry.endpoint()) as client:
        return [
            await judge_artifact(client, row.repository, row.digest, ring.keys, ring.options(), row.parents)
            for row in rows
        ]


def judge_many_again(registry: Registry, repository: str, digests: Sequence[str], **kwargs: Any) -> None:
    """The same for many digests of one repository, a part at a time; what indexes list was signed with them."""
    rows = ArtifactVerdict.objects.filter(registry=registry, repository=repository).select_related("sweep")
    for start in range(0, len(digests), MOST):
        touched = list(rows.filter(digest__in=digests[start : start + MOST]).defer("evidence", "signatures"))
        if not touched:
            continue
        judgements = _judged(registry, touched)
        sweeps: dict[int | None, list[Judgement]] = {}
        for row, judgement in zip(touched, judgements, strict=True):
            placed = replace(judgement, tags=tuple(row.tags), parents=tuple(row.parents))
            sweeps.setdefault(row.sweep_id, []).append(placed)
        by_number = {row.sweep_id: row.sweep for row in touched}
        for number, placed_rows in sweeps.items():
            keep(registry, by_number[number], repository, placed_rows)
