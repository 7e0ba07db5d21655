"""A server that answers as it should not, alone or in front of a real registry.

    with lying() as liar:                       # or lying(upstream=registry.url): what has no lie is passed on
        liar.on("/v2/", answer(200, b"{}"))
        liar.on(re.compile(r"/v2/.*/blobs/.*"), endless())
        … liar.url, liar.requests

A lie is `async def lie(request, writer)`: it writes raw bytes, so that it can break every rule of HTTP.
"""

import asyncio
import http.client
import json
import re
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    target: str  # path with query
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


Lie = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Liar:
    """The running server: its address, what it was asked, and what it answers."""

    url: str = ""
    upstream: str = ""
    requests: list[Request] = field(default_factory=list)
    lies: list[tuple[str, re.Pattern[str], Lie]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.url).netloc

    def on(self, path: "str | re.Pattern[str]", lie: Lie, method: str = "") -> None:
        """Answer with `lie` where the whole path is or matches `path`; the newest lie wins."""
        pattern = path if isinstance(path, re.Pattern) else re.compile(re.escape(path))
        self.lies.insert(0, (method, pattern, lie))

    def asked(self, path: str) -> list[Request]:
        """The requests for `path`."""
        return [request for request in self.requests if request.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                await self._answer(request, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        for method, pattern, lie in self.lies:
            if method in {"", request.method} and pattern.fullmatch(request.path):
                await lie(request, writer)
                return
        if self.upstream:
            writer.write(await asyncio.to_thread(_pass_on, self.upstream, request))
        else:
            await answer(404, b"404 page not found\n", {"Content-Type": "text/plain"})(request, writer)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.strip().split("\r\n")
    method, target, _version = line.split(" ")
    headers = {name.strip().title(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    if headers.get("Transfer-Encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
    return Request(method, target, headers, body)


def _pass_on(upstream: str, request: Request) -> bytes:
    """The raw answer of the real registry; its own address in Location and Link becomes relative."""
    connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)
    headers = {k: v for k, v in request.headers.items() if k not in {"Host", "Connection", "Transfer-Encoding"}}
    connection.request(request.method, request.target, request.body or None, headers)
    got = connection.getresponse()
    body = got.read()
    connection.close()
    kept = {k: v for k, v in got.getheaders() if k.lower() not in {"content-length", "transfer-encoding", "connection"}}
    if "Location" in kept:
        kept["Location"] = kept["Location"].replace(upstream, "")
    length = got.getheader("Content-Length", "0") if request.method == "HEAD" else str(len(body))
    return head(got.status, {**kept, "Content-Length": length}) + body


def head(status: int, headers: dict[str, str]) -> bytes:
    """The raw start of an answer."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode("latin-1")


def answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Lie:
    """A complete answer, with whatever headers."""

    async def lie(request: Request, writer: asyncio.StreamWriter) -> None:
        shown = b"" if request.method == "HEAD" else body
        writer.write(head(status, {"Content-Length": str(len(body)), **(headers or {})}) + shown)

    return lie


def reply(content: object, headers: dict[str, str] | None = None, status: int = 200) -> Lie:
    """JSON."""
    return answer(status, json.dumps(content).encode(), {"Content-Type": "application/json", **(headers or {})})


def refuse(status: int, code: str, headers: dict[str, str] | None = None) -> Lie:
    """An error as a registry words it."""
    return reply({"errors": [{"code": code, "message": code.lower()}]}, headers, status)


def page(status: int = 200) -> Lie:
    """A web page."""
    return answer(status, b"<!doctype html><title>Welcome to nginx!</title>", {"Content-Type": "text/html"})


def redirect(to: str, status: int = 307) -> Lie:
    """Elsewhere."""
    return answer(status, b"", {"Location": to})


def raw(data: bytes, *, hang: bool = False) -> Lie:
    """Any bytes, then the end of the connection, or silence."""

    async def lie(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if hang:
            await asyncio.sleep(3600)
        writer.close()

    return lie


def cut(status: int, body: bytes, claimed: int, headers: dict[str, str] | None = None) -> Lie:
    """A body shorter than its Content-Length."""
    return raw(head(status, {"Content-Length": str(claimed), **(headers or {})}) + body)


def endless(headers: dict[str, str] | None = None, piece: bytes = b" " * 65536, every: float = 0) -> Lie:
    """A body that never ends; `every` seconds a piece, so that a slow one drips."""

    async def lie(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(200, {"Transfer-Encoding": "chunked", **(headers or {})}))
        while not writer.is_closing():
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(every)

    return lie


def in_turn(*lies: Lie) -> Lie:
    """One lie after the other; the last one stays."""
    rest = list(lies)

    async def lie(request: Request, writer: asyncio.StreamWriter) -> None:
        await (rest.pop(0) if len(rest) > 1 else rest[0])(request, writer)

    return lie


@contextmanager
def lying(upstream: str = "", tls: ssl.SSLContext | None = None) -> Iterator[Liar]:
    """Run a liar on a loopback port in a thread of its own."""
    liar = Liar(upstream=upstream)
    loop = asyncio.new_event_loop()
    ready, over = threading.Event(), asyncio.Event()

    async def until_told() -> None:
        server = await asyncio.start_server(liar.serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        liar.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        ready.set()
        await over.wait()  # not `loop.stop`: a test that is over at once would say it before `run_forever` begins
        server.close()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(until_told())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, name="liar", daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield liar
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
