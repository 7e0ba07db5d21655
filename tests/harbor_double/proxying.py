"""A proxy cache: what is pulled is fetched from upstream, and kept once all of it has come."""

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import urllib3
from starlette.responses import Response

from tests.harbor_double import bookkeeping
from tests.harbor_double.answers import Refusal
from tests.harbor_double.backend import Answer
from tests.harbor_double.model import Project, Upstream
from tests.harbor_double.state import State

if TYPE_CHECKING:
    from tests.harbor_double.server import Parts

POOL = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=2, read=10))
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
)


def healthy(state: State, upstream: Upstream) -> bool:
    """Whether `/v2/` answers there, and takes the credential if there is one."""
    return _ask(state, upstream, "GET", "/v2/").status in ((200,) if upstream.credential else (200, 401))


def _ask(state: State, upstream: Upstream, method: str, path: str, accept: str = "") -> Answer:
    """Ask upstream, with a token where it wants one."""
    base = state.where(upstream.url).rstrip("/")
    headers = {"Accept": accept} if accept else {}
    basic = _basic(upstream)
    first = _send(method, base + path, {**headers, **basic})
    challenge = first.headers.get("www-authenticate", "")
    if first.status != 401 or not challenge.lower().startswith("bearer"):
        return first
    values = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    fields = {name: values[name] for name in ("service", "scope") if name in values}
    token = _send("GET", values.get("realm", ""), basic, fields)
    try:
        found = json.loads(token.body)
    except ValueError:
        return first
    return _send(method, base + path, {**headers, "Authorization": f"Bearer {found.get('token')}"})


def _send(method: str, url: str, headers: dict[str, str], fields: dict[str, str] | None = None) -> Answer:
    try:
        got = POOL.request(method, url, headers=headers, fields=fields, redirect=True)
    except (urllib3.exceptions.HTTPError, ValueError):
        return Answer(0)
    return Answer(got.status, got.data, {name.lower(): value for name, value in got.headers.items()})


def _basic(upstream: Upstream) -> dict[str, str]:
    credential = upstream.credential
    if not credential.get("access_key"):
        return {}
    pair = f"{credential['access_key']}:{credential.get('access_secret', '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def manifest(parts: "Parts", project: Project, name: str, reference: str, method: str) -> Response | None:
    """A manifest from upstream, or None if the one that is kept is as good (proxy-v2-manifest-*)."""
    upstream = parts.state.upstreams[project.registry]
    kept = project.repositories.get(name)
    found = kept.find(reference) if kept else None
    if found and reference.startswith("sha256:"):
        return None
    there = name if "/" in name or upstream.type != "docker-hub" else f"library/{name}"
    path = f"/v2/{there}/manifests/{reference}"
    if found and _ask(parts.state, upstream, "HEAD", path, MANIFESTS).headers.get("docker-content-digest") in (
        None, found.digest,
    ):  # fmt: skip
        return None
    got = _ask(parts.state, upstream, "GET", path, MANIFESTS)
    if got.status == 404:
        at = f"digest {reference}" if reference.startswith("sha256:") else f"tag {reference}"
        raise Refusal(404, f"resource not found: repo {project.name}/{name}, {at} not found")
    _refused(got)
    media_type = got.headers.get("content-type", "")
    with parts.state.lock:
        parts.pending.setdefault(f"{project.name}/{name}", {})[reference] = (got.body, media_type)
    keep(parts, project, name)
    headers = {"Docker-Content-Digest": "", "Etag": ""}
    if method == "HEAD":
        headers |= {"Docker-Content-Digest": got.headers.get("docker-content-digest", ""), "Content-Length": "0"}
        return Response(b"", 200, {**headers, "Content-Length": str(len(got.body))}, media_type)
    return Response(got.body, 200, headers, media_type)


def _refused(got: Answer) -> None:
    """Upstream's no, passed on."""
    if got.status == 429:
        raise Refusal(429, "too many request to upstream registry", "TOOMANYREQUESTS")
    if got.status in (401, 403):
        raise Refusal(404, "resource not found: the upstream registry refused", "NOT_FOUND")
    if got.status != 200:
        raise Refusal(500, "internal server error")


def tags(parts: "Parts", project: Project, name: str) -> set[str]:
    """Every tag that upstream has of a repository (Harbor's source, repoproxy/tag.go); none where it does not say."""
    upstream = parts.state.upstreams[project.registry]
    there = name if "/" in name or upstream.type != "docker-hub" else f"library/{name}"
    got = _ask(parts.state, upstream, "GET", f"/v2/{there}/tags/list")
    return set(json.loads(got.body).get("tags") or []) if got.status == 200 else set()


def blob(parts: "Parts", project: Project, name: str, digest: str) -> Response | None:
    """A blob from upstream, kept as it passes; None if it is kept already."""
    at = f"/v2/{project.name}/{name}/blobs/{digest}"
    if parts.backend.ask("HEAD", at).status == 200:
        return None
    upstream = parts.state.upstreams[project.registry]
    there = name if "/" in name or upstream.type != "docker-hub" else f"library/{name}"
    got = _ask(parts.state, upstream, "GET", f"/v2/{there}/blobs/{digest}")
    if got.status == 404:
        raise Refusal(404, f"resource not found: repo {project.name}/{name}, digest {digest} not found")
    _refused(got)
    _push(parts, f"{project.name}/{name}", digest, got.body)
    keep(parts, project, name)
    return Response(got.body, 200, {"Docker-Content-Digest": digest}, "application/octet-stream")


def _push(parts: "Parts", repository: str, digest: str, body: bytes) -> None:
    begun = parts.backend.ask("POST", f"/v2/{repository}/blobs/uploads/")
    location = re.sub(r"^https?://[^/]+", "", begun.headers.get("Location", ""))
    kind = {"Content-Type": "application/octet-stream"}
    parts.backend.ask("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}", body, kind)


def keep(parts: "Parts", project: Project, name: str) -> None:
    """Put those manifests into the cache whose blobs or children have all come (proxy-…-after-full-pull)."""
    whole = f"{project.name}/{name}"
    for reference, (body, media_type) in list(parts.pending.get(whole, {}).items()):
        if not all(parts.backend.ask("HEAD", one).status == 200 for one in _parts(whole, json.loads(body))):
            continue
        kind = {"Content-Type": media_type}
        put = parts.backend.ask("PUT", f"/v2/{whole}/manifests/{reference}", body, kind)
        if put.status != 201:
            continue
        with parts.state.lock:
            repository = parts.state.add_repository(project, name)
            parts.pending[whole].pop(reference, None)
        digest = put.headers.get("Docker-Content-Digest", "")
        bookkeeping.record(parts, repository, reference, body, media_type, digest)
        resource = f"{whole}{'@' if reference.startswith('sha256:') else ':'}{reference}"
        text = f"push artifact: {whole}@{digest}"
        parts.state.log("proxy-cache-service", "create", resource, "artifact", project.id, text)


def _parts(repository: str, manifest: dict[str, Any]) -> list[str]:
    """Where the parts of a manifest lie in the registry behind."""
    blobs = [one for one in [manifest.get("config"), *manifest.get("layers", [])] if one]
    paths = [f"/v2/{repository}/blobs/{one['digest']}" for one in blobs]
    return paths + [f"/v2/{repository}/manifests/{one['digest']}" for one in manifest.get("manifests", [])]
