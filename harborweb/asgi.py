"""The web process (`uvicorn harborweb.asgi:application`)."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "harborweb.settings")

Receive = Callable[[], Awaitable[dict[str, Any]]]
App = Callable[[dict[str, Any], Receive, Any], Awaitable[None]]

KEPT_OF_TOO_LARGE = 256 * 1024  # enough for the fields before the file: the page can still say what is wrong


def bounded(app: App) -> App:
    """`app`, which gets at most FILE_UPLOAD_MAX_MEMORY_SIZE of a request's body; what is more is read and dropped.

    Django's ASGI handler writes a larger body to a temporary file (django.core.handlers.asgi, read_body), and the web
    process shall write no installer to disk. The view knows the announced size and says that it is too large.
    """

    async def guarded(scope: dict[str, Any], receive: Receive, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        left = _allowed(scope)

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


def _allowed(scope: dict[str, Any]) -> int:
    limit: int = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    announced = dict(scope["headers"]).get(b"content-length", b"")
    return KEPT_OF_TOO_LARGE if announced.isdigit() and int(announced) > limit else limit


application = bounded(get_asgi_application())
