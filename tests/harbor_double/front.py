"""The door: nginx, core's sessions and their CSRF check, request ids, and the contract's eye on each answer."""

import base64
import secrets
import traceback
import uuid
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from tests.harbor_double import distribution, routing, users
from tests.harbor_double.answers import Refusal
from tests.harbor_double.faults import BAD_GATEWAY

if TYPE_CHECKING:
    from tests.harbor_double.server import Parts

PORTAL = "<!doctype html><title>Harbor</title><h1>Harbor portal</h1>\n"
CSRF = "X-Harbor-Csrf-Token"


class Front:
    """The ASGI application."""

    def __init__(self, parts: "Parts") -> None:
        self.parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; lifespan messages are of no concern."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = await self._respond(request)
        self.parts.writes += request.method not in ("GET", "HEAD")
        self.parts.requests.append(f"{request.method} {_target(request)} {response.status_code}")
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        faults = self.parts.faults
        if faults.starting:
            return HTMLResponse(BAD_GATEWAY, 502)
        fault = faults.take(f"{request.method} {_target(request)}")
        if fault and not fault.after:
            made = await fault.happen()
            if made is not None:
                return made
        try:
            response = await self._core(request)
        except ClientDisconnect:  # whoever asked is gone, as behind a proxy that cuts uploads off; nobody reads this
            response = Response(status_code=499)
        except Exception:
            self.parts.broken.append(f"{request.method} {_target(request)}:\n{traceback.format_exc()}")
            response = Refusal(500, "internal server error").response()
        if fault and fault.after:
            made = await fault.happen()
            return made if made is not None else response
        if self.parts.contract and request.url.path.startswith(routing.BASE):
            self.parts.contract.watch(request.method, request.url.path, response)
        return response

    async def _core(self, request: Request) -> Response:
        path = request.url.path
        if not path.startswith(("/api/", "/v2/", "/service/", "/c/")) and path not in ("/v2", "/api/version"):
            portal = {"Cache-Control": "no-store, no-cache, must-revalidate", "X-Frame-Options": "DENY"}
            return HTMLResponse(PORTAL, headers={**portal, "Etag": '"5e1f-4e"', "Content-Type": "text/html"})
        session = request.cookies.get("sid")
        cookie = request.cookies.get("_gorilla_csrf")
        refusal = self._forged(request, session)
        response = refusal or await self._route(request)
        headers = response.headers
        headers["X-Request-Id"] = request.headers.get("x-request-id") or str(uuid.uuid4())
        if response.status_code < 400:
            headers["X-Frame-Options"] = "DENY"
        if session is None or not self._is_session(session):
            self.parts.visitors.append(secrets.token_hex(16))
            headers.append("Set-Cookie", f"sid={self.parts.visitors[-1]}; Path=/; HttpOnly")
        if session is not None:
            headers[CSRF] = self.parts.csrf_token()
            if cookie is None:
                headers.append("Set-Cookie", f"_gorilla_csrf={secrets.token_hex(16)}; Path=/; HttpOnly")
        return response

    def _is_session(self, session: str) -> bool:
        return session in self.parts.state.sessions or session in self.parts.visitors

    def _forged(self, request: Request, session: str | None) -> Response | None:
        """403 for a write with a session's cookie and without its token, also with Basic (csrf-9-…, csrf-10-…)."""
        if session is None or request.method in ("GET", "HEAD", "OPTIONS") or request.url.path == "/service/token":
            return None
        token = request.headers.get(CSRF)
        if not token:
            return Refusal(403, "CSRF token not found in request").response()
        return None if self.parts.is_csrf_token(token) else Refusal(403, "CSRF token invalid").response()

    async def _route(self, request: Request) -> Response:
        path, state = request.url.path, self.parts.state
        if path.startswith(routing.BASE):
            return await routing.dispatch(request, self.parts)
        if path.startswith("/v2"):
            return await distribution.answer(request, self.parts)
        if path == "/service/token":
            return await run_in_threadpool(distribution.token, request, self.parts)
        if path == "/api/version":
            return Response('{"version":"v2.0"}\n', media_type="text/plain; charset=utf-8")
        if path == "/c/login" and request.method == "POST":
            body = await request.body()
            return await run_in_threadpool(users.login, state, body)
        if path == "/c/log_out":
            return users.logout(state, request.cookies.get("sid", ""))
        if path == "/c/login":
            return users.no_page()
        return Refusal(404, f"path {path} was not found").response()


def _target(request: Request) -> str:
    query = request.scope["query_string"].decode()
    path = str(request.scope["raw_path"].decode().partition("?")[0])
    return f"{path}?{query}" if query else path


def new_csrf_token() -> str:
    """Sixty-four bytes, as gorilla's are."""
    return base64.b64encode(secrets.token_bytes(64)).decode()
