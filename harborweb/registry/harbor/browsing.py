"""Projects, repositories and artifacts of one Harbor, a page at a time."""

from collections.abc import AsyncIterator

from django.utils.translation import gettext as _

from harborweb.registry import errors
from harborweb.registry.harbor import paths, reading
from harborweb.registry.harbor.client import Harbor, Page, Query


async def projects(
    harbor: Harbor, *, text: str = "", sort: str = "name", number: int = 1, size: int = paths.MAX_PAGE
) -> Page[reading.Project]:
    """Projects we may see whose name contains `text`; `sort` is a field of Harbor's, with - for descending."""
    query: dict[str, str | int | bool] = {"sort": sort}
    if text:
        query["q"] = f"name=~{_quoted(text)}"
    return await harbor.page("/projects", reading.project, query, what="projects", number=number, size=size)


async def project(harbor: Harbor, name: str) -> reading.Project:
    """One project; raises NotFound (administrators), "forbidden" for others, also where it does not exist."""
    return reading.project(await harbor.get(paths.project(name), what=name))


async def repositories(
    harbor: Harbor, project: str = "", *, text: str = "", sort: str = "-update_time", number: int = 1,
    size: int = paths.MAX_PAGE,
) -> Page[reading.Repository]:  # fmt: skip
    """Repositories of `project`, or of all projects, whose name contains `text`."""
    path = f"{paths.project(project)}/repositories" if project else "/repositories"
    query: dict[str, str | int | bool] = {"sort": sort}
    if text:
        query["q"] = f"name=~{_quoted(text)}"
    return await harbor.page(path, reading.repository, query, what=project, number=number, size=size)


async def repository(harbor: Harbor, name: str) -> reading.Repository:
    """One repository by its full name."""
    return reading.repository(await harbor.get(paths.repository(name), what=name))


async def artifacts(
    harbor: Harbor, repository: str, *, tag: str = "", sort: str = "-push_time", number: int = 1,
    size: int = paths.MAX_PAGE,
) -> Page[reading.Artifact]:  # fmt: skip
    """Artifacts of a repository with tags and accessories, 100 in one request; `tag` filters by a part of a tag."""
    query: dict[str, str | int | bool] = {"with_tag": True, "with_accessory": True, "with_label": True, "sort": sort}
    if tag:
        query["q"] = f"tags=~{_quoted(tag)}"
    path = f"{paths.repository(repository)}/artifacts"
    return await harbor.page(path, reading.artifact, query, what=repository, number=number, size=size)


async def artifact(harbor: Harbor, repository: str, reference: str) -> reading.Artifact:
    """One artifact by tag or digest, with tags and accessories."""
    query: Query = {"with_tag": True, "with_accessory": True, "with_label": True}
    return reading.artifact(
        await harbor.get(paths.artifact(repository, reference), query, what=f"{repository}@{reference}")
    )


async def every_repository(harbor: Harbor) -> AsyncIterator[reading.Repository]:
    """The repositories of all projects we may see, project by project (robots may list no others)."""
    async for one in harbor.all("/projects", reading.project, {"sort": "name"}, what=_("its projects")):
        path = f"{paths.project(one.name)}/repositories"
        async for found in harbor.all(path, reading.repository, {"sort": "name"}, what=one.name):
            yield found


async def every_artifact(harbor: Harbor, repository: str) -> AsyncIterator[reading.Artifact]:
    """Every artifact of a repository with tags and accessories, the oldest first.

    What is pushed meanwhile comes last; what is deleted meanwhile moves the rest forward by a place, so that one
    could be left out unseen: then the list is read again, and RegistryError is raised where it never holds still.
    """
    path = f"{paths.repository(repository)}/artifacts"
    query: Query = {"with_tag": True, "with_accessory": True, "with_label": False, "sort": "push_time"}
    for _attempt in range(3):
        found, total = await _whole(harbor, path, query, repository)
        if total is None or len(found) >= total:
            for one in found.values():
                yield one
            return
    raise errors.odd(harbor.endpoint.host, _("its list of the artifacts of %s never holds still") % repository)


async def _whole(harbor: Harbor, path: str, query: Query, what: str) -> tuple[dict[str, reading.Artifact], int | None]:
    """Every artifact by digest, and how many the first page had promised."""
    found: dict[str, reading.Artifact] = {}
    number, total = 1, None
    while True:
        page = await harbor.page(path, reading.artifact, query, what=what, number=number)
        total = page.total if number == 1 else total
        found |= {one.digest: one for one in page.items}
        if len(page.items) < page.size or number >= harbor.limits.pages:
            return found, total
        number += 1


def _quoted(text: str) -> str:
    """`text` as a value of a Harbor query: its list and range signs and commas would mean something else."""
    return "".join(c for c in text if c not in "(){}[]~,=")
