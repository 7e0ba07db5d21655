"""HTTP/1.1 as docker speaks it, over a connection whose address, name and trust we choose ourselves.

h11 keeps the protocol; the heads stay as they came, no redirect is followed, no cookie kept, no proxy setting obeyed.
Bounded in time and bytes. Nothing is raised: what went wrong is the exchange's `error`.
"""

import asyncio
import base64
import contextlib
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import h11
from yarl import URL

from harborweb.access.doctor.exchange import Body, Exchange, masked
from harborweb.masking import Masker

AGENT = "docker/28 harborweb-doctor"
PIECE = 16 * 1024


@dataclass(frozen=True)
class Bounds:
    """What one examination may cost."""

    seconds: float = 15.0  # one exchange
    connect: float = 5.0
    body: int = 64 * 1024  # bytes of an answer
    redirects: int = 6
    total: float = 120.0  # all questions together
    hold: float = 1.5  # how long an early answer is waited for
    pause: float = 5.0  # in the middle of a chunk
    chunk: int = 2 * 1024 * 1024
    announced: int = 1_000_000_000  # the size of a layer that is announced and not sent


@dataclass(frozen=True)
class Wire:
    """Ask over connections of our own making.

    `addresses` says which address stands for which name (others are looked up by the system); `tls` is the trust.
    """

    bounds: Bounds
    addresses: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None

    async def ask(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: Body | None = None,
                  seconds: float | None = None) -> Exchange:  # fmt: skip
        """One exchange; the answer's first `bounds.body` bytes."""
        try:
            target = URL(url, encoded=True)
            host = target.raw_host
            if target.scheme not in {"http", "https"} or not host or target.port is None:
                raise ValueError(url)
        except ValueError as error:
            return Exchange(method, url[:300], error="invalid", detail=str(error)[:200])
        sent = self._headers(target, headers or {}, body)
        told = Exchange(method, url, masked(sent))
        began = time.monotonic()
        talk = _Talk(self.bounds)
        try:
            async with asyncio.timeout(seconds or self.bounds.seconds):
                await talk.open(self.addresses.get(host, host), target.port, host, self._trust(target))
                answer = await talk.through(method, target.raw_path_qs, sent, body)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's server provokes is an observation
            answer = talk.failed(error)
        finally:
            talk.close()
        hide = Masker(_said(headers or {})).mask  # some servers tell back what they were sent
        return replace(
            told, status=answer.status, version=answer.version, reason=hide(answer.reason),
            headers=tuple((name, hide(value)) for name, value in masked(answer.headers)), body=hide(answer.body),
            error=answer.error, detail=hide(answer.detail), held=answer.held, sent_bytes=answer.sent_bytes,
            ms=round((time.monotonic() - began) * 1000),
        )  # fmt: skip

    def _trust(self, url: URL) -> ssl.SSLContext | None:
        return (self.tls or ssl.create_default_context()) if url.scheme == "https" else None

    def _headers(self, url: URL, given: Mapping[str, str], body: Body | None) -> list[tuple[str, str]]:
        name = f"[{url.raw_host}]" if ":" in (url.raw_host or "") else url.raw_host
        host = f"{name}" if url.is_default_port() else f"{name}:{url.port}"
        sent = [("Host", host), ("User-Agent", AGENT), *given.items(), ("Connection", "close")]
        if body is not None:
            sent.append(("Content-Type", body.media_type))
            length = [("Transfer-Encoding", "chunked")]
            sent += length if body.announced is None else [("Content-Length", str(body.announced))]
        return sent


class _Talk:
    """One connection and the exchange over it."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=64 * 1024)
        self.first = b""
        self.sent_bytes = 0
        self.writer: asyncio.StreamWriter | None = None
        self.head: h11.Response | None = None
        self.content = b""

    async def open(self, address: str, port: int, name: str, tls: ssl.SSLContext | None) -> None:
        async with asyncio.timeout(self.bounds.connect):
            self.reader, self.writer = await asyncio.open_connection(
                address, port, ssl=tls, server_hostname=name if tls else None, limit=256 * 1024
            )

    async def through(self, method: str, path: str, headers: list[tuple[str, str]], body: Body | None) -> Exchange:
        """Send and read side by side, so that an early answer is seen although the body is not through."""
        await self._send(h11.Request(method=method, target=path or "/", headers=headers))
        answer = asyncio.ensure_future(self._answer())
        try:
            await self._send_body(body, answer)
            if body and body.hold:
                done, _waiting = await asyncio.wait({answer}, timeout=body.hold)
                if not done:
                    return replace(self._told(), held=True)
            return await answer
        finally:
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)

    async def _send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        data = self.connection.send(event)
        if data and self.writer is not None:
            self.writer.write(data)
            await self.writer.drain()

    async def _send_body(self, body: Body | None, answer: "asyncio.Future[Exchange]") -> None:
        """The pieces, until an answer comes; a connection that breaks meanwhile may still hold an answer to read."""
        try:
            for number, piece in enumerate(body.pieces if body else ()):
                if number and body and body.pause:
                    await asyncio.wait({answer}, timeout=body.pause)
                for at in range(0, len(piece), PIECE):
                    if answer.done():
                        return
                    await self._send(h11.Data(data=piece[at : at + PIECE]))
                    self.sent_bytes += len(piece[at : at + PIECE])
                    await asyncio.sleep(0)
            if not (body and body.hold) and not answer.done():
                await self._send(h11.EndOfMessage())
        except (OSError, h11.LocalProtocolError):
            await asyncio.wait({answer}, timeout=1)
            if not answer.done():
                raise

    async def _answer(self) -> Exchange:
        while True:
            event = self.connection.next_event()
            if event is h11.NEED_DATA:
                data = await self.reader.read(64 * 1024)
                self.first = self.first or data[:32]
                self.connection.receive_data(data)
            elif isinstance(event, h11.Response):
                self.head = event
            elif isinstance(event, h11.Data):
                self.content += bytes(event.data)
                if len(self.content) >= self.bounds.body:
                    return self._told()
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED:
                return self._told() if self.head else Exchange("", "", error="closed", sent_bytes=self.sent_bytes)

    def _told(self) -> Exchange:
        if self.head is None:
            return Exchange("", "", sent_bytes=self.sent_bytes)
        headers = tuple((_text(name), _text(value)[:1000]) for name, value in self.head.headers.raw_items())
        return Exchange(
            "", "", status=self.head.status_code, version=_text(self.head.http_version),
            reason=_text(self.head.reason)[:80], headers=headers[:60],
            body=self.content[: self.bounds.body].decode("utf-8", "replace"), sent_bytes=self.sent_bytes,
        )  # fmt: skip

    def failed(self, error: Exception) -> Exchange:
        """What an exception means; an answer whose head had come counts all the same."""
        if self.head is not None:
            return self._told()
        kind, detail = _kind(error), str(error)[:200] or type(error).__name__
        if isinstance(error, h11.RemoteProtocolError):
            # a frame of HTTP/2: three bytes of length, then type 4 (SETTINGS) or 7 (GOAWAY), RFC 9113 section 4.1
            is_http2 = len(self.first) > 3 and self.first[0] == 0 and self.first[3] in {4, 7}
            kind = "http2" if is_http2 else "closed" if not self.first else "no_http"
            detail = repr(self.first)[2:-1] if self.first else detail
        return Exchange("", "", error=kind, detail=detail, sent_bytes=self.sent_bytes)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.transport.abort()


def _said(headers: Mapping[str, str]) -> Iterator[str]:
    """What a request lets somebody in with: what follows the scheme's name, and the password inside."""
    scheme, _space, credential = headers.get("Authorization", "").partition(" ")
    yield credential
    if scheme == "Basic":
        with contextlib.suppress(ValueError):
            yield base64.b64decode(credential).decode().partition(":")[2]


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _kind(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "untrusted"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, ConnectionError):
        return "reset"
    return "unreachable" if isinstance(error, OSError) else "invalid"
