"""Changes are written where verdicts are kept, in the same transaction, by comparing what was with what is."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q

from harborweb.audit.kept import Kept, Was
from harborweb.audit.models import ArtifactVerdict, Change, Sweep, TagSighting
from harborweb.verification.verdict import GREEN, Verdict

BATCH = 500
SIGNED = {*GREEN, Verdict.UNKNOWN_KEY}  # a signature was there that somebody's key had made

Kind = Change.Kind
BECAME = {Verdict.INVALID: Kind.INVALID, Verdict.UNCHECKED: Kind.UNCHECKED}


def write(kept: Kept, **kwargs: Any) -> None:
    """A receiver of `audit.kept.kept`: write what has changed, unless this is the first that is seen of it.

    Costs nothing but comparing where nothing has changed.
    """
    differing = {digest for digest, now in kept.after.items() if kept.before.get(digest) != now}
    if not (differing or kept.gone) or not _known_before(kept):
        return
    moved = _Tags(kept, differing)
    found = [*moved.changes(), *_artifacts(kept, differing), *_gone(kept, moved)]
    Change.objects.bulk_create(found, batch_size=BATCH)


def _known_before(kept: Kept) -> bool:
    """Whether a sweep of all this had come to its count before: the first is what all later ones are compared with."""
    over = Q(**Sweep.WHOLE) | Q(project=kept.repository.partition("/")[0], repository="")
    return Sweep.objects.filter(over, registry=kept.registry, finished__lte=kept.at).exclude(counts={}).exists()


def _artifacts(kept: Kept, differing: Iterable[str]) -> Iterator[Change]:
    """New artifacts, and those with another verdict or another signer."""
    for digest in sorted(differing):
        now, was = kept.after[digest], kept.before.get(digest)
        if ":" not in digest:
            continue  # a tag that could not be read
        kind = _new(now.verdict) if was is None else _changed(was, now)
        if kind:
            yield _change(kept, kind, digest, was=was, now=now)


def _new(verdict: str) -> Kind:
    if verdict in GREEN:
        return Kind.NEW_SIGNED
    return Kind.NEW_UNSIGNED if verdict == Verdict.UNSIGNED else Kind.NEW_OTHER


def _changed(was: Was, now: Was) -> Kind | None:
    """What happened to an artifact that was there, or None where it is as it was."""
    if was.verdict == now.verdict:
        both = bool(was.signers and now.signers)  # what was kept before signers were has none
        return Kind.SIGNER if both and was.signers != now.signers else None
    if now.verdict in BECAME:
        return BECAME[Verdict(now.verdict)]
    if now.verdict in GREEN:
        return Kind.VERDICT if was.verdict in GREEN else Kind.TRUSTED
    if was.verdict in SIGNED and now.verdict in {Verdict.UNSIGNED, Verdict.ATTESTATION_ONLY}:
        return Kind.GONE
    return Kind.LOST_TRUST if was.verdict in GREEN else Kind.VERDICT


def _gone(kept: Kept, moved: "_Tags") -> Iterator[Change]:
    """Artifacts that were forgotten, unless a tag that moved tells it already."""
    for digest, was in sorted(kept.gone.items()):
        if ":" not in digest:
            continue
        meaning = {moved.now.get(tag) for tag in was.tags}
        if digest in meaning:  # the tag is listed and could not be read
            yield _change(kept, Kind.UNCHECKED, digest, was=was, verdict=Verdict.UNCHECKED)
        elif not (was.tags and meaning <= moved.replaced[digest] and None not in meaning):
            yield _change(kept, Kind.DELETED, digest, was=was)


def _change(
    kept: Kept, kind: Kind, digest: str, *, was: Was | None = None, now: Was | None = None, verdict: str = "",
    tag: str = "", before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None,
) -> Change:  # fmt: skip
    tags = (now.tags if now else ()) or (was.tags if was else ())
    return Change(
        registry=kept.registry, sweep=kept.sweep, kind=kind, project=kept.repository.partition("/")[0],
        repository=kept.repository, digest=digest, tag=tag or (tags[0] if tags else ""), at=kept.at,
        verdict=verdict or (now.verdict if now else ""), verdict_before=was.verdict if was else "",
        since=was.since if was else None,
        before={**({"signers": sorted(was.signers)} if was and was.signers else {}), **(before or {})},
        after={**({"signers": sorted(now.signers)} if now and now.signers else {}), **(after or {})},
    )  # fmt: skip


class _Tags:
    """What the tags mean whose artifacts differ, and what they meant before.

    `now` is the digest by tag, where it means one; `replaced` the digests that took over tags of a digest.
    """

    def __init__(self, kept: Kept, differing: Iterable[str]) -> None:
        self.kept = kept
        had = {tag: digest for digest, was in {**kept.before, **kept.gone}.items() for tag in was.tags}
        has = {tag: digest for digest in differing for tag in kept.after[digest].tags}
        lost = {
            tag
            for digest, was in {
                **kept.gone,
                **{one: kept.before[one] for one in differing if one in kept.before},
            }.items()
            for tag in was.tags
        }
        self.asked = sorted({tag for tag, digest in has.items() if had.get(tag) != digest} | (lost - has.keys()))
        self.had = had
        self.stretches = self._stretches()
        self.now = {tag: found[-1].digest for tag, found in self.stretches.items() if found[-1].ended is None}
        self.replaced: dict[str, set[str | None]] = defaultdict(set)
        for tag, digest in had.items():
            if self.now.get(tag, digest) != digest:
                self.replaced[digest].add(self.now[tag])

    def _stretches(self) -> dict[str, list[TagSighting]]:
        found: dict[str, list[TagSighting]] = {}
        rows = TagSighting.objects.filter(registry=self.kept.registry, repository=self.kept.repository)
        for start in range(0, len(self.asked), BATCH):
            for one in rows.filter(tag__in=self.asked[start : start + BATCH]).order_by("tag", "first_seen"):
                found.setdefault(one.tag, []).append(one)
        return found

    def changes(self) -> Iterator[Change]:
        """Tags that moved, moved back, or went while their artifact stayed."""
        verdicts = self._verdicts()
        for tag in self.asked:
            found = self.stretches.get(tag, [])
            # Who saw it move tells it: tags of one artifact come in several batches, and events come in between.
            ours = len(found) > 1 and found[-1].ended is None and found[-1].first_seen == self.kept.at
            if ours and found[-2].digest != found[-1].digest:
                yield self._moved(tag, found, verdicts)
            elif found and found[-1].ended is not None and self.had.get(tag) in self.kept.after:
                digest = self.had[tag]
                yield _change(
                    self.kept, Kind.TAG_GONE, digest, was=self.kept.before.get(digest), now=self.kept.after[digest],
                    tag=tag,
                )  # fmt: skip

    def _moved(self, tag: str, found: Sequence[TagSighting], verdicts: Mapping[str, str]) -> Change:
        *earlier, before, now = found
        there = next((one for one in reversed(earlier) if one.digest == now.digest), None)
        was = {"digest": before.digest, "verdict": before.verdict or verdicts.get(before.digest, "")}
        back: dict[str, Any] = {}
        if there is not None:
            back = {"first_seen": _iso(there.first_seen), "ended": _iso(there.ended), "verdict": there.verdict}
        kind = Kind.TAG_BACK if there else Kind.TAG_MOVED
        change = _change(
            self.kept, kind, now.digest, tag=tag, verdict=verdicts.get(now.digest, ""), before=was, after=back
        )
        change.verdict_before, change.since = was["verdict"], before.first_seen
        return change

    def _verdicts(self) -> dict[str, str]:
        """The verdicts of the digests that are spoken of; of what is forgotten the one it had."""
        found = {digest: was.verdict for digest, was in {**self.kept.gone, **self.kept.before}.items()}
        found |= {digest: now.verdict for digest, now in self.kept.after.items()}
        wanted = {one.digest for stretches in self.stretches.values() for one in stretches[-2:]} - found.keys()
        rows = ArtifactVerdict.objects.filter(
            registry=self.kept.registry, repository=self.kept.repository, digest__in=sorted(wanted)[:BATCH]
        )
        return {**found, **dict(rows.order_by().values_list("digest", "verdict"))}


def _iso(when: datetime | None) -> str:
    return when.isoformat() if when else ""
