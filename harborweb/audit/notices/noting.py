"""What there is to tell, written down where verdicts are kept."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone

from harborweb.audit.kept import Kept, Was
from harborweb.audit.models import ArtifactVerdict, Change, Channel, Happening, Sweep
from harborweb.audit.words import FINDINGS

KEPT_DAYS = 30
BATCH = 500
Kind = Happening.Kind
TOLD = {one.value: Kind(one.value) for one in (Change.Kind.GONE, Change.Kind.SIGNER, Change.Kind.TAG_BACK)}


def note(kept: Kept, **kwargs: Any) -> None:
    """Write what is to be told of what was kept, where anybody wants to be told; after `changes.write` has written."""
    if not Channel.objects.filter(enabled=True).exists():
        return
    kinds = dict(_kinds(kept))
    reasons = _reasons(kept, [digest for digest, kind in kinds.items() if kind != Kind.SOLVED])
    found = [
        _happening(kept, kind, digest, (kept.after.get(digest) or kept.gone[digest]).tags, reasons.get(digest, ""))
        for digest, kind in kinds.items()
    ]
    Happening.objects.bulk_create([*found, *_changes(kept)], batch_size=BATCH)


def _happening(kept: Kept, kind: str, digest: str, tags: Iterable[str], reason: str) -> Happening:
    return Happening(
        registry=kept.registry, project=kept.repository.split("/")[0], repository=kept.repository, digest=digest,
        tags=list(tags), kind=kind, reason=reason, at=kept.at,
    )  # fmt: skip


def _changes(kept: Kept) -> Iterator[Happening]:
    """The changes that people want to hear of, as `audit.changes` has just written them."""
    rows = Change.objects.filter(registry=kept.registry, repository=kept.repository, at=kept.at, kind__in=TOLD)
    for row in rows.order_by("pk"):
        yield _happening(kept, TOLD[row.kind], row.digest, [row.tag] if row.tag else [], "")


def _kinds(kept: Kept) -> Iterator[tuple[str, str]]:
    """By digest, what is to be told of it."""
    for digest, now in kept.after.items():
        before = kept.before.get(digest)
        if now.is_finding and (before is None or _kind(before) != _kind(now)):
            yield digest, _kind(now)
        elif before is not None and before.is_finding and not now.is_finding:
            yield digest, Kind.SOLVED
    for digest, was in kept.gone.items():
        if was.is_finding and digest not in kept.after:
            yield digest, Kind.SOLVED


def _kind(row: Was) -> str:
    """The kind of a finding; nothing for what is none."""
    if not row.is_finding:
        return ""
    return row.verdict if row.verdict in FINDINGS else Kind.POLICY


def _reasons(kept: Kept, digests: list[str]) -> dict[str, str]:
    rows = ArtifactVerdict.objects.filter(registry=kept.registry, repository=kept.repository).order_by()
    found: dict[str, str] = {}
    for start in range(0, len(digests), BATCH):
        some = rows.filter(digest__in=digests[start : start + BATCH])
        found |= {
            one.digest: one.standing_reason or one.reason for one in some.only("digest", "reason", "standing_reason")
        }
    return found


def note_sweep(sweep: Sweep, reason: str) -> None:
    """Write that a sweep could not read everything, or nothing at all."""
    if Channel.objects.filter(enabled=True).exists():
        Happening.objects.create(registry=sweep.registry, kind=Kind.SWEEP, reason=reason)


def newest() -> int:
    """The number of the last happening: what a new channel begins after."""
    return Happening.objects.aggregate(last=Max("pk"))["last"] or 0


def forget_old() -> None:
    """Delete what was written KEPT_DAYS ago; a channel that failed for so long has missed it."""
    Happening.objects.filter(written__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
