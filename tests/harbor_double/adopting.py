"""What a registry holds already, learnt by asking it: so a double can stand before one that was filled without it."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.harbor_double import bookkeeping
from tests.harbor_double.model import Repository
from tests.harbor_double.proxying import MANIFESTS

if TYPE_CHECKING:
    from tests.harbor_double.server import Parts


def adopt(parts: "Parts") -> None:
    """Record every tag of every repository behind that has a project's name; children and referrers come along."""
    for name in _names(parts):
        project, _, rest = name.partition("/")
        if not rest:
            continue
        with parts.state.lock:
            found = parts.state.project(project) or parts.state.add_project(project)
            repository = parts.state.add_repository(found, rest)
        tags = json.loads(parts.backend.ask("GET", f"/v2/{name}/tags/list").body).get("tags") or []
        for tag in tags:
            _learn(parts, repository, tag)


def _names(parts: "Parts") -> Iterator[str]:
    last = ""
    while names := json.loads(parts.backend.ask("GET", f"/v2/_catalog?n=1000&last={last}").body).get("repositories"):
        yield from names
        last = names[-1]


def _learn(parts: "Parts", repository: Repository, reference: str) -> None:
    got = parts.backend.ask("GET", f"/v2/{repository.name}/manifests/{reference}", accept=MANIFESTS)
    if got.status != 200:
        return
    digest = got.headers["Docker-Content-Digest"]
    for child in json.loads(got.body).get("manifests", []):
        _learn(parts, repository, child["digest"])
    bookkeeping.record(parts, repository, reference, got.body, got.headers["Content-Type"], digest)
    fallback = digest.replace(":", "-")  # where a registry without a referrers API keeps them
    for about in (f"/v2/{repository.name}/referrers/{digest}", f"/v2/{repository.name}/manifests/{fallback}"):
        listed = parts.backend.ask("GET", about, accept=MANIFESTS)
        if listed.status == 200:
            for one in json.loads(listed.body).get("manifests") or []:
                if one["digest"] not in repository.artifacts:
                    _learn(parts, repository, one["digest"])
