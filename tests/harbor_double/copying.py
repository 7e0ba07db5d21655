"""Copies of artifacts from one repository to another, in the registry behind as well."""

import urllib.parse
from typing import TYPE_CHECKING

from starlette.responses import Response

from tests.harbor_double import bookkeeping
from tests.harbor_double.answers import Refusal, done
from tests.harbor_double.model import Artifact, Repository
from tests.harbor_double.routing import BASE, Call

if TYPE_CHECKING:
    from tests.harbor_double.server import Parts


def copy(call: Call) -> Response:
    """Copy `from=PROJECT/REPOSITORY:TAG` or `…@DIGEST` to the repository of the address."""
    target = call.project("artifact", "create")
    given = call.query.get("from", "")
    name, _, reference = given.partition("@") if "@" in given else given.rpartition(":")
    if not name or not reference:
        raise Refusal(400, f"invalid artifact reference: {given}")
    project = call.state.project(name.partition("/")[0])
    if project is None or not call.who.may(project, "artifact", "read"):
        raise Refusal(403, "forbidden")
    source = project.repositories.get(name.partition("/")[2])
    artifact = source.find(reference) if source else None
    if source is None or artifact is None:
        raise Refusal(404, f"artifact {given} not found")
    with call.state.lock:
        made = call.state.add_repository(target, urllib.parse.unquote(call.values["repository"]))
    _copy(call.parts, source, artifact, made)
    tags = bookkeeping.tags_by_digest(made).get(artifact.digest, [])
    resource = f"{made.name}:{tags[0]}" if tags else f"{made.name}@{artifact.digest}"
    text = f"push artifact: {made.name}@{artifact.digest}"
    call.state.log(call.who.name, "create", resource, "artifact", target.id, text)
    call.parts.deliveries.event("PUSH_ARTIFACT", target, made, artifact.digest, tags[0] if tags else "", call.who.name)
    at = f"{BASE}/projects/{target.name}/repositories/{call.values['repository']}/artifacts/{reference}"
    return done(201, Location=at)


def _copy(parts: "Parts", source: Repository, artifact: Artifact, target: Repository) -> None:
    for child in artifact.children:
        _copy(parts, source, source.artifacts[child["child_digest"]], target)
    body = parts.backend.ask("GET", f"/v2/{source.name}/manifests/{artifact.digest}", accept=artifact.manifest_type)
    if body.status != 200:
        raise Refusal(500, "internal server error")
    for digest in artifact.blobs:
        parts.backend.ask("POST", f"/v2/{target.name}/blobs/uploads/?mount={digest}&from={source.name}")
    kind = {"Content-Type": artifact.manifest_type}
    tags = bookkeeping.tags_by_digest(source).get(artifact.digest, [])
    for reference in tags[::-1] or [artifact.digest]:
        put = parts.backend.ask("PUT", f"/v2/{target.name}/manifests/{reference}", body.body, kind)
        if put.status != 201:
            raise Refusal(500, "internal server error")
        bookkeeping.record(parts, target, reference, body.body, artifact.manifest_type, artifact.digest)
    for accessory in bookkeeping.accessories(source, artifact.digest):
        if accessory.digest in source.artifacts:
            _copy(parts, source, source.artifacts[accessory.digest], target)


def tag_behind(parts: "Parts", repository: Repository, artifact: Artifact, name: str) -> None:
    """Let the registry behind know a new tag too; a seeded artifact is not there, and needs not be."""
    at = f"/v2/{repository.name}/manifests"
    got = parts.backend.ask("GET", f"{at}/{artifact.digest}", accept=artifact.manifest_type)
    if got.status == 200:
        parts.backend.ask("PUT", f"{at}/{name}", got.body, {"Content-Type": artifact.manifest_type})
