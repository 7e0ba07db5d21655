"""The way from a synchronous view to a Harbor, and what the address of a list asks for."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

from harborweb.registry.client import Client
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry
from harborweb.registry.running import run
from harborweb.registry.services import PATIENCE
from harborweb.registry.transport import Transport

ROWS = 30  # of a list; so many digests fit into the address of one request, and so many rows are drawn in 30 ms
FAR = 1_000_000

Result = TypeVar("Result")
Row = TypeVar("Row")


@dataclass(frozen=True)
class Asked:
    """What the address of a list asks for; whatever is not offered counts as not asked."""

    q: str = ""
    sort: str = ""
    number: int = 1
    verdict: str = ""
    kind: str = ""

    @classmethod
    def of(cls, request: HttpRequest, sorts: Sequence[str], kinds: Sequence[str] = ()) -> "Asked":
        """From the query of a request; the first of `sorts` is the default."""
        given = {key: request.GET.get(key, "").strip() for key in ("q", "sort", "page", "verdict", "kind")}
        number = int(given["page"]) if given["page"].isdecimal() and len(given["page"]) < 8 else 1
        return cls(
            q=given["q"][:200],
            sort=given["sort"] if given["sort"] in sorts else sorts[0],
            number=min(max(1, number), FAR),
            verdict=given["verdict"],
            kind=given["kind"] if given["kind"] in kinds else "",
        )


@dataclass(frozen=True)
class Lists(Generic[Row]):
    """One page of a list; `page` is what the pager shows, its rows in `rows`."""

    rows: list[Row]
    page: "Page[Any]"
    beyond: bool  # a page was asked for that is not there


def paged(rows: list[Row], total: int | None, number: int, size: int = ROWS) -> Lists[Row]:
    """Rows that came as page `number` of `total` (None: Harbor did not say)."""
    if total is None:
        total = (number - 1) * size + len(rows) + (len(rows) == size)
    paginator = Paginator(range(total), size)
    page = paginator.get_page(number)
    return Lists(rows, page, beyond=not rows and number > paginator.num_pages)


def asking(
    registry: Registry | Endpoint, question: Callable[[Harbor, Client], Awaitable[Result]], limits: Limits = PATIENCE
) -> Result:
    """Await `question(harbor, client)`, both on one pool of connections; raises RegistryError."""
    endpoint = registry.endpoint() if isinstance(registry, Registry) else registry

    async def ask() -> Result:
        async with Client(endpoint, limits, Transport(endpoint, limits)) as client:
            return await question(Harbor(endpoint, limits, client.transport), client)

    return run(ask())


async def or_trouble(part: Awaitable[Result], troubles: list[RegistryError], without: Result) -> Result:
    """`part`, or `without` where it cannot be read: what fails alone is told in `troubles`."""
    try:
        return await part
    except RegistryError as error:
        troubles.append(error)
        return without


async def together(*parts: Awaitable[Any]) -> list[Any]:
    """All parts at once."""
    return list(await asyncio.gather(*parts))
