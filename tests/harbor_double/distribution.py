"""`/v2/`: what Harbor's core decides before the registry behind is asked, and what it answers itself."""

import datetime
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tests.harbor_double import bookkeeping, proxying
from tests.harbor_double.answers import Refusal
from tests.harbor_double.backend import Answer, passed_on
from tests.harbor_double.model import Artifact, Project, Repository, now
from tests.harbor_double.projects import immutable
from tests.harbor_double.routing import who_asks
from tests.harbor_double.tokens import SERVICE, allowed
from tests.harbor_double.who import Who

if TYPE_CHECKING:
    from tests.harbor_double.server import Parts

NAME = r"(?P<name>[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+)"
DIGEST = r"sha256:[0-9a-f]{64}"
MANIFEST = re.compile(rf"/v2/{NAME}/manifests/(?P<reference>{DIGEST}|[\w][\w.-]{{0,127}})")
BLOB = re.compile(rf"/v2/{NAME}/blobs/(?P<digest>{DIGEST})")
UPLOAD = re.compile(rf"/v2/{NAME}/blobs/uploads/?(?P<id>[\w.=-]*)")
TAGS = re.compile(rf"/v2/{NAME}/tags/list")
REFERRERS = re.compile(rf"/v2/{NAME}/referrers/(?P<digest>{DIGEST})")
API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
JSON = "application/json; charset=utf-8"
OCI = {"application/vnd.oci.image.manifest.v1+json": "manifest", "application/vnd.oci.image.index.v1+json": "index"}


@dataclass
class Asked:
    """A request to `/v2/`: who asks, and by which token if by one."""

    request: Request
    parts: "Parts"
    path: str
    raw: bytes
    who: Who
    claims: dict[str, Any] | None

    @property
    def authorization(self) -> str:
        return self.request.headers.get("authorization", "")

    @property
    def user(self) -> str:
        return str(self.claims["sub"]) if self.claims else self.who.name

    def may(self, project: Project, name: str, action: str) -> bool:
        """Whether the token, or who signed in, has this right on a repository."""
        if self.claims is not None:
            return any(one["name"] == name and action in one["actions"] for one in self.claims["access"])
        return self.who.may(project, "repository", action)

    def refused(self, message: str, scope: str = "", challenge: str | None = None) -> Refusal:
        """401 with what to do: a token for who sent nothing, else Basic (v2-root-*, v2-manifest-*)."""
        if challenge is None and self.authorization:
            challenge = 'Basic realm="harbor"'
        elif challenge is None:
            scheme = self.parts.state.external_url.partition("://")[0]
            realm = f"{scheme}://{self.request.headers.get('host', '')}/service/token"
            wanted = f',scope="{scope}"' if scope else ""
            challenge = f'Bearer realm="{realm}",service="{SERVICE}"{wanted}'
        return Refusal(401, f"{message}: {message}", headers={**API_VERSION, "Www-Authenticate": challenge})

    def project(self, name: str, action: str) -> Project:
        """The project of a repository, where they have the right; 401 in all other cases, as Harbor does."""
        scope = f"repository:{name}:{'pull,push' if action == 'push' else action}"
        if action == "pull" and not self.authorization:
            raise self.refused("authorize header needed to send HEAD to repository", scope)
        project = self.parts.state.project(name.partition("/")[0])
        if project is None:
            raise self.refused(f"project {name.partition('/')[0]} not found", challenge="")
        if not self.may(project, name, action):
            raise self.refused(f"unauthorized to access repository: {name}, action: {action}", scope)
        return project


async def answer(request: Request, parts: "Parts") -> Response:
    """Answer a request to `/v2/`."""
    # who shows nothing is refused before the body is through, as Harbor's core does
    raw = await request.body() if request.headers.get("authorization") else b""
    return await run_in_threadpool(_answer, request, parts, raw)


def _answer(request: Request, parts: "Parts", raw: bytes) -> Response:
    bearer = request.headers.get("authorization", "")
    claims = parts.tokens.read(bearer[7:]) if bearer.lower().startswith("bearer ") else None
    asked = Asked(request, parts, request.url.path, raw, who_asks(parts.state, request), claims)
    try:
        return _route(asked)
    except Refusal as refusal:
        return refusal.response()


def _route(asked: Asked) -> Response:
    path, method = asked.path, asked.request.method
    if path in ("/v2/", "/v2"):
        signed_in = asked.claims["sub"] if asked.claims is not None else asked.who.known
        if not signed_in:  # a stranger's token is no login: so docker is told of a wrong password
            raise asked.refused("unauthorized")
        return Response("{}", 200, API_VERSION, JSON)
    if path == "/v2/_catalog":
        return _catalog(asked)
    for pattern, function in ((MANIFEST, _manifest), (TAGS, _tags), (REFERRERS, _referrers), (BLOB, _blob),
                              (UPLOAD, _upload)):  # fmt: skip
        if match := pattern.fullmatch(path):
            return function(asked, match)
    message = f"un-recognized request: {method} {path}"
    raise asked.refused(message, challenge="")


def token(request: Request, parts: "Parts") -> Response:
    """`/service/token`: one for whoever asks; a wrong password gets a stranger's (service-token-*)."""
    who = who_asks(parts.state, request)
    name = who.name if who.known else ""
    made = parts.tokens.make(name, allowed(parts.state, who, request.query_params.getlist("scope")))
    issued = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"token": made, "access_token": "", "expires_in": parts.tokens.seconds, "issued_at": issued}
    return Response(json.dumps(body), 200, media_type=JSON)


# -- what Harbor answers itself


def _catalog(asked: Asked) -> Response:
    if not asked.who.may_system("catalog", "read"):
        challenge = 'Basic realm="harbor"'
        raise asked.refused("unauthorized to list catalog", challenge=challenge)
    names = sorted(one.name for _, one in asked.parts.state.repositories())
    return _names(asked, names, lambda found: {"repositories": found})


def _names(asked: Asked, names: list[str], body: Any) -> Response:
    """A page of names by `n` and `last`."""
    query = asked.request.query_params
    names = [one for one in names if one > query.get("last", "")]
    count = int(query["n"]) if query.get("n", "").isdigit() else len(names)
    headers = {}
    if count < len(names):
        headers["Link"] = f'<{asked.path}?last={names[count - 1] if count else ""}&n={count}>; rel="next"'
    return Response(json.dumps(body(names[:count])) + "\n", 200, headers, JSON)


def _tags(asked: Asked, match: re.Match[str]) -> Response:
    """All tags, those of signatures too (sig-v3legacy-v2-tags); of a proxy cache also those that upstream has."""
    name = match["name"]
    project = asked.project(name, "pull")
    repository = asked.parts.state.repository(name)
    tags = set(repository.tags) if repository else set()
    if project.registry:
        tags |= proxying.tags(asked.parts, project, name.partition("/")[2])
    elif repository is None:
        raise Refusal(404, f"repository {name} not found")
    return _names(asked, sorted(tags), lambda found: {"name": name, "tags": found})


def _referrers(asked: Asked, match: re.Match[str]) -> Response:
    """The accessories of a digest, which need not be there (v2-referrers-*, public-anonymous-token-v2-referrers-*)."""
    name, digest = match["name"], match["digest"]
    asked.project(name, "pull")
    repository = asked.parts.state.repository(name)
    with asked.parts.state.lock:
        about = bookkeeping.accessories(repository, digest) if repository else []
        found = [_descriptor(repository.artifacts[one.digest]) for one in about] if repository else []
    headers = {"X-Total-Count": str(len(found))}
    if kind := asked.request.query_params.get("artifactType"):
        found = [one for one in found if one["artifactType"] == kind]
        headers["OCI-Filters-Applied"] = "artifactType"
    index = "application/vnd.oci.image.index.v1+json"
    body = {"schemaVersion": 2, "mediaType": index, "manifests": found}
    return Response(json.dumps(body), 200, headers, index)


def _descriptor(artifact: Artifact) -> dict[str, Any]:
    body: dict[str, Any] = {
        "mediaType": artifact.manifest_type, "digest": artifact.digest, "size": artifact.manifest_size,
        "artifactType": artifact.artifact_type,
    }  # fmt: skip
    return {**body, "annotations": artifact.annotations} if artifact.annotations else body


# -- manifests


def _manifest(asked: Asked, match: re.Match[str]) -> Response:
    method, name, reference = asked.request.method, match["name"], match["reference"]
    if method in ("GET", "HEAD"):
        return _pull(asked, name, reference)
    if method == "PUT":
        return _push(asked, name, reference)
    project = asked.project(name, "delete")
    _writable(asked, project)
    repository = asked.parts.state.repository(name)
    artifact = repository.find(reference) if repository else None
    if method != "DELETE" or repository is None or artifact is None:
        raise Refusal(404, f"artifact {name}{_at(reference)} not found")
    bookkeeping.remove(asked.parts, repository, artifact, asked.user)
    return Response(b"", 202, API_VERSION)


def _at(reference: str) -> str:
    return f"@{reference}" if reference.startswith("sha256:") else f":{reference}"


def _pull(asked: Asked, name: str, reference: str) -> Response:
    project, parts = asked.project(name, "pull"), asked.parts
    if project.registry:
        fetched = proxying.manifest(parts, project, name.partition("/")[2], reference, asked.request.method)
        if fetched is not None:
            return fetched
    repository = parts.state.repository(name)
    artifact = repository.find(reference) if repository else None
    if repository is None or artifact is None:
        raise Refusal(404, f"artifact {name}{_at(reference)} not found")
    _trusted(asked, project, repository, artifact)
    if kind := OCI.get(artifact.manifest_type):
        accepted = ", ".join(asked.request.headers.getlist("accept"))  # skopeo and docker: a line each
        if artifact.manifest_type not in accepted:  # v2-manifest-oci-without-accept
            many = "indexes" if kind == "index" else "manifests"
            message = f"OCI {kind} found, but accept header does not support OCI {many}"
            raise Refusal(404, message, "MANIFEST_UNKNOWN", API_VERSION)
    got = _behind(asked, f"/v2/{name}/manifests/{artifact.digest}")
    if got.status == 200 and asked.request.method == "GET":
        _pulled(asked, project, repository, artifact, reference)
    return _passed_back(got)


def _pulled(asked: Asked, project: Project, repository: Repository, artifact: Artifact, reference: str) -> None:
    """Write down that somebody pulled, and tell who wants to know."""
    tag = "" if reference.startswith("sha256:") else reference
    with asked.parts.state.lock:
        artifact.pulled = now()
        repository.pulls += 1
        if tag in repository.tags:
            repository.tags[tag].pulled = artifact.pulled
        resource, text = f"{repository.name}{_at(reference)}", f"pull artifact: {repository.name}@{artifact.digest}"
        asked.parts.state.log(asked.user or "anonymous", "pull", resource, "artifact", project.id, text)
    asked.parts.deliveries.event("PULL_ARTIFACT", project, repository, artifact.digest, tag, asked.user)


def _trusted(asked: Asked, project: Project, repository: Repository, artifact: Artifact) -> None:
    """The content-trust policy: a signature of cosign must be there; it looks no further (sig-*-pull-*).

    Signatures stay open; an SBOM or another accessory does not (Harbor's source, middleware/util.SkipPolicyChecking).

    A cosign that may push, and shows a token, reads what it will sign (sig-unsigned-pull-token-cosignUA-dev).
    """
    if project.metadata.get("enable_content_trust_cosign") != "true":
        return
    own = repository.accessories.get(artifact.digest)
    if own is not None and own.kind.startswith("signature."):
        return
    is_cosign = "cosign" in asked.request.headers.get("user-agent", "")
    if is_cosign and asked.claims and asked.may(project, repository.name, "push"):
        return
    with asked.parts.state.lock:
        signed = bookkeeping.signed(repository, artifact.digest)
    if not signed:
        raise Refusal(412, "The image is not signed by cosign.", "PROJECTPOLICYVIOLATION")


def _push(asked: Asked, name: str, reference: str) -> Response:
    project, parts = asked.project(name, "push"), asked.parts
    _writable(asked, project)
    short = name.partition("/")[2]
    tag = "" if reference.startswith("sha256:") else reference
    known = project.repositories.get(short)
    if tag and known and tag in known.tags and immutable(project, short, tag):
        # v2-put-manifest-immutable-tag
        raise Refusal(412, f"Failed to process request due to '{short}:{tag}' configured as immutable.")
    _fits(asked, project, short)
    got = _behind(asked, f"/v2/{name}/manifests/{reference}")
    response = _passed_back(got)
    if got.status == 201:
        media_type = asked.request.headers.get("content-type", "")
        digest = got.headers.get("Docker-Content-Digest", "")
        with parts.state.lock:
            repository = parts.state.add_repository(project, short)
        bookkeeping.record(parts, repository, reference, asked.raw, media_type, digest)
        resource = f"{name}:{tag}" if tag else f"{name}@{digest}"
        parts.state.log(asked.user, "create", resource, "artifact", project.id, f"push artifact: {name}@{digest}")
        parts.deliveries.event("PUSH_ARTIFACT", project, repository, digest, tag, asked.user)
        if digest in repository.accessories and b'"subject"' in asked.raw:  # bogus-v3bundle-robot-put
            response.headers["OCI-Subject"] = repository.accessories[digest].subject
    return response


def _fits(asked: Asked, project: Project, short: str) -> None:
    """Whether what a manifest adds fits into the quota."""
    manifest = json.loads(asked.raw) if asked.raw.startswith(b"{") else {}
    with asked.parts.state.lock:
        _fits_there(asked, project, short, manifest)


def _fits_there(asked: Asked, project: Project, short: str, manifest: dict[str, Any]) -> None:
    there = {digest for one in project.repositories.values() for other in one.artifacts.values()
             for digest in other.blobs}  # fmt: skip
    listed = [one for one in [manifest.get("config"), *manifest.get("layers", [])] if one]
    more = len(asked.raw) + sum(one.get("size", 0) for one in listed if one.get("digest") not in there)
    repository = project.repositories.get(short) or Repository(0, f"{project.name}/{short}", project.id)
    if project.hard > 0 and project.used() < 0.85 * project.hard <= project.used() + more <= project.hard:
        details = f"quota usage reach 85%: resource storage used {project.used() + more} of {project.hard}"
        asked.parts.deliveries.quota("QUOTA_WARNING", project, repository, details, asked.user)
    if details := bookkeeping.over(project, more):
        asked.parts.deliveries.quota("QUOTA_EXCEED", project, repository, details, asked.user)
        raise Refusal(403, details, "DENIED")


def _writable(asked: Asked, project: Project) -> None:
    """Read-only mode and proxy caches take nothing (readonly-push.txt, proxy-push-denied.txt)."""
    if asked.parts.state.read_only:
        raise Refusal(403, "The system is in read only mode. Any modification is prohibited.", "DENIED")
    if project.registry:
        raise Refusal(403, f"denied: can not push artifact to a proxy project: {project.name}", "DENIED")


# -- blobs


def _blob(asked: Asked, match: re.Match[str]) -> Response:
    name = match["name"]
    if asked.request.method not in ("GET", "HEAD"):
        _writable(asked, asked.project(name, "delete"))
        return _passed_back(_behind(asked, asked.path))
    project = asked.project(name, "pull")
    if project.registry:
        fetched = proxying.blob(asked.parts, project, name.partition("/")[2], match["digest"])
        if fetched is not None:
            return fetched
    return _passed_back(_behind(asked, asked.path))


def _upload(asked: Asked, match: re.Match[str]) -> Response:
    """An upload: begun, continued, ended; refused at its start where the quota is full (v2-over-quota-blob.txt)."""
    project = asked.project(match["name"], "push")
    _writable(asked, project)
    query = asked.request.query_params
    if asked.request.method == "POST":
        with asked.parts.state.lock:
            details = bookkeeping.over(project)
        if details:
            raise Refusal(403, details, "DENIED")
        if query.get("from"):
            asked.project(query["from"], "pull")
    return _passed_back(_behind(asked, asked.path))


def _behind(asked: Asked, path: str) -> Answer:
    """Ask the registry behind; it hears the name it was asked by, so that its addresses are right."""
    headers = passed_on(asked.request.headers.items())
    headers["Host"] = asked.request.headers.get("host", "")
    headers.setdefault("X-Forwarded-Proto", asked.request.url.scheme)
    query = asked.request.scope["query_string"].decode()
    body = asked.raw if asked.request.method in ("PUT", "POST", "PATCH") else None
    return asked.parts.backend.ask(asked.request.method, f"{path}?{query}" if query else path, body, headers)


def _passed_back(got: Answer) -> Response:
    dropped = ("connection", "transfer-encoding", "keep-alive", "date", "x-content-type-options")
    response = Response(got.body, got.status)
    if got.headers.get("Content-Length") and not got.body:
        response.headers["content-length"] = got.headers["Content-Length"]  # of a HEAD
    for name, value in got.headers.items():
        if name.lower() not in (*dropped, "content-length"):
            response.headers[name] = value
    return response
