"""Projects of a Harbor beside what the last sweeps found in them."""

from dataclasses import dataclass

from harborweb.audit import services as audit
from harborweb.audit.charts import Piece, bar
from harborweb.audit.counts import ProjectCount, projects_with
from harborweb.registry.client import Client
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor, Page
from harborweb.registry.harbor.reading import Project
from harborweb.registry.models import Registry
from harborweb.store.harbor.asking import ROWS, Asked, Lists, asking, paged

SORTS = ("name", "-name", "-creation_time", "-update_time")
KINDS = ("public", "private", "proxy")
BAR = 160


@dataclass(frozen=True)
class Row:
    """One project; `judged` is None where no sweep saw anything of it."""

    project: Project
    judged: ProjectCount | None
    bar: list[Piece]


def listed(registry: Registry, asked: Asked) -> Lists[Row]:
    """One page of projects; raises RegistryError. With a verdict, those of ours that have it are asked for by name."""
    named: list[str] = []
    total: int | None = None
    if asked.verdict:
        wanted = [name for name in projects_with(registry, asked.verdict) if asked.q in name]
        total = len(wanted)
        named = wanted[(asked.number - 1) * ROWS : asked.number * ROWS]
        if not named:
            return paged([], total, asked.number)

    async def ask(harbor: Harbor, _client: Client) -> Page[Project]:
        return await browsing.projects(
            harbor, text="" if named else asked.q, sort="name" if named else asked.sort,
            number=1 if named else asked.number, size=ROWS,
            public={"public": True, "private": False}.get(asked.kind), proxies=asked.kind == "proxy", named=named,
        )  # fmt: skip

    found = asking(registry, ask)
    judged = {one.name: one for one in audit.summary(registry).projects}
    rows = [
        Row(one, judged.get(one.name), bar(judged[one.name].counts, BAR) if one.name in judged else [])
        for one in found.items
        if asked.kind != "proxy" or one.proxies is not None
    ]
    return paged(rows, found.total if total is None else total, asked.number)
