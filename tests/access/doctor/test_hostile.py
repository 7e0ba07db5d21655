"""Whatever answers: the doctor says something of it, soon, and its result can be kept."""

import asyncio
import base64
import contextlib
import dataclasses
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from yarl import URL

from harborweb.access.doctor import http2
from harborweb.access.doctor.examining import Credentials
from harborweb.access.doctor.seen import Http2, Target, origin
from harborweb.access.doctor.wire import Bounds
from tests.access.doctor.conftest import look
from tests.access.doctor.seals import Seals

ADA = Credentials("ada", "s3cret")
SOON = Bounds(seconds=2, connect=1, hold=0.2, pause=0.1, body=4096)


def claims(content: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    return f"eyJ.{body}.x"


def http(status: int, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


BEARER = 'Www-Authenticate: Bearer realm="{}",service="harbor-registry"'
ANSWERS = {
    "nothing": b"",
    "noise": bytes(range(256)) * 8,
    "a head without an end": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000,
    "a body without an end": b"HTTP/1.1 200 OK\r\n\r\n" + b"z" * 100_000,
    "another length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nshort",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "chunks that are none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18,
    "a status that is none": b"HTTP/1.1 9999 X\r\n\r\n",
    "early hints": b"HTTP/1.1 103 Early Hints\r\n\r\n" + http(401, b"{}", BEARER.format("https://a/service/token")),
    "a realm that is none": http(401, b"{}", BEARER.format("http://[::1/")),
    "a realm of another scheme": http(401, b"{}", BEARER.format("file:///etc/passwd")),
    "a realm with a password": http(401, b"{}", BEARER.format("https://user:pw@elsewhere.test/service/token")),
    "an empty challenge": http(401, b"{}", "Www-Authenticate: Bearer"),
    "a place that is none": http(302, b"", "Location: http://[::1/"),
    "a place without a host": http(307, b"", "Location: ///"),
    "a place whose host is none": http(302, b"", "Location: http://@/"),
    "a place whose host is odd": http(302, b"", "Location: https://xn--\xe9/"),
    "a realm whose host is odd": http(401, b"{}", BEARER.format("https://xn--\xe9/service/token")),
    "a date that is none": http(401, b"{}", "Date: Thu, 99 Foo 99999 99:99:99", BEARER.format("http://a/service/token")),
    "JSON that is none": http(200, b"[" * 3000, BEARER.format("http://a/service/token")),
    "a list": http(200, b"[1, 2]", BEARER.format("http://a/service/token")),
    "a token of odd claims": http(
        200, json.dumps({"token": claims({"access": 5, "iat": 1e300, "nbf": "x", "exp": True})}).encode(),
        BEARER.format("http://a/service/token"),
    ),
    "a token of a list": http(
        200, json.dumps({"token": claims([1]), "errors": 7}).encode(), BEARER.format("http://a/service/token")
    ),
    "rights that are none": http(
        200, json.dumps({"token": claims({"access": [{"name": "library/x", "actions": 1}, 3]})}).encode(),
        BEARER.format("http://a/service/token"),
    ),
    "an upload that goes nowhere": http(
        202, json.dumps({"token": claims({"access": [{"name": "library/x", "actions": ["push"]}]})}).encode(),
        BEARER.format("http://a/service/token"), "Location: http://[::1/",
    ),
    "headers of odd letters": http(401, b"{}", "Server: \xff\xfe<script>", BEARER.format("http://a/service/token")),
}  # fmt: skip


@contextlib.contextmanager
def answering(data: bytes) -> Iterator[int]:
    """Answers every request, whatever it is, with these bytes."""

    def serve() -> None:
        while True:
            try:
                taken, _where = server.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), taken:
                taken.settimeout(1)
                taken.recv(65536)
                taken.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("name", ANSWERS)
def test_it_ends_soon_with_something_to_keep(name: str) -> None:
    with answering(ANSWERS[name]) as port:
        began = time.monotonic()
        looked = look(
            Target(f"http://127.0.0.1:{port}", repository="library/x"), Credentials("ada", "s3cret"), "", SOON
        )
        assert time.monotonic() - began < 40
    kept = json.dumps([looked.seen.facts(), [dataclasses.asdict(one) for one in (*looked.found, *looked.asked)]])
    assert "s3cret" not in kept and base64.b64encode(b"ada:s3cret").decode() not in kept
    assert looked.found, looked.asked  # nothing of this is a Harbor
    assert len(kept) < 400_000


def test_the_token_goes_to_the_public_address_alone() -> None:
    """A Location may name anybody; the chunk and its token stay at the address people use."""
    stolen: list[bytes] = []
    with socket.create_server(("127.0.0.2", 0)) as thief:
        thief.settimeout(0.1)
        elsewhere = f"http://127.0.0.2:{thief.getsockname()[1]}"
        token = json.dumps({"token": claims({"access": [{"name": "library/x", "actions": ["push"]}]})}).encode()
        answer = http(202, token, BEARER.format(f"{elsewhere}/service/token"), f"Location: {elsewhere}/v2/x")
        with answering(answer) as port:
            looked = look(
                Target(f"http://127.0.0.1:{port}", repository="library/x"), Credentials("ada", "pw"), "", SOON
            )
        with contextlib.suppress(TimeoutError):
            stolen.append(thief.accept()[0].recv(1000))
    assert stolen == []
    assert {"realm_host", "location_host"} <= looked.rules
    assert looked.seen.asked["chunk"].url.startswith(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("ahead", [-300, 30, 300])
def test_the_proxys_clock(ahead: int) -> None:
    date = formatdate(time.time() + ahead, usegmt=True)
    with answering(http(401, b"{}", f"Date: {date}", BEARER.format("http://a/service/token"))) as port:
        looked = look(Target(f"http://127.0.0.1:{port}"), Credentials(), "", SOON)
    assert ("clock_proxy" in looked.rules) == (abs(ahead) > 60)
    if abs(ahead) > 60:
        words = "ahead of" if ahead > 0 else "behind"
        said = re.fullmatch(rf"The proxy's clock is (\d+) s {words} this machine's\.", looked["clock_proxy"].title)
        assert said is not None and abs(int(said[1]) - 300) <= 5  # a Date has whole seconds
        assert looked.question("clock").verdict == "look"


def test_harbors_clock_by_its_token() -> None:
    token = json.dumps({"token": claims({"iat": int(time.time()) + 500})}).encode()
    with answering(http(401, token, BEARER.format("http://a/service/token"))) as port:
        looked = look(Target(f"http://127.0.0.1:{port}"), Credentials(), "", SOON)
    found = looked["clock_harbor"]
    assert (found.hop, found.verdict, found.question) == ("harbor", "wrong", "clock")


def test_a_port_that_is_the_schemes_own_is_no_other_place() -> None:
    """nginx and others write :443 where nobody typed it."""
    assert Target("https://registry.lab.test:443").origin == "https://registry.lab.test"
    assert Target("https://registry.lab.test:443").host == "registry.lab.test"
    assert origin(URL("https://user@registry.lab.test:8443/x")) == "https://registry.lab.test:8443"
    assert origin(URL("http://[fd00::5]:80/")) == origin(URL("http://[fd00::5]/")) == "http://[fd00::5]"


FRAMES = {
    "a status without its value": (1, 4, b"\x08"), "padding without a length": (1, 12, b""),
    "an end without a reason": (7, 0, b"\0"), "a reset of one byte": (3, 0, b"x"),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_http2_that_are_cut_short(name: str, seals: Seals) -> None:
    kind, flags, content = FRAMES[name]
    seal = seals.good()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(seal.certificate, seal.key)
    context.set_alpn_protocols(["h2"])

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(24)
        writer.write(len(content).to_bytes(3, "big") + bytes([kind, flags]) + b"\0\0\0\1" + content)
        await writer.drain()

    async def ask() -> Http2:
        async with await asyncio.start_server(cut, "127.0.0.1", 0, ssl=context) as server:
            return await http2.ping("127.0.0.1", server.sockets[0].getsockname()[1], "a.test", "a.test", 2)

    found = asyncio.run(ask())
    assert found.offered and found.error and not found.status
