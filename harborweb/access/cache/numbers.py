"""What a cache holds and how often it helped, as far as Harbor says it to this registry's account.

Measured, from Harbor's own records: artifacts that came from the upstream (each is stored once, with an event
"create artifact"), pulls (events "pull", and the pull counts of repositories), when each was fetched and last
pulled. Harbor counts a first pull too once the artifact is stored, so pulls less fetches is the least number
that the cache answered. Not known to Harbor: pulls that failed, single layers, and what a HEAD at the upstream
decided. Every part may be closed to this account; what is closed says so and is not guessed.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.harbor import browsing, paths, projects, reading, upstreams
from harborweb.registry.harbor.client import Harbor, Query
from harborweb.registry.harbor.projects import Quota
from harborweb.registry.harbor.upstreams import Upstream
from harborweb.registry.models import Registry
from harborweb.registry.running import run
from harborweb.registry.services import PATIENCE

Result = TypeVar("Result")
SHOWN = 8
DAYS = 7
LOOKING = replace(PATIENCE, seconds=10, overall_seconds=15, connections=6)
MAX_PROJECTS = 2_000


@dataclass(frozen=True)
class Pulls:
    """Events of a span: artifacts fetched from the upstream and stored, and pulls by clients."""

    fetched: int
    pulls: int

    @property
    def hits(self) -> int:
        """The least number of pulls that the cache answered by itself."""
        return max(0, self.pulls - self.fetched)

    @property
    def asked(self) -> int:
        """Everything that was asked for, as far as it is known."""
        return max(self.pulls, self.fetched)

    @property
    def share(self) -> float | None:
        """Percent of the asked that the cache answered, rounded down; None for nothing asked."""
        return int(1000 * self.hits / self.asked) / 10 if self.asked else None


@dataclass(frozen=True)
class Closed:
    """A part that could not be had, and what was answered."""

    problem: Problem

    @property
    def forbidden(self) -> bool:
        """Whether it is a matter of rights."""
        return isinstance(self.problem, RegistryError) and self.problem.kind in {"forbidden", "unauthorized"}


@dataclass(frozen=True)
class Listed:
    """The first artifacts of an order, and how many there are in all."""

    artifacts: list[reading.Artifact]
    total: int


@dataclass(frozen=True)
class Numbers:
    """Everything the page of a cache shows; each part, or why it is not to be had."""

    project: reading.Project
    upstream: Upstream | Closed
    usage: Quota | Closed | None
    repositories: int
    week: Pulls | Closed
    ever: Pulls | Closed
    least: Listed | Closed
    oldest: Listed | Closed
    at: datetime = field(default_factory=timezone.now)

    @property
    def closed(self) -> list[Closed]:
        """The parts that are closed, each sentence once."""
        parts = (self.upstream, self.usage, self.week, self.ever, self.least, self.oldest)
        return list({one.problem.message: one for one in parts if isinstance(one, Closed)}.values())


def look(registry: Registry, project: str) -> Numbers:
    """Ask Harbor, as this registry's account, everything about one cache; raises RegistryError for the project."""

    async def ask() -> Numbers:
        async with Harbor(registry.endpoint(), LOOKING) as harbor:
            found = await browsing.project(harbor, project)
            since = timezone.now() - timedelta(days=DAYS)
            parts = await asyncio.gather(
                part(upstreams.get(harbor, found.proxies or 0)), part(projects.usage(harbor, project)),
                part(_pulls(harbor, project, since)), part(_pulls(harbor, project, None)),
                part(_artifacts(harbor, project, "pull_time")), part(_artifacts(harbor, project, "push_time")),
            )  # fmt: skip
            upstream, usage, week, ever, least, oldest = parts
            return Numbers(found, upstream, usage, found.repositories, week, ever, least, oldest)

    return run(ask())


async def part(answer: Awaitable[Result]) -> Result | Closed:
    """The answer, or that it is closed."""
    try:
        return await answer
    except Problem as problem:
        return Closed(problem)


async def _pulls(harbor: Harbor, project: str, since: datetime | None) -> Pulls:
    span = f",op_time=[{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}~]" if since else ""
    fetched, pulls = await asyncio.gather(
        *(
            browsing.events(harbor, project, f"operation={one},resource_type=artifact{span}")
            for one in ("create", "pull")
        )
    )
    return Pulls(fetched, pulls)


async def _artifacts(harbor: Harbor, project: str, sort: str) -> Listed:
    query: Query = {"sort": sort, "with_tag": True}
    try:
        path = f"{paths.project(project)}/artifacts"
        page = await harbor.page(path, reading.artifact, query, what=project, size=SHOWN)
    except NotFound as error:
        raise Problem(
            _("This Harbor does not list the artifacts of a whole project."), _("Newer ones do; 2.15 is one.")
        ) from error
    return Listed(page.items, page.total if page.total is not None else len(page.items))


@dataclass(frozen=True)
class Found:
    """The proxy projects of a Harbor and, where this account may see them, its upstreams by id."""

    projects: list[reading.Project]
    upstreams: dict[int, Upstream]


def caches(registry: Registry) -> Found:
    """Every proxy project that this registry's account may see; raises RegistryError."""

    async def ask() -> Found:
        async with Harbor(registry.endpoint(), LOOKING) as harbor:
            known = await part(upstreams.every(harbor))
            found: list[reading.Project] = []
            number = 0
            async for one in harbor.all("/projects", reading.project, {"sort": "name"}, what="projects"):
                number += 1
                if one.proxies:
                    found.append(one)
                if number >= MAX_PROJECTS:
                    break
            return Found(found, {} if isinstance(known, Closed) else {one.id: one for one in known})

    return run(ask())
