"""Projects, repositories and artifacts of one Harbor, a page at a time.

Filters are Harbor's own query: `k=~part`, `k={one of}`, `k=[from~to]`, joined by commas; which columns it knows is read
in its source (2.15), not in its contract. A robot needs `list` for each of these, not `read`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from harborweb.registry import errors, names
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import paths, reading
from harborweb.registry.harbor.client import Harbor, Page, Query

Item = TypeVar("Item")


async def projects(
    harbor: Harbor, *, text: str = "", sort: str = "name", number: int = 1, size: int = paths.MAX_PAGE,
    public: bool | None = None, proxies: bool = False, named: Sequence[str] = (),
) -> Page[reading.Project]:  # fmt: skip
    """Projects we may see whose name contains `text`; `sort` is a field of Harbor's, with - for descending.

    `public` keeps those that are, or are not; `proxies` proxy caches only; `named` only these.
    """
    query: dict[str, str | int | bool] = {"sort": sort}
    if public is not None:
        query["public"] = public
    _filter(query, _name_is(text, named), "registry_id=[1~]" if proxies else "")
    page = await harbor.page("/projects", reading.project, query, what="projects", number=number, size=size)
    return _sound(harbor, page, lambda one: "/" not in one.name and names.is_repository(one.name))


async def first_projects(harbor: Harbor, most: int) -> list[reading.Project]:
    """The first `most` projects we may see, by name: for a page, which asks no further."""
    found: list[reading.Project] = []
    for number in range(1, -(-most // paths.MAX_PAGE) + 1):
        page = await projects(harbor, number=number)
        found += page.items
        if number >= page.last:
            break
    return found[:most]


async def project(harbor: Harbor, name: str) -> reading.Project:
    """One project; raises NotFound (administrators), "forbidden" for others, also where it does not exist."""
    return reading.project(await harbor.get(paths.project(name), what=name))


async def repositories(
    harbor: Harbor, project: str = "", *, text: str = "", sort: str = "-update_time", number: int = 1,
    size: int = paths.MAX_PAGE, named: Sequence[str] = (),
) -> Page[reading.Repository]:  # fmt: skip
    """Repositories of `project`, or of all projects, whose name contains `text`; `named` (full names) only these.

    Of all projects Harbor shows a robot the public ones only (its source).
    """
    path = f"{paths.project(project)}/repositories" if project else "/repositories"
    query: dict[str, str | int | bool] = {"sort": sort}
    _filter(query, _name_is(text, named))
    what = project or _("its repositories")
    page = await harbor.page(path, reading.repository, query, what=what, number=number, size=size)
    return _sound(harbor, page, lambda one: bool(one.short) and names.is_repository(one.name))


async def repository(harbor: Harbor, name: str) -> reading.Repository:
    """One repository by its full name."""
    return reading.repository(await harbor.get(paths.repository(name), what=name))


async def artifacts(
    harbor: Harbor, repository: str, *, tag: str = "", sort: str = "-push_time", number: int = 1,
    size: int = paths.MAX_PAGE, digests: Sequence[str] = (), part: str = "", tagged: bool | None = None,
) -> Page[reading.Artifact]:  # fmt: skip
    """Artifacts of a repository with tags and accessories, 100 in one request.

    `tag` filters by a part of a tag, `part` by one of the digest; `digests` only these; `tagged` those with a tag, or
    without. Children of an index are not listed, whatever is asked.
    """
    query: dict[str, str | int | bool] = {"with_tag": True, "with_accessory": True, "with_label": True, "sort": sort}
    _filter(
        query, f"tags=~{_quoted(tag)}" if _quoted(tag) else "", {True: "tags=*", False: "tags=nil", None: ""}[tagged],
        _one_of("digest", digests), f"digest=~{_quoted(part)}" if _quoted(part) else "",
    )  # fmt: skip
    path = f"{paths.repository(repository)}/artifacts"
    page = await harbor.page(path, reading.artifact, query, what=repository, number=number, size=size)
    return _sound(harbor, page, lambda one: names.is_digest(one.digest))


async def artifact(harbor: Harbor, repository: str, reference: str) -> reading.Artifact:
    """One artifact by tag or digest, with tags and accessories."""
    query: Query = {"with_tag": True, "with_accessory": True, "with_label": True}
    return reading.artifact(
        await harbor.get(paths.artifact(repository, reference), query, what=f"{repository}@{reference}")
    )


async def every_project(harbor: Harbor) -> list[reading.Project]:
    """All projects we may see; none is left out because others were deleted meanwhile."""
    what, told = _("its projects"), _("its list of projects never holds still")
    return await _whole(harbor, "/projects", reading.project, {"sort": "name"}, lambda each: each.name, what, told)


async def every_repository(harbor: Harbor) -> AsyncIterator[reading.Repository]:
    """The repositories of all projects we may see, project by project (robots may list no others).

    Lists are read as those of `every_artifact`: none is left out because others were deleted meanwhile.
    """
    named: Query = {"sort": "name"}
    for one in await every_project(harbor):
        path = f"{paths.project(one.name)}/repositories"
        told = _("its list of the repositories of %s never holds still") % one.name
        for found in await _whole(harbor, path, reading.repository, named, lambda each: each.name, one.name, told):
            yield found


async def every_artifact(harbor: Harbor, repository: str) -> AsyncIterator[reading.Artifact]:
    """Every artifact of a repository with tags and accessories, the oldest first.

    What is pushed meanwhile comes last; what is deleted meanwhile moves the rest forward by a place, so that one
    could be left out unseen: then the list is read again, and RegistryError is raised where it never holds still.
    """
    path = f"{paths.repository(repository)}/artifacts"
    query: Query = {"with_tag": True, "with_accessory": True, "with_label": False, "sort": "push_time"}
    told = _("its list of the artifacts of %s never holds still") % repository
    for one in await _whole(harbor, path, reading.artifact, query, lambda each: each.digest, repository, told):
        yield one


async def _whole(
    harbor: Harbor, path: str, read: Callable[[dict[str, Any]], Item], query: Query, key: Callable[[Item], str],
    what: str, told: str,
) -> list[Item]:  # fmt: skip
    """Every item of a list, each `key` once; raises RegistryError with `told` where it is never as long as promised."""
    for _attempt in range(3):
        found, total = await _once(harbor, path, read, query, key, what)
        if total is None or len(found) >= total:
            return list(found.values())
    raise errors.odd(harbor.endpoint.host, told)


async def _once(
    harbor: Harbor, path: str, read: Callable[[dict[str, Any]], Item], query: Query, key: Callable[[Item], str],
    what: str, size: int = paths.MAX_PAGE,
) -> tuple[dict[str, Item], int | None]:  # fmt: skip
    """Every item by its key, and how many the first page had promised; never more than the limits allow.

    Harbor tells of each image with all its labels, and a buildpack's may be 100 KB: where a page has more bytes than
    are read, smaller pages are asked for.
    """
    found: dict[str, Item] = {}
    number, total = 1, None
    while True:
        try:
            page = await harbor.page(path, read, query, what=what, number=number, size=size)
        except RegistryError as error:
            if error.kind != "too_large" or size <= 1:
                raise
            return await _once(harbor, path, read, query, key, what, size // 10)
        total = page.total if number == 1 else total
        found |= {key(one): one for one in page.items}
        if len(page.items) < page.size:
            return found, total
        number += 1
        if number > harbor.limits.pages or len(found) > harbor.limits.pages * page.size:
            raise errors.too_large(harbor.endpoint.host, harbor.limits.pages * page.size)


def _sound(harbor: Harbor, page: Page[Item], good: Callable[[Item], bool]) -> Page[Item]:
    """`page`, no longer than it was asked for; raises where one item has no name: nothing is left out unseen."""
    if not all(good(one) for one in page.items):
        raise errors.odd(harbor.endpoint.host, _("its list holds something that has no name as Harbor gives them"))
    return replace(page, items=page.items[: page.size])


async def events(harbor: Harbor, project: str, query: str = "") -> int:
    """How many entries the log of a project has that `query` (a Harbor query) wants; reads one of them at most."""
    path = f"{paths.project(project)}/auditlog-exts"
    page = await harbor.page(path, dict, {"q": query} if query else None, what=project, size=1)
    return page.total if page.total is not None else len(page.items)


def _quoted(text: str) -> str:
    """`text` as a value of a Harbor query: its list and range signs and commas would mean something else."""
    return "".join(c for c in text if c not in '(){}[]~,="')


def _name_is(text: str, named: Sequence[str]) -> str:
    return _one_of("name", named) or (f"name=~{_quoted(text)}" if _quoted(text) else "")


def _one_of(key: str, values: Sequence[str]) -> str:
    """A list of values, each in quotes: Harbor would take 2026 for a number and a column of text does not hold any."""
    quoted = " ".join(f'"{_quoted(value)}"' for value in values)
    return f"{key}={{{quoted}}}" if values else ""


def _filter(query: dict[str, str | int | bool], *parts: str) -> None:
    if wanted := ",".join(part for part in parts if part):
        query["q"] = wanted
