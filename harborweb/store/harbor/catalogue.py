"""The store: a card for each repository of a Harbor, over all projects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from harborweb.audit.counts import by_artifact, repositories_with
from harborweb.audit.models import ArtifactVerdict
from harborweb.registry.client import Client
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor, Page
from harborweb.registry.harbor.paths import MAX_PAGE
from harborweb.registry.harbor.reading import Artifact, Repository
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.store.harbor.asking import Asked, Lists, asking, or_trouble, paged, together

CARDS = 12  # each costs one request, all at once
SORTS = ("-update_time", "name", "-pull_count", "-creation_time")
KINDS = ("new",)
NEW = timedelta(days=7)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ORDERS: dict[str, Callable[[Repository], Any]] = {
    "name": lambda one: one.name,
    "update_time": lambda one: one.updated or LONG_AGO,
    "creation_time": lambda one: one.created or LONG_AGO,
    "pull_count": lambda one: one.pulls,
}


@dataclass(frozen=True)
class Card:
    """A repository and its newest tagged artifact (None: there is none, or it could not be read)."""

    repository: Repository
    latest: Artifact | None
    verdict: ArtifactVerdict | None
    signer: str  # the name of the key that the verdict rests on
    new: bool  # made within the last week

    @property
    def tags(self) -> list[str]:
        """The tags of the newest artifact, the newest first."""
        tags = sorted(self.latest.tags, key=lambda one: one.pushed or LONG_AGO, reverse=True) if self.latest else []
        return [tag.name for tag in tags]


@dataclass(frozen=True)
class Shelf:
    """One page of the store; `more` says that not every project was looked into, `troubles` what failed alone."""

    lists: Lists[Card]
    more: bool
    troubles: list[RegistryError]


@dataclass(frozen=True)
class _Found:
    repositories: list[Repository]
    total: int | None
    more: bool = False


def shelf(registry: Registry, asked: Asked) -> Shelf:
    """One page of cards; raises RegistryError where the repositories cannot be listed."""
    named = _named(registry, asked)
    since = timezone.now() - NEW if asked.kind == "new" else None
    troubles: list[RegistryError] = []

    async def ask(harbor: Harbor, _client: Client) -> tuple[_Found, list[Artifact | None]]:
        if named is not None and not named:
            return _Found([], 0), []
        found = await _repositories(harbor, asked, named, since, troubles)
        latest = await together(*(or_trouble(_latest(harbor, one.name), troubles, None) for one in found.repositories))
        return found, latest

    found, latest = asking(registry, ask)
    total = found.total if named is None else _count(registry, asked)
    return Shelf(
        paged(_cards(registry, found.repositories, latest), total, asked.number, CARDS), found.more, troubles[:3]
    )


def _wanted(registry: Registry, asked: Asked) -> list[str]:
    return [name for name in repositories_with(registry, asked.verdict) if asked.q in name]


def _count(registry: Registry, asked: Asked) -> int:
    return len(_wanted(registry, asked))


def _named(registry: Registry, asked: Asked) -> list[str] | None:
    """The names on this page where a verdict chooses them, else None."""
    if not asked.verdict:
        return None
    return _wanted(registry, asked)[(asked.number - 1) * CARDS : asked.number * CARDS]


def _cards(registry: Registry, repositories: list[Repository], latest: list[Artifact | None]) -> list[Card]:
    pairs = [(one.name, new.digest) for one, new in zip(repositories, latest, strict=True) if new]
    verdicts = by_artifact(registry, pairs)
    keys = {row.key for row in verdicts.values() if row.key}
    names = dict(Key.objects.filter(fingerprint__in=keys).values_list("fingerprint", "name"))
    week = timezone.now() - NEW
    cards = []
    for one, new in zip(repositories, latest, strict=True):
        verdict = verdicts.get((one.name, new.digest)) if new else None
        signer = str(names.get(verdict.key, "")) if verdict else ""
        cards.append(Card(one, new, verdict, signer, new=(one.created or LONG_AGO) > week))
    return cards


async def _latest(harbor: Harbor, repository: str) -> Artifact | None:
    page = await browsing.artifacts(harbor, repository, tagged=True, size=1)
    return page.items[0] if page.items else None


async def _repositories(
    harbor: Harbor, asked: Asked, named: list[str] | None, since: datetime | None, troubles: list[RegistryError]
) -> _Found:
    """The repositories of one page of the store; of all projects Harbor tells a robot only the public ones."""
    if since is not None:
        everything = await _first(harbor, asked, [], MAX_PAGE, "-update_time", troubles)
        new = [one for one in everything.repositories if (one.updated or LONG_AGO) > since]
        new.sort(key=ORDERS[asked.sort.lstrip("-")], reverse=asked.sort.startswith("-"))
        return _Found(new[(asked.number - 1) * CARDS : asked.number * CARDS], len(new), everything.more)
    if named is not None:
        return await _first(harbor, asked, named, CARDS, "name", troubles)
    if "$" not in harbor.endpoint.username:
        page = await browsing.repositories(harbor, text=asked.q, sort=asked.sort, number=asked.number, size=CARDS)
        return _Found(page.items, page.total)
    found = await _first(harbor, asked, [], asked.number * CARDS, asked.sort, troubles)
    return _Found(found.repositories[(asked.number - 1) * CARDS :], found.total, found.more)


async def _first(
    harbor: Harbor, asked: Asked, named: Sequence[str], many: int, sort: str, troubles: list[RegistryError]
) -> _Found:
    """The first `many` repositories over all projects, project by project for a robot, in one order."""
    if "$" not in harbor.endpoint.username:
        page = await browsing.repositories(harbor, text=asked.q, sort=sort, size=min(many, MAX_PAGE), named=named)
        return _Found(page.items, page.total)
    projects = await browsing.projects(harbor)
    of = {name.partition("/")[0] for name in named}
    asked_of = [one for one in projects.items if one.repositories and (one.name in of or not named)]
    nothing: tuple[list[Repository], int] = ([], 0)
    parts = await together(
        *(or_trouble(_of_project(harbor, one.name, asked.q, sort, many, named), troubles, nothing) for one in asked_of)
    )
    found = [one for some, _total in parts for one in some]
    found.sort(key=ORDERS[sort.lstrip("-")], reverse=sort.startswith("-"))
    total = sum(total for _some, total in parts)
    return _Found(found[:many], total, (projects.total or 0) > len(projects.items))


async def _of_project(
    harbor: Harbor, project: str, text: str, sort: str, many: int, named: Sequence[str]
) -> tuple[list[Repository], int]:
    """The first `many` of a project, and how many it has."""
    own = [name for name in named if name.startswith(f"{project}/")]
    found: list[Repository] = []
    page: Page[Repository]
    for number in range(1, -(-many // MAX_PAGE) + 1):
        page = await browsing.repositories(
            harbor, project, text="" if own else text, sort=sort, number=number, size=min(many, MAX_PAGE), named=own
        )
        found += page.items
        if len(page.items) < page.size:
            break
    return found[:many], page.total if page.total is not None else len(found)
