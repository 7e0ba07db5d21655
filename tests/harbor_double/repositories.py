"""Repositories: listed, shown, described, deleted; the search over them, and statistics."""

from typing import Any

from starlette.responses import Response

from tests.harbor_double import bookkeeping, projects
from tests.harbor_double.answers import Refusal, answer, asked, done, matches, ordered, paged, when
from tests.harbor_double.model import Repository
from tests.harbor_double.routing import Call, api

KEYS = {
    "name": lambda one: one.name, "id": lambda one: one.id, "repository_id": lambda one: one.id,
    "creation_time": lambda one: one.id, "update_time": lambda one: one.updated, "pull_count": lambda one: one.pulls,
}  # fmt: skip


def shown(repository: Repository) -> dict[str, Any]:
    """A repository as the API has it: what is empty is left out (repository-get)."""
    body: dict[str, Any] = {
        "artifact_count": len(bookkeeping.listed(repository)), "creation_time": when(repository.made),
        "id": repository.id, "name": repository.name, "project_id": repository.project,
        "pull_count": repository.pulls, "update_time": when(repository.updated),
    }  # fmt: skip
    if repository.description:
        body["description"] = repository.description
    return body


def _page(call: Call, found: list[Repository]) -> Response:
    wanted = asked(call.query)
    found = [one for one in found if matches(wanted.get("name"), one.name, one.rest)]
    return paged(call.path, call.query, ordered(found, call.query, KEYS, "-creation_time"), shown)


@api("GET", "/projects/{project}/repositories")
def of_project(call: Call) -> Response:
    """The repositories of a project, the newest first (repositories-*)."""
    return _page(call, list(call.project("repository", "list").repositories.values()))


@api("GET", "/repositories")
def everywhere(call: Call) -> Response:
    """Those of every project that the asker may list (repositories-all)."""
    found = [one for project, one in call.state.repositories() if call.who.may(project, "repository", "list")]
    return _page(call, found)


@api("GET", "/projects/{project}/repositories/{repository}")
def get(call: Call) -> Response:
    """One repository; a slash in its name is encoded twice (repository-slash-*)."""
    return answer(shown(call.repository("repository", "read")))


@api("PUT", "/projects/{project}/repositories/{repository}")
def describe(call: Call) -> Response:
    """Change the description (repository-update-description)."""
    repository = call.repository("repository", "update")
    repository.description = str(call.body("repository").get("description", ""))
    repository.changed()
    return done()


@api("DELETE", "/projects/{project}/repositories/{repository}", talks=True)
def delete(call: Call) -> Response:
    """Delete a repository with all that is in it."""
    repository = call.repository("repository", "delete")
    if call.state.read_only:
        raise Refusal(403, "The system is in read only mode. Any modification is prohibited.", "DENIED")
    for artifact in list(bookkeeping.listed(repository)):
        bookkeeping.remove(call.parts, repository, artifact, call.who.name)
    with call.state.lock:
        project = call.state.projects[repository.project]
        project.repositories.pop(repository.rest, None)
        call.state.log(call.who.name, "delete", repository.name, "repository", project.id)
    return done()


@api("GET", "/search")
def search(call: Call) -> Response:
    """Projects and repositories with these letters in their name (search)."""
    letters = call.query.get("q", "")
    seen = [one for one in call.state.projects.values() if call.who.sees(one)]
    found = [projects.shown(call, one) for one in seen if letters in one.name]
    repositories = [
        {
            "artifact_count": len(bookkeeping.listed(one)), "project_id": project.id, "project_name": project.name,
            "repository_name": one.name, **({"project_public": True} if project.public else {}),
            **({"pull_count": one.pulls} if one.pulls else {}),
        }
        for project in seen
        for one in project.repositories.values()
        if letters in one.name
    ]  # fmt: skip
    return answer({"project": found, "repository": repositories})


@api("GET", "/statistics")
def statistics(call: Call) -> Response:
    """Counts of all (statistics-admin, statistics-dev)."""
    call.signed_in()
    seen = [one for one in call.state.projects.values() if call.who.sees(one)]
    public, private = [one for one in seen if one.public], [one for one in seen if not one.public]
    body = {
        "private_project_count": len(private), "private_repo_count": sum(len(one.repositories) for one in private),
        "public_project_count": len(public), "public_repo_count": sum(len(one.repositories) for one in public),
        "total_project_count": 0, "total_repo_count": 0, "total_storage_consumption": 0,
    }  # fmt: skip
    if call.who.admin:
        body["total_project_count"] = len(seen)
        body["total_repo_count"] = sum(len(one.repositories) for one in seen)
        body["total_storage_consumption"] = sum(one.used() for one in seen)
    return answer(body)
