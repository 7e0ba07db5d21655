"""The same digests on two registries: which signatures, digests and tags one of them lacks.

Read from what the sweeps kept, repository by repository in the order of an index, so that it takes one walk over each
side and holds one repository at a time.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from harborweb.audit.models import ArtifactVerdict
from harborweb.registry.models import Registry
from harborweb.registry.names import COSIGN_TAG
from harborweb.verification.verdict import Verdict

SIGNATURE, DIGEST, TAG = KINDS = ("signature", "digest", "tag")
SOUND = (Verdict.TRUSTED, Verdict.UNKNOWN_KEY)  # signatures worth a copy


@dataclass(frozen=True)
class Side:
    """A registry, and the first part of its repositories' names: what follows it is the same on both sides."""

    registry: Registry
    prefix: str = ""


@dataclass(frozen=True)
class Kept:
    """What a sweep kept of one artifact."""

    verdict: str
    tags: tuple[str, ...]
    is_child: bool
    parents: tuple[str, ...]
    signatures: Mapping[str, str]  # the key by the identity of each sound one


@dataclass(frozen=True)
class Difference:
    """Something that `missing` (0 the first side, 1 the second) lacks, or a tag that means another digest there.

    kind SIGNATURE: `keys` made what is missing, `unsure` says that the artifact could not be checked there. DIGEST: the
    artifact itself is missing. TAG: `tags` has one, `digest` is the first side's, `other` the second side's.
    """

    kind: str
    repositories: tuple[str, str]
    digest: str
    missing: int = 1
    tags: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    count: int = 0
    verdicts: tuple[str, str] = ("", "")
    other: str = ""
    unsure: bool = False


@dataclass
class Counts:
    """How much was compared, and what was found."""

    both: int = 0  # digests that both have
    same: int = 0  # of these with the same signatures
    found: dict[tuple[str, int], int] = field(default_factory=dict)  # by kind and who lacks it


def differences(left: Side, right: Side, counts: Counts | None = None) -> Iterator[Difference]:
    """Every difference, by repository; `counts` is filled on the way."""
    counts = counts if counts is not None else Counts()
    for name, first, second in _together(_repositories(left), _repositories(right)):
        names = (left.prefix + name, right.prefix + name)
        for one in _compared(names, first, second, counts):
            key = (one.kind, one.missing if one.kind != TAG else 0)
            counts.found[key] = counts.found.get(key, 0) + 1
            yield one


def _repositories(side: Side) -> Iterator[tuple[str, dict[str, Kept]]]:
    """The artifacts of each repository by digest, by the part of its name behind the prefix, in order."""
    rows = ArtifactVerdict.objects.filter(registry=side.registry).order_by("repository", "digest")
    if side.prefix:
        rows = rows.filter(repository__gte=side.prefix, repository__lt=side.prefix + "\U0010ffff")
    # what is empty is not parsed: there may be fifty thousand
    fields = [Cast(name, TextField()) for name in ("tags", "parents", "signers")]
    found = rows.values_list("repository", "digest", "verdict", *fields).iterator(chunk_size=2000)
    for repository, some in groupby(found, key=lambda row: row[0]):
        yield repository[len(side.prefix) :], {row[1]: _kept(row) for row in some if ":" in row[1]}


def _kept(row: tuple[Any, ...]) -> Kept:
    tags, parents, signers = (json.loads(one) if one != "[]" else [] for one in row[3:])
    sound = {identity: key for identity, key, verdict in signers if verdict in SOUND}
    named = tuple(tag for tag in tags if not COSIGN_TAG.fullmatch(tag))
    return Kept(row[2], named, bool(parents) and not named, tuple(parents), sound)


def _together(
    left: Iterator[tuple[str, dict[str, Kept]]], right: Iterator[tuple[str, dict[str, Kept]]]
) -> Iterator[tuple[str, dict[str, Kept], dict[str, Kept]]]:
    """Both sides in step; a repository that one lacks is empty there."""
    first, second = next(left, None), next(right, None)
    while first is not None or second is not None:
        name = min(one[0] for one in (first, second) if one is not None)
        mine = first[1] if first is not None and first[0] == name else {}
        theirs = second[1] if second is not None and second[0] == name else {}
        yield name, mine, theirs
        if first is not None and first[0] == name:
            first = next(left, None)
        if second is not None and second[0] == name:
            second = next(right, None)


def _compared(
    names: tuple[str, str], left: dict[str, Kept], right: dict[str, Kept], counts: Counts
) -> Iterator[Difference]:
    for digest in sorted(left.keys() & right.keys()):
        counts.both += 1
        here, there = left[digest], right[digest]
        counts.same += here.signatures.keys() == there.signatures.keys()
        for missing, has, lacks in ((1, here, there), (0, there, here)):
            gone = {one: key for one, key in has.signatures.items() if one not in lacks.signatures}
            if gone:
                yield Difference(
                    SIGNATURE, names, digest, missing, has.tags or lacks.tags, tuple(sorted({*gone.values()})),
                    len(gone), (here.verdict, there.verdict), unsure=lacks.verdict == Verdict.UNCHECKED,
                )  # fmt: skip
    for missing, there_is, there_lacks in ((1, left, right), (0, right, left)):
        for digest, kept in sorted(there_is.items()):
            below = kept.is_child and any(one in there_is and one not in there_lacks for one in kept.parents)
            if digest not in there_lacks and not below:  # what an index brings along goes with it
                verdicts = (kept.verdict, "") if missing == 1 else ("", kept.verdict)
                yield Difference(DIGEST, names, digest, missing, kept.tags, verdicts=verdicts)
    yield from _moved(names, left, right)


def _moved(names: tuple[str, str], left: dict[str, Kept], right: dict[str, Kept]) -> Iterator[Difference]:
    """Tags that mean another digest on the other side."""
    first = {tag: digest for digest, kept in left.items() for tag in kept.tags}
    second = {tag: digest for digest, kept in right.items() for tag in kept.tags}
    for tag in sorted(first.keys() & second.keys()):
        if first[tag] != second[tag]:
            verdicts = (left[first[tag]].verdict, right[second[tag]].verdict)
            yield Difference(TAG, names, first[tag], tags=(tag,), verdicts=verdicts, other=second[tag])
