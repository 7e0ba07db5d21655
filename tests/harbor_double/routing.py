"""Which function answers which address of the API, and what it is given."""

import json
import re
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tests.harbor_double.answers import Refusal
from tests.harbor_double.model import Artifact, Project, Repository
from tests.harbor_double.state import State
from tests.harbor_double.who import NOBODY, Who, basic, sign_in

if TYPE_CHECKING:
    from tests.harbor_double.server import Parts

BASE = "/api/v2.0"
Handler = Callable[["Call"], Response]


@dataclass(frozen=True)
class Route:
    """An address of the API with the function behind it."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    talks: bool  # it talks to others, so it must not hold the lock meanwhile


ROUTES: list[Route] = []
# The addresses below a project that the contract has with its name alone.
_NAMED = re.compile(r"/projects/[^/]+/(?:repositories|logs|auditlog-exts)(?:/|$)")


def api(method: str, path: str, talks: bool = False) -> Callable[[Handler], Handler]:
    """Register a function for an address such as `/projects/{project}`."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$")

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, pattern, handler, talks))
        return handler

    return register


@dataclass
class Call:
    """One request: what was asked, by whom, and the state to answer from."""

    request: Request
    parts: "Parts"
    who: Who
    values: dict[str, str]
    raw: bytes

    @property
    def state(self) -> State:
        return self.parts.state

    @property
    def path(self) -> str:
        """The address as it was sent, for links."""
        return str(self.request.scope["raw_path"].decode().partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        return dict(self.request.query_params)

    def body(self, name: str = "body") -> dict[str, Any]:
        """The JSON that was sent; 422 where it is none (project-create-400-garbage-json, …-wrong-content-type)."""
        kind = self.request.headers.get("content-type", "application/json").partition(";")[0]
        if kind != "application/json":
            text = f'validation failure list:\nunsupported media type "{kind}", only [application/json] are allowed'
            raise Refusal(422, text)
        try:
            found = json.loads(self.raw or b"{}")
        except json.JSONDecodeError as error:
            at = "object key string" if "property name" in error.msg else "value"
            why = f"invalid character '{error.doc[error.pos : error.pos + 1]}' looking for beginning of {at}"
        else:
            contract = self.parts.contract
            why = contract.unfit(self.request.method, _below(self.request), found) if contract else ""
            if isinstance(found, dict) and not why:
                return found
            why = why or f"json: cannot unmarshal {type(found).__name__} into Go value"
        raise Refusal(422, f'validation failure list:\nparsing {name} body from "" failed, because {why}')

    # -- who may

    def signed_in(self) -> Who:
        """Who asks; 401 to nobody."""
        if not self.who.known:
            raise Refusal(401, "unauthorized")
        return self.who

    def system(self, resource: str, action: str) -> None:
        """The right in the whole system, or 403 with the name (configurations-dev-403)."""
        self.signed_in()
        if not self.who.may_system(resource, action):
            raise Refusal(403, self.who.name)

    def project(self, resource: str, action: str) -> Project:
        """The project of the address, if they have this right there.

        Where it is missing, an administrator gets 404, another 403 (project-get-404-outsider-nosuch), nobody 401. A
        number is an id, whatever a project is called, unless a header says otherwise
        (project-get-by-id-with-X-Is-Resource-Name, and the contract's words about the header).
        """
        name = self.values["project"]
        by_name = self.request.headers.get("x-is-resource-name", "").lower() == "true"
        if name.isdigit() and not by_name and not _NAMED.match(_below(self.request)):
            found = self.state.projects.get(int(name))
        else:
            found = self.state.project(name)
        if found is None and self.who.admin:
            raise Refusal(404, f"project {name} not found")
        if found is None or not self.who.may(found, resource, action):
            raise Refusal(403, "forbidden") if self.who.known else Refusal(401, "unauthorized")
        return found

    def repository(self, resource: str, action: str) -> Repository:
        """The repository of the address, whose slashes were encoded twice."""
        project = self.project(resource, action)
        name = urllib.parse.unquote(self.values["repository"])
        found = project.repositories.get(name)
        if found is None:
            raise Refusal(404, f"repository {project.name}/{name} not found")
        return found

    def artifact(self, resource: str, action: str) -> tuple[Repository, Artifact]:
        """The artifact of the address, by tag or digest (artifact-404-tag, artifact-bad-reference)."""
        project = self.project(resource, action)
        name, reference = urllib.parse.unquote(self.values["repository"]), self.values["reference"]
        repository = project.repositories.get(name)
        found = repository.find(reference) if repository else None
        if repository is None or found is None:
            at = "@" if re.fullmatch(r"sha256:[0-9a-f]{64}", reference) else ":"
            raise Refusal(404, f"artifact {project.name}/{name}{at}{reference} not found")
        return repository, found


def who_asks(state: State, request: Request) -> Who:
    """Who a request comes from: Basic first, then the session's cookie; a wrong password is nobody."""
    given = basic(request.headers.get("authorization", ""))
    if given and state.by_oidc and not state.robot(given[0]) and given[0] != state.admin.name:
        user = state.users.get(given[0])
        known = user is not None and bool(given[1]) and user.cli_secret == given[1]
        return Who(user) if known and _takes_cli_secrets(request) else NOBODY
    if given:
        return sign_in(state, *given)
    session = state.sessions.get(request.cookies.get("sid", ""), "")
    user = state.users.get(session)
    return Who(user) if user else NOBODY


def _takes_cli_secrets(request: Request) -> bool:
    """Whether this address takes the CLI secret of who signs in by OIDC (Harbor's source, security/oidc_cli.go).

    All others see nobody there, /users/current too (goharbor/harbor#16647).
    """
    path = request.url.path.rstrip("/")
    if path == "/service/token" or path.startswith("/v2"):
        return True
    below = path.removeprefix(BASE)
    if request.method == "POST":
        return below == "/projects"
    lists = below in ("/projects", "/systeminfo", "/labels")
    return request.method == "GET" and (
        lists or re.fullmatch(r"/projects/.*/repositories(?:/.*/artifacts)?", below) is not None
    )


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a path below BASE; 404 or 405 (unknown-api-path-404, method-not-allowed)."""
    others = []
    for route in ROUTES:
        match = route.pattern.match(path)
        if match and route.method == method:
            return route, match.groupdict()
        if match:
            others.append(route.method)
    if others:
        allowed = ",".join(one for one in ("DELETE", "PUT", "GET", "HEAD", "PATCH", "POST") if one in others)
        raise Refusal(405, f"method {method} is not allowed, but [{allowed}] are")
    raise Refusal(404, f"path {BASE}{path} was not found")


async def dispatch(request: Request, parts: "Parts") -> Response:
    """Answer a request to the API."""
    raw = await request.body()
    return await run_in_threadpool(_answer, request, parts, raw)


def _answer(request: Request, parts: "Parts", raw: bytes) -> Response:
    try:
        route, values = find(request.method, _below(request))
        call = Call(request, parts, who_asks(parts.state, request), values, raw)
        if route.talks:
            return route.handler(call)
        with parts.state.lock:
            return route.handler(call)
    except Refusal as refusal:
        return refusal.response()


def _below(request: Request) -> str:
    """The path below BASE, decoded once, as nginx and core pass it on."""
    return str(request.scope["path"]).removeprefix(BASE)
