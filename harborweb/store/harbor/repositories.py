"""Repositories of a project of a Harbor beside the verdicts of what is in them."""

from dataclasses import dataclass

from harborweb.audit.charts import Piece, bar
from harborweb.audit.counts import findings_in, of_repositories, repositories_with
from harborweb.registry.client import Client
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor, Page
from harborweb.registry.harbor.reading import Project, Repository
from harborweb.registry.models import Registry
from harborweb.store.harbor.asking import ROWS, Asked, Lists, asking, or_trouble, paged, together

SORTS = ("-update_time", "name", "-name", "-pull_count", "-creation_time")
BAR = 160


@dataclass(frozen=True)
class Row:
    """One repository and its verdicts, none of them where no sweep saw it."""

    repository: Repository
    counts: dict[str, int]
    bar: list[Piece]
    findings: int = 0  # what somebody should act on

    @property
    def total(self) -> int:
        """All verdicts."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Listed:
    """One page of a project, and the project itself where we may see it."""

    lists: Lists[Row]
    project: Project | None


def listed(registry: Registry, project: str, asked: Asked) -> Listed:
    """One page of repositories; raises RegistryError."""
    named: list[str] = []
    total: int | None = None
    if asked.verdict:
        wanted = [name for name in repositories_with(registry, asked.verdict, project) if asked.q in name]
        total = len(wanted)
        named = wanted[(asked.number - 1) * ROWS : asked.number * ROWS]
    nothing = bool(asked.verdict) and not named

    async def ask(harbor: Harbor, _client: Client) -> tuple[Page[Repository], Page[Project]]:
        troubles: list[RegistryError] = []
        none: Page[Project] = Page([], None)
        repositories = browsing.repositories(
            harbor, project, text="" if named else asked.q, sort="name" if named else asked.sort,
            number=1 if named else asked.number, size=1 if nothing else ROWS, named=named,
        )  # fmt: skip
        this = browsing.projects(harbor, named=[project], size=1)  # by the list: robots may list, not read
        found, projects = await together(repositories, or_trouble(this, troubles, none))
        return found, projects

    found, projects = asking(registry, ask)
    this = next((one for one in projects.items if one.name == project), None)
    if nothing:
        return Listed(paged([], total, asked.number), this)
    return Listed(paged(rows(registry, found.items), found.total if total is None else total, asked.number), this)


def rows(registry: Registry, repositories: list[Repository]) -> list[Row]:
    """Repositories with their verdicts, counted at once."""
    names = [one.name for one in repositories]
    counts, findings = of_repositories(registry, names), findings_in(registry, names)
    return [
        Row(one, counts.get(one.name, {}), bar(counts.get(one.name, {}), BAR), findings.get(one.name, 0))
        for one in repositories
    ]
