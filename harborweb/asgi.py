"""The web process (`uvicorn harborweb.asgi:application`)."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.asgi import get_asgi_application
from django.http import parse_cookie

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "harborweb.settings")

Receive = Callable[[], Awaitable[dict[str, Any]]]
App = Callable[[dict[str, Any], Receive, Any], Awaitable[None]]

HOOKS = "/hooks/"
KEPT_OF_TOO_LARGE = 256 * 1024  # enough for the fields before the file: the page can still say what is wrong


def bounded(app: App) -> App:
    """`app`, which gets at most FILE_UPLOAD_MAX_MEMORY_SIZE of a request's body, and of one by somebody who is not
    signed in DATA_UPLOAD_MAX_MEMORY_SIZE, since it is held in memory; what is more is read and dropped. A webhook gets
    less, one byte over its bound so that the view can tell.

    Django's ASGI handler writes a larger body to a temporary file (django.core.handlers.asgi, read_body), and the web
    process shall write no installer to disk. The view knows the announced size and says that it is too large.
    """

    async def guarded(scope: dict[str, Any], receive: Receive, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        left = await _allowed(scope)

        async def receive_bounded() -> dict[str, Any]:
            nonlocal left
            message = await receive()
            if message["type"] == "http.request":
                body = message.get("body", b"")[:left]
                left -= len(body)
                message = {**message, "body": body}
            return message

        await app(scope, receive_bounded, send)

    return guarded


async def _allowed(scope: dict[str, Any]) -> int:
    if scope["path"].startswith(HOOKS):
        most: int = settings.HOOK_MAX_BYTES
        return most + 1
    headers = dict(scope["headers"])
    small: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    large: int = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    announced = headers.get(b"content-length", b"")
    if int(announced) <= small if announced.isdigit() else b"transfer-encoding" not in headers:
        return small
    limit = large if await _signed_in(headers.get(b"cookie", b"").decode("latin-1")) else small
    return KEPT_OF_TOO_LARGE if announced.isdigit() and int(announced) > limit else limit


async def _signed_in(cookies: str) -> bool:
    """Whether the session is somebody's; what they may do is the middleware's to find out."""
    key = parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME)
    return bool(key) and await SessionStore(key).aget(SESSION_KEY) is not None


application = bounded(get_asgi_application())
