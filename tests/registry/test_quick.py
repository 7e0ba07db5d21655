"""Quick reading gives plain answers or none at all."""

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harborweb.registry import quick as quick_reading
from harborweb.registry.client import Endpoint, Limits
from harborweb.registry.plain import Plain
from harborweb.registry.quick import CONNECTIONS, Quick
from harborweb.registry.transport import Transport
from tests.registry.lying import Liar, Lie, answer, endless, lying, raw, redirect, refuse
from tests.registry.tls import authority

BODY = b"x" * 1000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HEADERS = {"Content-Type": "text/x", "Docker-Content-Digest": "sha256:1"}


def ask(liar: Liar, paths: list[str], method: str = "GET", ca_pem: str = "", seconds: float = 10) -> list[Plain | None]:
    async def run() -> list[Plain | None]:
        endpoint, bounds = Endpoint(liar.url, allow_http=True, ca_pem=ca_pem), Limits(seconds=seconds)
        quick = Quick(endpoint, bounds, Transport(endpoint, bounds).tls)
        try:
            return await quick.many(paths, "a/b", "Bearer x", 2000, method)
        finally:
            quick.close()

    return asyncio.run(run())


def test_many_answers_come_in_order_over_few_connections() -> None:
    with lying() as liar:
        for number in range(100):
            liar.on(f"/{number}", answer(200, b"%d" % number, HEADERS))
        found = ask(liar, [f"/{number}" for number in range(100)])
        assert [one and one.body for one in found] == [b"%d" % number for number in range(100)]
        first = found[0]
        assert first is not None and first.header(b"content-type") == "text/x" and first.header(b"link") == ""
        assert first.headers()["docker-content-digest"] == "sha256:1"
        sent = liar.requests[0].headers
        assert sent["Accept"] == "a/b" and sent["Authorization"] == "Bearer x" and sent["Accept-Encoding"] == "identity"
        assert CONNECTIONS < 100


def test_answers_together_hold_no_more_than_a_worker_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may push may make each of the 256 manifests of a bunch as large as a registry takes."""
    monkeypatch.setattr(quick_reading, "HELD_BYTES", 10 * len(BODY))
    with lying() as liar:
        liar.on("/v2/x", answer(200, BODY))
        found = ask(liar, ["/v2/x"] * 30)
        assert sum(one is not None for one in found) == 10
        assert all(ask(liar, ["/v2/x"] * 10)), "each bunch has its own"


PLAIN: dict[str, tuple[Lie, int, bytes]] = {
    "200": (answer(200, BODY), 200, BODY),
    "404": (refuse(404, "MANIFEST_UNKNOWN"), 404, b"MANIFEST_UNKNOWN"),
    "empty": (answer(200, b""), 200, b""),
    "chunked": (
        raw(CHUNKED[:-2] + b"Connection: close\r\n\r\n2\r\nab\r\n1F4\r\n" + 500 * b"c" + b"\r\n0\r\n\r\n"),
        200,
        b"ab" + 500 * b"c",
    ),
    "closing": (answer(200, BODY, {"Connection": "close"}), 200, BODY),
}
ODD: dict[str, Lie] = {
    "redirect": redirect("/elsewhere"),
    "401": refuse(401, "UNAUTHORIZED"),
    "429": refuse(429, "TOOMANYREQUESTS"),
    "500": refuse(500, "UNKNOWN"),
    "206": answer(206, BODY),
    "chunked": endless(every=0.01),
    "too large": answer(200, b"x" * 2001),
    "silent": raw(b"", hang=True),
    "cut": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"),
    "no length": raw(b"HTTP/1.1 200 OK\r\n\r\n{}"),
    "two lengths": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\n{}"),
    "signed length": raw(b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}"),
    "length and chunked": raw(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", hang=True
    ),
    "more than its length": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n", hang=True),
    "a chunk too large": raw(CHUNKED + b"7d1\r\n" + b"x" * 2001 + b"\r\n0\r\n\r\n", hang=True),
    "a chunk of an odd size": raw(CHUNKED + b"+2\r\n{}\r\n0\r\n\r\n", hang=True),
    "a chunk's extension": raw(CHUNKED + b"2;a=b\r\n{}\r\n0\r\n\r\n", hang=True),
    "a longer chunk": raw(CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n", hang=True),
    "a trailer": raw(CHUNKED + b"2\r\n{}\r\n0\r\nX: y\r\n\r\n", hang=True),
    "chunked twice": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + CHUNKED[15:] + b"0\r\n\r\n", hang=True),
    "packed in chunks": raw(CHUNKED[:-2] + b"Content-Encoding: gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n", hang=True),
    "chunks that are cut": raw(CHUNKED + b"2\r\n{}\r\n"),
    "more behind chunks": raw(CHUNKED + b"2\r\n{}\r\n0\r\n\r\nHTTP/1.1 200", hang=True),
    "as before, which nobody asked": answer(304),
    "packed": answer(200, BODY, {"Content-Encoding": "gzip"}),
    "folded": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\r\n b\r\n\r\n{}"),
    "HTTP/1.0": raw(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    "not HTTP": raw(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "an endless head": raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, hang=True),
}


@pytest.mark.parametrize("form", PLAIN)
def test_plain_answers_are_taken(form: str) -> None:
    lie, status, part = PLAIN[form]
    with lying() as liar:
        liar.on("/v2/x", lie)
        for found in ask(liar, ["/v2/x"] * 20):
            assert found is not None and found.status == status and part in found.body


@pytest.mark.parametrize("form", ODD)
def test_whatever_is_not_plain_is_no_answer_and_takes_no_time(form: str) -> None:
    with lying() as liar:
        liar.on("/v2/x", ODD[form])
        began = time.monotonic()
        assert ask(liar, ["/v2/x"], seconds=1) == [None]
        assert time.monotonic() - began < 10


def test_an_odd_answer_is_not_mixed_up_with_the_next_ones() -> None:
    with lying() as liar:
        liar.on("/odd", ODD["more than its length"])
        liar.on("/good", answer(200, BODY))
        found = ask(liar, ["/odd", "/good"] * 10, seconds=2)
        assert all((one is None) == (number % 2 == 0) for number, one in enumerate(found))


@pytest.mark.parametrize("path", ["/v2/ x", "/v2/\r\nX: y", "v2", "/v2/ü"])
def test_an_address_that_is_none_is_not_sent(path: str) -> None:
    with lying() as liar:
        assert ask(liar, [path], seconds=1) == [None] and not liar.requests


def test_a_registry_that_wants_patience_or_is_not_there_is_left_to_the_careful_way() -> None:
    with lying() as liar:
        liar.on("/v2/x", refuse(429, "TOOMANYREQUESTS"))
        found = ask(liar, ["/v2/x"] * 200)
        assert found == [None] * 200 and len(liar.requests) <= CONNECTIONS
    assert ask(liar, ["/v2/x"] * 3) == [None] * 3


def test_https_is_read_quickly_only_with_an_authority_that_is_trusted(tmp_path: Path) -> None:
    made = authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.certificate, made.key)
    with lying(tls=context) as liar:
        liar.on("/v2/x", answer(200, BODY))
        found = ask(liar, ["/v2/x"] * 9, ca_pem=made.ca_pem)
        assert [one and one.body for one in found] == [BODY] * 9
        liar.requests.clear()
        assert ask(liar, ["/v2/x"] * 9) == [None] * 9 and not liar.requests


def test_a_head_has_no_body() -> None:
    with lying() as liar:
        liar.on("/v2/x", answer(200, BODY))
        for found in ask(liar, ["/v2/x"] * 9, method="HEAD"):
            assert found is not None and (found.body, found.header(b"content-length")) == (b"", "1000")


def _said(path: bytes, *, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b" % (len(path), more, path)


def _one_too_many(paths: list[bytes]) -> bytes:
    return _said(b"/forged") + b"".join(map(_said, paths))


def _one_behind(paths: list[bytes]) -> bytes:
    return b"".join(map(_said, paths)) + b"\r\n"


def _only_the_first(paths: list[bytes]) -> bytes:
    return _said(paths[0])


def _closing(paths: list[bytes]) -> bytes:
    return _said(paths[0], more=b"Connection: close\r\n") + b"".join(map(_said, paths[1:]))


def _something_odd(paths: list[bytes]) -> bytes:
    return b"".join(map(_said, paths[:-1])) + b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("lot", [_one_too_many, _one_behind, _only_the_first, _closing, _something_odd])
def test_answers_to_several_requests_are_believed_together_or_asked_for_alone(
    lot: Callable[[list[bytes]], bytes],
) -> None:
    sizes: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held = b""
        while data := await reader.read(65536):
            held += data
            if not held.endswith(b"\r\n\r\n"):
                continue
            paths, held = [one.split(b" ")[1] for one in held.split(b"\r\n\r\n")[:-1]], b""
            sizes.append(len(paths))
            writer.write(lot(paths) if len(paths) > 1 else _said(paths[0]))
        writer.close()

    async def run() -> list[Plain | None]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        endpoint, bounds = Endpoint(f"http://127.0.0.1:{port}", allow_http=True), Limits(seconds=2)
        quick = Quick(endpoint, bounds, Transport(endpoint, bounds).tls)
        try:
            return await quick.many([f"/{number}" for number in range(200)], "a/b", "", 2000)
        finally:
            quick.close()
            server.close()

    found = asyncio.run(run())
    assert [one and one.body for one in found] == [b"/%d" % number for number in range(200)]
    assert max(sizes) > 1 and sizes.count(1) > 100  # soon each was alone
