"""Which digest a tag meant when, for pages: lanes of spans, and what moved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from django.db.models import Q, QuerySet, Window
from django.db.models.functions import RowNumber

from harborweb.audit.models import ArtifactVerdict, TagSighting
from harborweb.registry.models import Registry

MOST_LANES = 40
MOST_SPANS = 30  # of one tag, the newest
MOST_MOVES = 100  # and tags in which they are looked for
LOOKED_AT = 2_000  # stretches of one tag, the most for its moves
EACH = 20  # stretches, newest first, for each tag that is wanted, among which the tags are found


@dataclass(frozen=True)
class Span:
    """A tag meant `digest` from `start` to `end` (None: it still does); `verdict` is the digest's, or nothing."""

    digest: str
    start: datetime
    end: datetime | None
    verdict: str = ""


@dataclass(frozen=True)
class Lane:
    """A tag and what it meant, oldest first; `more` says that older spans are left out."""

    tag: str
    spans: tuple[Span, ...]
    more: bool = False


@dataclass(frozen=True)
class Move:
    """At `at` a tag was first seen at `after` instead of `before`; `back`: it had meant `after` once already."""

    tag: str
    at: datetime
    before: str
    after: str
    back: bool


def timeline(
    registry: Registry, repository: str, since: datetime, *, digest: str = "", most: int = MOST_LANES
) -> list[Lane]:
    """What the tags of `repository` meant from `since` on, the tag that changed last first, at most `most` of them.

    With `digest` the tags that meant it in this time come before all others.
    """
    rows = _rows(registry, repository).filter(Q(ended=None) | Q(ended__gt=since))
    newest = rows.order_by("-first_seen", "tag")
    tags = list(newest.filter(digest=digest).values_list("tag", flat=True)[:most]) if digest else []
    tags += newest.values_list("tag", flat=True)[: most * EACH]
    chosen = list(dict.fromkeys(tags))[:most]
    lanes = dict(_by_tag(rows.filter(tag__in=chosen), MOST_SPANS + 1))
    verdicts = _verdicts(registry, repository, {one.digest for stretches in lanes.values() for one in stretches})
    return [
        Lane(
            tag,
            tuple(
                Span(one.digest, one.first_seen, one.ended, verdicts.get(one.digest, one.verdict))
                for one in lanes[tag][-MOST_SPANS:]
            ),
            len(lanes[tag]) > MOST_SPANS,
        )
        for tag in chosen
        if tag in lanes
    ]


def moves(registry: Registry, repository: str, since: datetime, *, tag: str = "", most: int = MOST_MOVES) -> list[Move]:
    """What moved from `since` on in `repository` (or only its `tag`), newest first, at most `most`.

    A tag seen for the first time has not moved; one that was gone and came back at another digest has.
    """
    rows = _rows(registry, repository)
    if tag:
        rows = rows.filter(tag=tag)
    changed = rows.filter(first_seen__gte=since).order_by("-first_seen").values_list("tag", flat=True)[: most * EACH]
    found = [
        Move(name, after.first_seen, before.digest, after.digest, after.digest in earlier)
        for name, stretches in _by_tag(rows.filter(tag__in=list(dict.fromkeys(changed))[:most]), LOOKED_AT)
        for earlier, before, after in _steps(stretches)
        if after.first_seen >= since and before.digest != after.digest
    ]
    return sorted(found, key=lambda one: (one.at, one.tag), reverse=True)[:most]


def _rows(registry: Registry, repository: str) -> QuerySet[TagSighting]:
    return TagSighting.objects.filter(registry=registry, repository=repository)


def _by_tag(rows: QuerySet[TagSighting], most: int) -> Iterable[tuple[str, list[TagSighting]]]:
    """The newest stretches of each tag, oldest first, at most `most` of each."""
    place = Window(RowNumber(), partition_by="tag", order_by="-first_seen")
    found = rows.annotate(place=place).filter(place__lte=most).order_by("tag", "first_seen")
    return [(tag, list(stretches)) for tag, stretches in groupby(found, key=lambda one: one.tag)]


def _steps(stretches: Sequence[TagSighting]) -> Iterable[tuple[set[str], TagSighting, TagSighting]]:
    """Each stretch but the first with the one before it and the digests before that."""
    earlier: set[str] = set()  # grows while it is looked at
    for before, after in pairwise(stretches):
        yield earlier, before, after
        earlier.add(before.digest)


def _verdicts(registry: Registry, repository: str, digests: Iterable[str]) -> dict[str, str]:
    """The verdicts of today, by digest."""
    rows = ArtifactVerdict.objects.filter(registry=registry, repository=repository, digest__in=list(digests))
    return dict(rows.order_by().values_list("digest", "verdict"))
