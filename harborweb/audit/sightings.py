"""Which digest a tag meant when: written by whoever looked, a sweep or an event.

An observation counts at the time when it was asked for. Observations may arrive in any order: what arrives late
takes its place in the past and never changes what a newer one said of now.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from django.db import transaction
from django.db.models import Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from harborweb.audit.models import ArtifactVerdict, TagSighting
from harborweb.registry.models import Registry

BATCH = 500

Item = TypeVar("Item")


def whole(
    registry: Registry, repository: str, meant: Mapping[str, str], at: datetime, *, unread: Collection[str] = ()
) -> None:
    """All tags of `repository` as listed at `at`: a tag that is neither in `meant` nor in `unread` is gone.

    `meant` is digest by tag, `unread` names tags that are listed and could not be read: nothing is said of them.
    What was seen since `at` by somebody else is newer and stays.
    """
    rows = TagSighting.objects.filter(registry=registry, repository=repository)
    with transaction.atomic():
        known = _near(rows, at)
        newer = {tag for tag, stretches in known.items() if any(_after(one, at) for one in stretches)}
        silent = newer | set(unread)
        gone = known.keys() - meant.keys() - silent
        fresh = {tag: digest for tag, digest in meant.items() if tag not in silent}
        _advance(registry, repository, known, fresh, gone, at)


def some(
    registry: Registry, repository: str, meant: Mapping[str, str], at: datetime, *, gone: Collection[str] = ()
) -> None:
    """These tags alone, as asked for at `at`; those in `gone` the registry does not have."""
    rows = TagSighting.objects.filter(registry=registry, repository=repository)
    for names in _batches(list(dict.fromkeys([*meant, *gone]))):
        with transaction.atomic():
            known = _near(rows.filter(tag__in=names), at)
            late = {tag for tag, stretches in known.items() if any(_after(one, at) for one in stretches)}
            fresh = {tag: meant[tag] for tag in names if tag in meant and tag not in late}
            ending = [tag for tag in names if tag not in meant and tag not in late and tag in known]
            _advance(registry, repository, known, fresh, ending, at)
            for tag in late:
                _belated(list(rows.filter(tag=tag).order_by("first_seen")), meant.get(tag, ""), at)


def first(registry: Registry, repository: str, digests: Sequence[str]) -> dict[str, datetime]:
    """When a tag was first seen to mean each of these digests; those that none ever meant are missing."""
    found: dict[str, datetime] = {}
    for some_of in _batches(digests):
        rows = TagSighting.objects.filter(registry=registry, repository=repository, digest__in=some_of).order_by()
        found.update(rows.values_list("digest").annotate(Min("first_seen")))
    return found


def changed_since(registry: Registry, repository: str, at: datetime) -> dict[str, str]:
    """Tags of `repository` that somebody saw move, come or go after `at`: the digest now, nothing where it is gone."""
    rows = TagSighting.objects.filter(registry=registry, repository=repository)
    changed = rows.filter(Q(first_seen__gt=at) | Q(ended__gt=at)).order_by("first_seen")
    return {row.tag: row.digest if row.ended is None else "" for row in changed}


def unseen(registry: Registry, repository: str, at: datetime, unread: Collection[str] = ()) -> None:
    """Nobody saw a tag of `repository` after `at`, though all that are listed were asked for: it was gone then. Of the
    `unread` ones nothing is said. Reads none of the others."""
    still = TagSighting.objects.filter(registry=registry, repository=repository, ended=None, last_seen__lte=at)
    _end(still.exclude(tag__in=list(unread)), at)


def forget_repositories(registry: Registry, listed: Collection[str], at: datetime, project: str = "") -> None:
    """End what repositories (of `project` alone where one is named) meant that the registry did not list at `at`."""
    still = TagSighting.objects.filter(registry=registry, ended=None, last_seen__lte=at)
    if project:
        still = still.filter(repository__startswith=f"{project}/")
    for name in set(still.order_by().values_list("repository", flat=True).distinct()) - set(listed):
        _end(still.filter(repository=name), at)


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _near(rows: QuerySet[TagSighting], at: datetime) -> dict[str, list[TagSighting]]:
    """By tag, the stretches that hold at `at` or reach beyond it."""
    found = rows.filter(Q(ended=None) | Q(ended__gt=at) | Q(last_seen__gt=at)).order_by("tag", "first_seen")
    return {tag: list(stretches) for tag, stretches in groupby(found, key=lambda one: one.tag)}


def _after(stretch: TagSighting, at: datetime) -> bool:
    """Whether somebody looked later than `at`."""
    return stretch.last_seen > at or (stretch.ended is not None and stretch.ended > at)


def _advance(
    registry: Registry, repository: str, known: Mapping[str, Sequence[TagSighting]], meant: Mapping[str, str],
    gone: Iterable[str], at: datetime,
) -> None:  # fmt: skip
    """Tags of which nothing newer is known: a few statements for all of them."""
    now = {tag: known[tag][-1] for tag in meant if tag in known}
    moved = [stretch.pk for tag, stretch in now.items() if stretch.digest != meant[tag]]
    same = [stretch.pk for tag, stretch in now.items() if stretch.digest == meant[tag]]
    moved += [known[tag][-1].pk for tag in gone]
    for numbers in _batches(moved):
        _end(TagSighting.objects.filter(pk__in=numbers), at)
    for numbers in _batches(same):
        TagSighting.objects.filter(pk__in=numbers).update(last_seen=at)
    TagSighting.objects.bulk_create(
        [
            _stretch(registry, repository, tag, digest, at)
            for tag, digest in meant.items()
            if tag not in now or now[tag].digest != digest
        ],
        batch_size=BATCH,
    )


def _stretch(
    registry: Registry, repository: str, tag: str, digest: str, at: datetime, ended: datetime | None = None
) -> TagSighting:
    return TagSighting(
        registry=registry, repository=repository, tag=tag, digest=digest, first_seen=at, last_seen=at, ended=ended
    )


def _end(rows: QuerySet[TagSighting], at: datetime) -> None:
    """End stretches, and keep the verdict of what they meant: its own row may go with the last tag."""
    judged = ArtifactVerdict.objects.filter(
        registry=OuterRef("registry"), repository=OuterRef("repository"), digest=OuterRef("digest")
    )
    rows.update(ended=at, verdict=Coalesce(Subquery(judged.values("verdict")[:1]), Value("")))


def _belated(stretches: Sequence[TagSighting], digest: str, at: datetime) -> None:
    """Put what was seen at `at` (no digest: nothing) between the stretches of a tag that are known already."""
    inside = next((one for one in reversed(stretches) if one.covers(at)), None)
    after = next((one for one in stretches if one.first_seen > at), None)
    if inside is not None and (inside.digest == digest or inside.first_seen == at):
        return
    until = after.first_seen if after else stretches[-1].ended
    if inside is not None:
        until, after = _cut(inside, at, after)
    if not digest:
        return
    if after is not None and after.first_seen == until and after.digest == digest:
        TagSighting.objects.filter(pk=after.pk).update(first_seen=at)
        return
    like = stretches[0]
    _stretch(like.registry, like.repository, like.tag, digest, at, until).save()


def _cut(stretch: TagSighting, at: datetime, after: TagSighting | None) -> tuple[datetime | None, TagSighting | None]:
    """End `stretch` at `at`; where it was seen later too, its rest is a stretch of its own.

    Returns when the next known thing begins, and the stretch that begins then.
    """
    ended, last_seen = stretch.ended, stretch.last_seen
    stretch.ended, stretch.last_seen = at, last_seen if last_seen <= at else stretch.first_seen
    stretch.save(update_fields=["ended", "last_seen"])
    if last_seen <= at:
        return ended, after
    rest = _stretch(stretch.registry, stretch.repository, stretch.tag, stretch.digest, last_seen, ended)
    rest.verdict = stretch.verdict
    rest.save()
    return last_seen, rest
