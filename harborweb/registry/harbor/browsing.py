"""Projects, repositories and artifacts of one Harbor, a page at a time."""

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


def _quoted(text: str) -> str:
    """`text` as a value of a Harbor query: its list and range signs and commas would mean something else."""
    return "".join(c for c in text if c not in "(){}[]~,=")
