"""Verdicts as rows: the latest of each artifact."""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from harborweb.audit import memory, sightings
from harborweb.audit.judging.judgement import LONGEST_TYPE, Judgement, signers_of
from harborweb.audit.kept import COMPARED, Kept, Was, by_digest
from harborweb.audit.models import ArtifactVerdict, Sweep, TagSighting
from harborweb.audit.policies.restanding import Moved, restand, restand_moved
from harborweb.audit.policies.standings import Standings, indexes_of
from harborweb.audit.trusting import remember
from harborweb.audit.words import ORDER
from harborweb.registry.models import Registry
from harborweb.registry.names import COSIGN_TAG
from harborweb.verification.policy import Standing
from harborweb.verification.verdict import GREEN, Verdict

IDENTITY = ["registry", "repository", "digest"]
CHANGING = [field.name for field in ArtifactVerdict._meta.concrete_fields if field.name not in {"id", *IDENTITY}]
PLACED = ["digest", "tags", "parents", "pulled", "sweep"]  # where an artifact stands; the rest of a row is large
ANY_OF = 200  # of which a statement asks whether one is named in a column
KEPT_BYTES = 256 * 1024  # of all that these signed
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
        badge=judgement.badge,
        pulled=judgement.pulled,
        signers=signers_of(judgement.findings),
        counted=[[one.fingerprint, _storable(one.annotations)] for one in judgement.counted],
        platform=_storable(judgement.platform),
        signatures=_signatures(judgement),
        evidence={one.name: base64.b64encode(one.body).decode() for one in judgement.evidence},
        media_type=_storable(judgement.media_type)[:100],
        look=judgement.look,
        looked=timezone.now(),
        checked=timezone.now(),
    )  # fmt: skip


def _signatures(judgement: Judgement) -> list[dict[str, Any]]:
    """What is kept of each signature, those of the artifact's own verdict first.

    What was signed beside the digest is left out where strangers have signed very much of it.
    """
    found, left = [], KEPT_BYTES
    for finding in sorted(judgement.findings, key=lambda one: one.verdict != judgement.verdict)[:KEPT_FINDINGS]:
        annotations = finding.annotations if len(finding.payload) <= left else {}
        left -= len(finding.payload) if annotations else 0
        found.append({
            "place": finding.place, "verdict": finding.verdict, "reason": finding.reason, "format": finding.format,
            "key": finding.key, "signer": finding.signer, "identity": finding.identity,
            "hint": _storable(finding.hint[:LONGEST_TYPE]), "annotations": _storable(annotations),
            "predicate": _storable(finding.predicate_type[:LONGEST_TYPE]), "step": finding.step,
            "hashed": finding.hashed, "subject": finding.subject, "issuer": finding.issuer,
        })  # fmt: skip
    return found


def _storable(value: Any) -> Any:
    """What a stranger wrote, without the one character that PostgreSQL takes in no text and in no JSON."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, Mapping):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list) else value


@transaction.atomic
def keep_again(registry: Registry, repository: str, judgements: Sequence[Judgement], asked: datetime) -> None:
    """Write `judgements` of artifacts that are kept, by who began at `asked` to ask for each by its digest.

    Where an artifact stands now it stays, whatever moved while it was judged; what was forgotten meanwhile stays
    forgotten, and what somebody has found since is newer and stays.
    """
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository).order_by()
    there = {row.digest: row for row in mine.filter(digest__in=[one.digest for one in judgements]).only(*PLACED)}
    newer = _newer(mine.filter(digest__in=there), asked)
    found = [one for one in judgements if one.digest in there and one.digest not in newer]
    now = timezone.now()
    remember(found, now)
    rows = [_row(registry, None, one) for one in found]
    for row in rows:
        old = there[row.digest]
        row.tags, row.parents, row.pulled, row.sweep_id = old.tags, old.parents, old.pulled, old.sweep_id
    before, after = _write(mine.filter(digest__in=there), rows)
    Kept(registry, repository, now, None, before, after).tell()


@transaction.atomic
def keep_whole(
    registry: Registry, this: Sweep | None, repository: str, judgements: Sequence[Judgement], asked: datetime
) -> None:
    """Write what was found in all of `repository` by who began to ask at `asked`, and forget what was not found.

    What an event has brought since then is newer and stays: the sweep may have looked before it happened.
    """
    meant = {tag: one.digest for one in judgements if one.digest for tag in one.tags if not COSIGN_TAG.fullmatch(tag)}
    unread = {tag for one in judgements if not one.digest for tag in one.tags}
    sightings.whole(registry, repository, meant, asked, unread=unread)
    remember(judgements, timezone.now())
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository)
    newer, changed = _newer(mine, asked), sightings.changed_since(registry, repository, asked)
    moved = memory.mark(registry, this, repository, [one for one in judgements if one.again], asked, changed)
    fresh = (_row(registry, this, one) for one in judgements if not one.again)
    rows = [row for row in fresh if row.digest not in newer]
    for row in rows if changed else ():
        row.tags = [tag for tag in row.tags if changed.get(tag, row.digest) == row.digest]
    stale = {tag for tag, digest in changed.items() if not digest}
    before, after = _write(mine, [row for row in rows if not _lost(row, meant, stale)])
    gone = _delete(mine.filter(checked__lte=asked))
    Kept(registry, repository, asked, this, {**moved.before, **before}, {**moved.after, **after}, gone).tell()


@transaction.atomic
def keep_batch(
    registry: Registry, this: Sweep, repository: str, judgements: Sequence[Judgement], asked: datetime,
    began: datetime, known: Collection[str] = (),
) -> int:  # fmt: skip
    """Write a part of what `this` sweep, which began with the repository at `began`, finds in it; the rest comes, or
    has come, in other batches. Returns how many artifacts are new to this sweep.

    Who asked began at `asked`. An artifact that another batch has kept keeps its verdict, unless this one found the
    index that covers it, and gains tags and parents; so does what is in `known`, which was not judged again. When all
    batches are kept, `forget_unseen` ends it.
    """
    meant = {tag: one.digest for one in judgements if one.digest for tag in one.tags if not COSIGN_TAG.fullmatch(tag)}
    sightings.some(registry, repository, meant, asked)
    remember(judgements, timezone.now())
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository).order_by()
    rows = {row.digest: row for row in (_row(registry, this, one) for one in judgements)}
    again = {one.digest: one for one in judgements if one.again}
    ours = mine.filter(digest__in=rows, sweep=this, checked__gt=began)
    met = {row.digest: row for row in ours.only(*COMPARED, *PLACED)}
    joined = _joined(met, rows)
    newer = _newer(mine.filter(digest__in=rows), asked) - met.keys()
    changed = sightings.changed_since(registry, repository, asked)
    for row in rows.values() if changed else ():
        row.tags = [tag for tag in row.tags if changed.get(tag, row.digest) == row.digest]
    better = {digest for digest, row in met.items() if _covers(rows[digest].verdict, row.verdict)}
    left = {digest for digest in rows if digest not in newer and (digest not in met or digest in better)}
    left -= {*known, *again}
    stale = {tag for tag, digest in changed.items() if not digest}
    same = [one for digest, one in again.items() if digest not in met and digest not in newer]
    moved = memory.mark(registry, this, repository, same, asked, changed)
    fresh = [row for digest, row in rows.items() if digest in left and not _lost(row, meant, stale)]
    before, after = _write(mine.filter(digest__in=rows), fresh)
    if joined.after:
        stands = restand(registry, repository, mine.filter(digest__in=joined.after), Standings.of(registry))
        joined = Moved(joined.before, {**joined.after, **stands.after})
    before, after = {**joined.before, **moved.before, **before}, {**joined.after, **moved.after, **after}
    Kept(registry, repository, asked, this, before, after).tell()
    return len(rows.keys() - met.keys() - {*known})


def _joined(met: Mapping[str, ArtifactVerdict], rows: Mapping[str, ArtifactVerdict]) -> Moved:
    """Give what another batch has kept the tags and parents that this one found for it; those that gained some."""
    before, gained = {}, []
    for digest, row in met.items():
        was, fresh = Was.of(row), rows[digest]
        had = (row.tags, row.parents)
        row.tags = fresh.tags = sorted({*row.tags, *fresh.tags})
        row.parents = fresh.parents = list(dict.fromkeys([*row.parents, *fresh.parents]))
        if had != (row.tags, row.parents):
            before[digest] = was
            gained.append(row)
    ArtifactVerdict.objects.bulk_update(gained, ["tags", "parents"], batch_size=200)
    return Moved(before, by_digest(gained))


def _covers(now: str, before: str) -> bool:
    """Whether an index that was found now covers what was kept as not signed."""
    return now == Verdict.VIA_INDEX and before not in GREEN


@transaction.atomic
def forget_unseen(registry: Registry, this: Sweep, repository: str, began: datetime, unread: Collection[str]) -> None:
    """After the last batch of `repository`, with which the sweep began at `began`: forget the artifacts that none of
    them had, and say of the tags that none had that they are gone; of the `unread` ones nothing is known."""
    sightings.unseen(registry, repository, began, unread)
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository)
    given_up = Q(sweep=None, verdict=Verdict.UNCHECKED, looked__lte=began)  # a part could not be read that now was
    gone = _delete(mine.filter(Q(checked__lte=began) | given_up))
    lost: dict[str, tuple[str, ...]] = {}
    ended = TagSighting.objects.filter(registry=registry, repository=repository, ended=began)
    for tag, digest in ended.order_by().values_list("tag", "digest"):
        lost[digest] = (*lost.get(digest, ()), tag)
    after = by_digest(mine.filter(digest__in=lost).order_by().only(*COMPARED)) if lost else {}
    before = {digest: replace(one, tags=(*one.tags, *lost[digest])) for digest, one in after.items()}
    Kept(registry, repository, began, this, before, after, gone).tell()


def _lost(row: ArtifactVerdict, meant: Mapping[str, str], gone: Collection[str]) -> bool:
    """Whether every tag under which a sweep had found the artifact was seen gone meanwhile."""
    had = {tag for tag, digest in meant.items() if digest == row.digest} if gone and not row.tags else set()
    return bool(had) and had <= set(gone) and not row.parents


@dataclass(frozen=True)
class Looked:
    """What asking for some tags and digests of a repository found; `untagged` where artifacts without a tag count."""

    judgements: Sequence[Judgement]
    asked: datetime
    tags: Mapping[str, str]  # digest by tag
    gone_tags: Collection[str] = ()
    gone: Collection[str] = ()  # digests
    untagged: bool = False


@transaction.atomic
def keep_some(registry: Registry, repository: str, looked: Looked) -> None:
    """Write what was found, take moved and deleted tags from the artifacts that had them, and forget what is gone.

    An artifact that lost its last tag is forgotten, unless an index lists it or such artifacts count here.
    """
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository).order_by()  # by digest alone
    asked_for = {*looked.tags, *looked.gone_tags}
    told = TagSighting.objects.filter(registry=registry, repository=repository, tag__in=asked_for)
    before = set(told.filter(ended=None).values_list("digest", flat=True))
    sightings.some(registry, repository, looked.tags, looked.asked, gone=looked.gone_tags)
    remember(looked.judgements, timezone.now())
    now = dict(told.filter(ended=None).values_list("tag", "digest"))
    fresh = {judgement.digest: _row(registry, None, judgement) for judgement in looked.judgements}
    newer = _newer(mine.filter(digest__in=fresh), looked.asked)
    known = {row.digest: row for row in mine.filter(digest__in={*before, *fresh}).only(*PLACED, *COMPARED)}
    were = by_digest(known.values())  # with the tags that they had
    for digest, row in {**known, **fresh}.items():
        old = known.get(digest)
        others = {tag for tag in (old.tags if old else ()) if tag not in asked_for}
        row.tags = sorted(others.union(tag for tag, meant in now.items() if meant == digest))
        if old is not None and old is not row:
            old.tags, row.sweep_id = row.tags, old.sweep_id
            row.parents = list(dict.fromkeys([*row.parents, *old.parents]))
    ArtifactVerdict.objects.bulk_update(known.values(), ["tags"], batch_size=200)
    was, after = _write(mine.filter(digest__in=fresh), [row for digest, row in fresh.items() if digest not in newer])
    moved = restand_moved(registry, repository, after)
    after |= by_digest(row for row in known.values() if row.digest not in after)
    was |= {digest: one for digest, one in were.items() if digest in after}
    was, after = {**moved.before, **was}, {**after, **moved.after}
    bare = {row.digest for row in known.values() if not row.tags and not row.parents and row.digest not in fresh}
    gone = _forget(mine, {*looked.gone} if looked.untagged else {*looked.gone, *bare}, orphans=not looked.untagged)
    gone |= {digest: one for digest, one in were.items() if digest in gone}
    after = {digest: one for digest, one in after.items() if digest not in gone}
    Kept(registry, repository, looked.asked, None, was, after, gone).tell()


def forget_repositories(registry: Registry, this: Sweep, listed: Collection[str], asked: datetime) -> None:
    """Forget what lay in repositories, of the project that was swept or of all, that the registry did not list at
    `asked`."""
    rows = ArtifactVerdict.objects.filter(registry=registry, checked__lte=asked).order_by()
    rows = rows.filter(project=this.project) if this.project else rows
    for name in sorted(set(rows.values_list("repository", flat=True).distinct()) - set(listed)):
        with transaction.atomic():
            gone = _delete(rows.filter(repository=name))
            Kept(registry, name, asked, this, gone=gone).tell()


def _delete(rows: QuerySet[ArtifactVerdict]) -> dict[str, Was]:
    """Delete `rows`; what they were."""
    were = by_digest(rows.only(*COMPARED))
    rows.delete()
    return were


def _forget(mine: QuerySet[ArtifactVerdict], gone: Collection[str], *, orphans: bool) -> dict[str, Was]:
    """Delete rows, and with `orphans` those that only they listed; what they were."""
    were: dict[str, Was] = {}
    while gone:
        were |= _delete(mine.filter(digest__in=gone))
        below = listed_by(mine.filter(tags=[]).only(*PLACED), list(gone))
        for row in below:
            row.parents = [digest for digest in row.parents if digest not in gone]
        ArtifactVerdict.objects.bulk_update(below, ["parents"], batch_size=200)
        gone = {row.digest for row in below if orphans and not row.parents}
    return were


def listed_by(rows: QuerySet[ArtifactVerdict], indexes: Sequence[str]) -> list[ArtifactVerdict]:
    """Those of `rows` that one of `indexes` lists; a statement that names too many of them SQLite refuses."""
    found: dict[int, ArtifactVerdict] = {}
    for start in range(0, len(indexes), ANY_OF):
        some = reduce(or_, (Q(parents__icontains=digest) for digest in indexes[start : start + ANY_OF]))
        found |= {row.pk: row for row in rows.filter(some)}
    return list(found.values())


def _newer(mine: QuerySet[ArtifactVerdict], asked: datetime) -> set[str]:
    """Digests that somebody could check since `asked`."""
    checked = mine.filter(checked__gt=asked).exclude(verdict=Verdict.UNCHECKED)
    return set(checked.values_list("digest", flat=True))


def _write(mine: QuerySet[ArtifactVerdict], fresh: Sequence[ArtifactVerdict]) -> tuple[dict[str, Was], dict[str, Was]]:
    """Insert or replace rows by digest; what they were and are."""
    rows = {row.digest: row for row in mine.only(*COMPARED, "first_seen")}
    new = [row for row in fresh if row.digest not in rows]
    sighted = sightings.first(new[0].registry, new[0].repository, [row.digest for row in new]) if new else {}
    for row in fresh:
        old = rows.get(row.digest)
        row.since = old.since if old and old.verdict == row.verdict else row.checked
        row.first_seen = old.first_seen if old else min(row.checked, sighted.get(row.digest, row.checked))
    if fresh:
        above = indexes_of(fresh[0].registry, fresh[0].repository, fresh)
        standings = Standings.of(fresh[0].registry)
        for row in fresh:
            standings.put(row, above)
    ArtifactVerdict.objects.bulk_create(
        fresh, batch_size=200, update_conflicts=True, unique_fields=IDENTITY, update_fields=CHANGING
    )
    return by_digest(rows[row.digest] for row in fresh if row.digest in rows), by_digest(fresh)


def give_up(registry: Registry, this: Sweep, repository: str, reason: str, before: datetime | None = None) -> None:
    """What was known of a repository that cannot be read any more counts as could not check; with `before` what was
    checked up to then. `this` sweep has not seen it: where another part of it does, or where it is gone on with, it is
    judged."""
    mine = ArtifactVerdict.objects.filter(registry=registry, repository=repository)
    with transaction.atomic():
        now = timezone.now()
        old = mine.filter(checked__lte=before or now)
        were = by_digest(old.only(*COMPARED))
        old.exclude(verdict=Verdict.UNCHECKED).update(since=now)
        old.update(
            verdict=Verdict.UNCHECKED, rank=ORDER.index(Verdict.UNCHECKED), reason=reason, sweep=None, checked=now,
            key="", counted=[], standing=Standing.FINDING, standing_reason=reason, is_finding=True,
            standing_until=None,
        )  # fmt: skip
        given_up = mine.filter(sweep=None, checked=now)
        restand(registry, repository, given_up, Standings.of(registry))
        Kept(registry, repository, now, this, were, by_digest(given_up.only(*COMPARED))).tell()
