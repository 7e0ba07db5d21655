"""Artifacts of the API: lists, one of them, its tags, accessories, additions and labels; copies and deletions."""

import hashlib
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from tests.harbor_double import bookkeeping, copying
from tests.harbor_double.answers import Refusal, answer, asked, done, flag, matches, ordered, paged, when
from tests.harbor_double.model import Accessory, Artifact, Repository, Tag
from tests.harbor_double.projects import immutable
from tests.harbor_double.routing import BASE, Call, api
from tests.harbor_double.state import State
from tests.harbor_double.system import label_shown

AT = "/projects/{project}/repositories/{repository}/artifacts"
ONE = AT + "/{reference}"
KEYS: dict[str, Callable[[Artifact], Any]] = {
    "push_time": lambda one: one.pushed, "pull_time": lambda one: one.pulled, "size": lambda one: one.size,
    "digest": lambda one: one.digest, "id": lambda one: one.id, "type": lambda one: one.kind,
}  # fmt: skip


def icon(kind: str) -> str:
    """The digest of the picture for a kind; Harbor has none for what it does not know (sig-bogus-sbomref-robot-…)."""
    return "" if kind == "subject.accessory" else "sha256:" + hashlib.sha256(kind.encode()).hexdigest()


def tag_shown(state: State, repository: Repository, tag: Tag) -> dict[str, Any]:
    """A tag as the API has it."""
    project = state.projects[repository.project]
    found = repository.artifacts.get(tag.digest)
    return {
        "artifact_id": found.id if found else 0, "id": tag.id,
        "immutable": bool(project.immutable) and immutable(project, repository.rest, tag.name), "name": tag.name,
        "pull_time": when(tag.pulled), "push_time": when(tag.pushed), "repository_id": repository.id,
    }  # fmt: skip


def accessory_shown(repository: Repository, accessory: Accessory) -> dict[str, Any]:
    """An accessory as the API has it (sig-v3bundle-accessories)."""
    own, subject = repository.artifacts[accessory.digest], repository.artifacts.get(accessory.subject)
    return {
        "artifact_id": own.id, "creation_time": when(accessory.made), "digest": own.digest,
        "icon": icon(accessory.kind), "id": accessory.id, "size": own.size,
        "subject_artifact_digest": accessory.subject, "subject_artifact_id": subject.id if subject else 0,
        "subject_artifact_repo": repository.name, "type": accessory.kind,
    }  # fmt: skip


def _tags(repository: Repository, artifact: Artifact) -> list[Tag]:
    """All of them: tags of signatures are not seen because accessories are in no list (sig-v25-artifacts-list)."""
    return [repository.tags[name] for name in bookkeeping.tags_by_digest(repository).get(artifact.digest, [])]


def shown(call: Call, repository: Repository, artifact: Artifact) -> dict[str, Any]:
    """An artifact as the API has it: what is none is null, and what does not apply is not there."""
    query, state = call.query, call.state
    tags = _tags(repository, artifact) if flag(query, "with_tag", True) else []
    about = bookkeeping.accessories(repository, artifact.digest) if flag(query, "with_accessory", False) else []
    labels = [state.labels[one] for one in artifact.labels] if flag(query, "with_label", False) else []
    body: dict[str, Any] = {
        "accessories": [accessory_shown(repository, one) for one in about] or None,
        "digest": artifact.digest,
        "icon": icon(artifact.kind),
        "id": artifact.id,
        "labels": [label_shown(one) for one in labels] or None,
        "manifest_media_type": artifact.manifest_type,
        "media_type": artifact.media_type,
        "project_id": repository.project,
        "pull_time": when(artifact.pulled),
        "push_time": when(artifact.pushed),
        "references": artifact.children or None,
        "repository_id": repository.id,
        "repository_name": repository.name,
        "size": artifact.size,
        "tags": [tag_shown(state, repository, one) for one in tags] or None,
        "type": artifact.kind,
    }
    if artifact.artifact_type:
        body["artifact_type"] = artifact.artifact_type
    if artifact.annotations:
        body["annotations"] = artifact.annotations
    if artifact.extra is not None:
        body["extra_attrs"] = artifact.extra
        project, _, name = repository.name.partition("/")
        at = f"{BASE}/projects/{project}/repositories/{name.replace('/', '%252F')}/artifacts/{artifact.digest}"
        body["addition_links"] = {"build_history": {"absolute": False, "href": f"{at}/additions/build_history"}}
    return body


@api("GET", AT)
def artifacts(call: Call) -> Response:
    """The artifacts of a repository; one that is not there has none (artifacts-*, proxy-artifacts-after-pull)."""
    project = call.project("artifact", "list")
    repository = project.repositories.get(urllib.parse.unquote(call.values["repository"]))
    if repository is None:
        return paged(call.path, call.query, [], lambda one: one)
    found, wanted = bookkeeping.listed(repository), asked(call.query)
    if wanted:
        tags = bookkeeping.tags_by_digest(repository)
        found = [one for one in found if _wanted(one, tags.get(one.digest, []), wanted)]
    if "sort" in call.query:
        found = ordered(found, call.query, KEYS, "-push_time")
    return paged(call.path, call.query, found, lambda one: shown(call, repository, one))


@api("GET", "/projects/{project}/artifacts")
def of_project(call: Call) -> Response:
    """The artifacts of every repository of a project (not recorded; by the contract)."""
    project = call.project("artifact", "list")
    homes = {one.id: home for home in project.repositories.values() for one in bookkeeping.listed(home)}
    every = [one for home in project.repositories.values() for one in bookkeeping.listed(home)]
    found = ordered(every, call.query, KEYS, "-push_time")
    return paged(call.path, call.query, found, lambda one: shown(call, homes[one.id], one))


def _wanted(artifact: Artifact, tags: list[str], wanted: dict[str, str]) -> bool:
    """Whether `q` wants it (artifacts-q-tags-*, artifacts-list-with-label)."""
    if "tags" in wanted:
        asked_for = wanted["tags"]
        if asked_for in ("nil", "*"):
            if bool(tags) != (asked_for == "*"):
                return False
        elif not matches(asked_for, *tags):
            return False
    return (
        matches(wanted.get("labels"), *(str(one) for one in artifact.labels))
        and matches(wanted.get("digest"), artifact.digest)
        and matches(wanted.get("type"), artifact.kind)
        and matches(wanted.get("media_type"), artifact.media_type)
        and matches(wanted.get("push_time"), artifact.pushed.strftime("%Y-%m-%d %H:%M:%S"))
    )


@api("POST", AT, talks=True)
def copy(call: Call) -> Response:
    """Copy an artifact with its tags and accessories from another repository (artifact-copy)."""
    return copying.copy(call)


@api("GET", ONE)
def get(call: Call) -> Response:
    """One artifact, also an accessory or the child of an index (accessory-as-artifact-get)."""
    return answer(shown(call, *call.artifact("artifact", "read")))


@api("DELETE", ONE, talks=True)
def delete(call: Call) -> Response:
    """Delete an artifact (sig-retag-artifact-delete-signed, accessory-delete-*)."""
    repository, artifact = call.artifact("artifact", "delete")
    _writable(call)
    project = call.state.projects[repository.project]
    for tag in _tags(repository, artifact):
        if immutable(project, repository.rest, tag.name):
            raise Refusal(412, f"the artifact {artifact.digest} has immutable tag {tag.name}, cannot be deleted")
    bookkeeping.remove(call.parts, repository, artifact, call.who.name)
    return done()


def _writable(call: Call) -> None:
    if call.state.read_only:
        raise Refusal(403, "The system is in read only mode. Any modification is prohibited.", "DENIED")


# -- tags


@api("GET", ONE + "/tags")
def tags(call: Call) -> Response:
    """The tags of an artifact, the newest first."""
    repository, artifact = call.artifact("tag", "list")
    wanted = asked(call.query)
    found = [one for one in _tags(repository, artifact) if matches(wanted.get("name"), one.name)]
    return paged(call.path, call.query, found, lambda one: tag_shown(call.state, repository, one))


@api("POST", ONE + "/tags", talks=True)
def add_tag(call: Call) -> Response:
    """Give an artifact another name (artifact-tag-create*)."""
    repository, artifact = call.artifact("tag", "create")
    _writable(call)
    name = str(call.body("tag").get("name", ""))
    if not re.fullmatch(r"[\w][\w.-]{0,127}", name, re.ASCII):
        raise Refusal(400, f"bad request: invalid tag name: {name}")
    if name in repository.tags:
        raise Refusal(409, f"tag {name} already exists under the repository {repository.id}")
    copying.tag_behind(call.parts, repository, artifact, name)
    with call.state.lock:
        call.state.tag(repository, name, artifact.digest)
        call.state.log(call.who.name, "create", f"{repository.name}:{name}", "tag", repository.project)
    return done(201)


@api("DELETE", ONE + "/tags/{tag}")
def drop_tag(call: Call) -> Response:
    """Take a name away; the artifact stays (artifact-tag-delete, immutable-tag-delete)."""
    repository, artifact = call.artifact("tag", "delete")
    _writable(call)
    name = call.values["tag"]
    tag = repository.tags.get(name)
    if tag is None or tag.digest != artifact.digest:
        raise Refusal(404, f"tag {name} attached to artifact {artifact.id} not found")
    if immutable(call.state.projects[repository.project], repository.rest, name):
        raise Refusal(412, f"the tag {name} configured as immutable, cannot be deleted")
    del repository.tags[name]
    repository.changed()
    call.state.log(call.who.name, "delete", f"{repository.name}:{name}", "tag", repository.project)
    return done()


# -- accessories, additions, labels, scans


@api("GET", ONE + "/accessories")
def accessories(call: Call) -> Response:
    """What is about an artifact, the oldest first (sig-*-accessories)."""
    repository, artifact = call.artifact("accessory", "list")
    wanted = asked(call.query)
    found = [
        one
        for one in bookkeeping.accessories(repository, artifact.digest)
        if matches(wanted.get("type"), one.kind) and matches(wanted.get("digest"), one.digest)
    ]
    return paged(call.path, call.query, found, lambda one: accessory_shown(repository, one))


@api("GET", ONE + "/additions/{addition}")
def addition(call: Call) -> Response:
    """The build history; nothing scans here (artifact-addition-*)."""
    repository, artifact = call.artifact("artifact-addition", "read")
    name = call.values["addition"]
    if name == "vulnerabilities":
        raise Refusal(404, f"no scanner registration configured for project: {repository.project}")
    if name != "build_history" or artifact.extra is None:
        raise Refusal(400, f"addition {name} isn't supported for {artifact.kind}")
    response = answer(artifact.history)
    response.headers["content-type"] = "application/json; charset=utf-8"
    return response


@api("POST", ONE + "/labels")
def add_label(call: Call) -> Response:
    """Put a label on an artifact (artifact-label-add)."""
    _, artifact = call.artifact("artifact-label", "create")
    number = call.body("label").get("id")
    if number not in call.state.labels:
        raise Refusal(404, f"label {number} not found")
    if number in artifact.labels:
        raise Refusal(409, f"label {number} is already added to the artifact {artifact.id}")
    artifact.labels.append(number)
    return done()


@api("DELETE", ONE + "/labels/{label}")
def drop_label(call: Call) -> Response:
    """Take a label off."""
    _, artifact = call.artifact("artifact-label", "delete")
    number = int(call.values["label"])
    if number not in artifact.labels:
        raise Refusal(404, f"reference with label ID {number} and artifact ID {artifact.id} not found")
    artifact.labels.remove(number)
    return done()


@api("POST", ONE + "/scan")
def scan(call: Call) -> Response:
    """No scanner is configured (artifact-scan-no-scanner)."""
    repository, _ = call.artifact("scan", "create")
    raise Refusal(412, f"no available scanner for project: {repository.project}")
