"""A server behind a proxy that remembers how each request reached it, and when the first byte of its body came."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHUNK = 64 * 1024


@dataclass
class Seen:
    """One request as it came through."""

    method: str
    path: str
    version: str
    headers: dict[str, str]
    length: int = 0
    begun: threading.Event = field(default_factory=threading.Event)


@dataclass
class Behind:
    """The running server: `seen` are its requests; `go` lets an answer that has begun go on."""

    port: int
    seen: list[Seen] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


def _handler(behind: Behind) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            seen = Seen(self.command, self.path, self.request_version, {k.lower(): v for k, v in self.headers.items()})
            behind.seen.append(seen)
            for piece in self._body():
                seen.length += len(piece)
                behind.begun.set()
            slowly = self.path.endswith("/slowly")
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(b"first")
            if slowly:
                behind.go.wait(20)
            self._chunk(b"second")
            self._chunk(b"")

        do_GET = do_PATCH = do_POST = do_PUT = answer

        def _body(self) -> Iterator[bytes]:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                while size := int(self.rfile.readline(), 16):
                    yield self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return
            left = int(self.headers.get("Content-Length", 0))
            while left:
                piece = self.rfile.read(min(CHUNK, left))
                left -= len(piece)
                yield piece

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # a proxy may end a connection as it likes
                super().handle()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def behind(certificate: Path | None = None, key: Path | None = None) -> Iterator[Behind]:
    """Run it on loopback, over TLS when a certificate is given."""
    made = Behind(0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.go.set()
        server.shutdown()
        server.server_close()
