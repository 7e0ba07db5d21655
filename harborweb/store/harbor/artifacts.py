"""Artifacts of one repository of a Harbor beside our verdicts: one list request for a page, however many there are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harborweb.audit.charts import Piece, bar
from harborweb.audit.counts import by_digest, of_repositories, of_repository
from harborweb.audit.models import ArtifactVerdict
from harborweb.registry.client import Client
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor, Page
from harborweb.registry.harbor.reading import Artifact
from harborweb.registry.models import Registry
from harborweb.store.harbor.asking import ROWS, Asked, Lists, asking, paged

SORTS = ("-push_time", "push_time", "-pull_time", "-size", "size")
KINDS = ("untagged",)
BESIDE = 8
PART_OF_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{6,64}")


@dataclass(frozen=True)
class Row:
    """One artifact; `harbor` is None where only our verdicts know it (a child of an index, or gone meanwhile)."""

    digest: str
    tags: list[str]
    harbor: Artifact | None
    verdict: ArtifactVerdict | None

    @property
    def parents(self) -> list[str]:
        """The indexes that list it, as the last sweep saw them."""
        return self.verdict.parents if self.verdict else []

    @property
    def platforms(self) -> list[str]:
        """The platforms of the image or of the children of the index."""
        return self.harbor.platforms if self.harbor else []


@dataclass(frozen=True)
class Listing:
    """One page of a repository and the verdicts of all of it."""

    lists: Lists[Row]
    counts: dict[str, int]
    bar: list[Piece]
    project_id: int


def listed(registry: Registry, repository: str, asked: Asked, size: int = ROWS) -> Listing:
    """One page of artifacts; raises RegistryError."""
    counts = of_repositories(registry, [repository]).get(repository, {})
    found = _by_verdict(registry, repository, asked) if asked.verdict else _page(registry, repository, asked, size)
    number = next((row.harbor.project_id for row in found.rows if row.harbor), 0)
    return Listing(found, counts, bar(counts), number)


def _page(registry: Registry, repository: str, asked: Asked, size: int) -> Lists[Row]:
    async def ask(harbor: Harbor, _client: Client) -> Page[Artifact]:
        page = await browsing.artifacts(
            harbor, repository, tag=asked.q, sort=asked.sort, number=asked.number, size=size,
            tagged=False if asked.kind == "untagged" else None,
        )  # fmt: skip
        if asked.q and not page.items and PART_OF_DIGEST.fullmatch(asked.q):
            return await browsing.artifacts(
                harbor, repository, part=asked.q, sort=asked.sort, number=asked.number, size=size
            )
        return page

    page = asking(registry, ask)
    return paged(rows(registry, repository, page.items), page.total, asked.number, size)


def rows(registry: Registry, repository: str, artifacts: Sequence[Artifact]) -> list[Row]:
    """Artifacts of Harbor's with our verdicts, looked up at once."""
    verdicts = by_digest(registry, repository, [one.digest for one in artifacts])
    return [Row(one.digest, [tag.name for tag in one.tags], one, verdicts.get(one.digest)) for one in artifacts]


def _by_verdict(registry: Registry, repository: str, asked: Asked) -> Lists[Row]:
    """The verdicts choose the rows; Harbor is asked for these alone, and need not know them."""
    wanted = of_repository(registry, repository, asked.verdict)
    for word in asked.q.split():
        wanted = wanted.filter(tags__icontains=word) | wanted.filter(digest__icontains=word)
    total = wanted.count()
    verdicts = list(wanted[(asked.number - 1) * ROWS : asked.number * ROWS])

    async def ask(harbor: Harbor, _client: Client) -> Page[Artifact]:
        return await browsing.artifacts(harbor, repository, digests=[one.digest for one in verdicts], size=ROWS)

    known = {one.digest: one for one in asking(registry, ask).items} if verdicts else {}
    found = [
        Row(
            one.digest, [tag.name for tag in known[one.digest].tags] if one.digest in known else one.tags,
            known.get(one.digest), one,
        )
        for one in verdicts
    ]  # fmt: skip
    return paged(found, total, asked.number)
