"""One request and its answer, as the doctor keeps them: bounded, masked, and fit to be shown as proof."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

SHOWN_BODY = 600
SHOWN_HEADERS = 24
MASKED = {"authorization", "cookie", "set-cookie", "proxy-authorization"}
Headers = tuple[tuple[str, str], ...]


def masked(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers without what lets somebody in."""
    return tuple((name, _veil(value) if name.lower() in MASKED else value) for name, value in headers)


def _veil(value: str) -> str:
    scheme, space, _rest = value.partition(" ")
    return f"{scheme} •••" if space and "=" not in scheme else "•••"


@dataclass(frozen=True)
class Exchange:
    """What was sent and what came back.

    `error` is empty or one of: refused, unreachable, timeout, reset, closed, tls, untrusted, no_http, http2 (frames of
    HTTP/2 where HTTP/1.1 was due), invalid. `held` says that the body was held back on purpose and nothing came.
    Header values that let somebody in are masked before they come here.
    """

    method: str
    url: str
    sent: Headers = ()
    status: int = 0
    version: str = ""
    reason: str = ""
    headers: Headers = ()
    body: str = ""
    error: str = ""
    detail: str = ""
    ms: int = 0
    sent_bytes: int = 0
    held: bool = False

    def header(self, name: str) -> str:
        """The first header of this name; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def answered(self) -> bool:
        """Whether an HTTP answer came."""
        return self.status > 0

    @property
    def media_type(self) -> str:
        """Content-Type without its parameters."""
        return self.header("Content-Type").partition(";")[0].strip().lower()

    @property
    def html(self) -> bool:
        """Whether a page came."""
        return self.media_type == "text/html" or self.body.lstrip()[:14].lower().startswith(("<!doctype html", "<html"))

    def object(self) -> dict[str, Any] | None:
        """The JSON object of the body; None when it is none (also when only its beginning was kept)."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def proof(self) -> str:
        """Both heads as text, and the beginning of a body that is not empty."""
        parts = [f"{self.method} {_target(self.url)} HTTP/1.1", *(f"{name}: {value}" for name, value in self.sent), ""]
        if self.answered:
            parts.append(f"HTTP/{self.version} {self.status} {self.reason}".rstrip())
            parts += [f"{name}: {value}" for name, value in self.headers[:SHOWN_HEADERS]]
        else:
            parts.append(f"({self.detail or self.error})")
        if self.body.strip():
            parts += ["", self.body[:SHOWN_BODY].strip() + ("…" if len(self.body) > SHOWN_BODY else "")]
        return "\n".join(parts)

    def kept(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Body:
    """A request's body: pieces, a pause between them, and whether the last is held back to see who answers early.

    `announced` is the Content-Length; None sends it chunked, as docker does. `hold` are the seconds that an answer is
    waited for although the body is not complete; 0 sends it whole.
    """

    pieces: tuple[bytes, ...] = ()
    announced: int | None = 0
    pause: float = 0.0
    hold: float = 0.0
    media_type: str = field(default="application/octet-stream")


def _target(url: str) -> str:
    _scheme, _sep, rest = url.partition("://")
    return "/" + rest.partition("/")[2]
