"""The client against a server that lies: every lie is an error of its own kind, none is "not there"."""

import gzip
import hashlib
import json
import re
import time
from typing import Any

import pytest

from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST, Limits, NotFound, RegistryError
from harborweb.registry.transport import parse_json
from tests.registry.images import caught, client, run
from tests.registry.lying import (
    Liar,
    Lie,
    answer,
    cut,
    endless,
    head,
    in_turn,
    page,
    raw,
    redirect,
    refuse,
    reply,
)

BODY = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}).encode()
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
OTHER = "sha256:" + "0" * 64
MANIFEST = f"/v2/a/b/manifests/{DIGEST}"
REFERRERS = f"/v2/a/b/referrers/{DIGEST}"
TYPED = {"Content-Type": OCI_MANIFEST}
INDEX_TYPE = {"Content-Type": OCI_INDEX}


LIES: dict[str, tuple[Lie, str]] = {
    "endless body": (endless(TYPED), "too_large"),
    "slow drip": (endless(TYPED, b" ", 0.05), "timeout"),
    "silence": (raw(b"", hang=True), "timeout"),
    "silence after the head": (raw(head(200, {"Content-Length": "10"}), hang=True), "timeout"),
    "too long by its own word": (cut(200, b"{}", 10**12, TYPED), "too_large"),
    "cut short": (cut(200, BODY[:10], len(BODY), TYPED), "server"),
    "closed at once": (raw(b""), "server"),
    "not HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "not_a_registry"),
    "a header without end": (raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10**6), "not_a_registry"),
    "gzip bomb": (answer(200, gzip.compress(b" " * 10**7), {**TYPED, "Content-Encoding": "gzip"}), "server"),
    "a web page": (page(), "mismatch"),
    "a web page with 404": (page(404), "not_a_registry"),
    "a web page with 404 and a registry's header": (
        answer(404, b"<html>", {"Content-Type": "text/html", "Docker-Distribution-Api-Version": "registry/2.0"}),
        "not_a_registry",
    ),
    "404 with errors of another kind": (refuse(404, "DENIED"), "server"),
    "404 with the code of unknown faults": (refuse(404, "UNKNOWN"), "server"),
    "404 whose errors are no list": (reply({"errors": "MANIFEST_UNKNOWN"}, status=404), "not_a_registry"),
    "other bytes": (answer(200, BODY + b" ", TYPED), "mismatch"),
    "a header that names another digest": (answer(200, BODY, {**TYPED, "Docker-Content-Digest": OTHER}), "mismatch"),
    "a header that names no digest": (answer(200, BODY, {**TYPED, "Docker-Content-Digest": "sha256:x"}), "server"),
    "another media type": (answer(200, BODY, INDEX_TYPE), "mismatch"),
    "403": (refuse(403, "DENIED"), "forbidden"),
    "401": (refuse(401, "UNAUTHORIZED"), "unauthorized"),
    "401 with junk": (answer(401, b"", {"Www-Authenticate": '=,"'}), "unauthorized"),
    "429 without end": (refuse(429, "TOOMANYREQUESTS", {"Retry-After": "0"}), "throttled"),
    "429 for an hour": (refuse(429, "TOOMANYREQUESTS", {"Retry-After": "3600"}), "throttled"),
    "500": (page(500), "server"),
    "204": (answer(204), "server"),
    "redirect loop": (redirect(MANIFEST), "redirects"),
    "redirect to nowhere": (answer(302), "redirects"),
    "redirect to a file": (redirect("file:///etc/passwd"), "redirects"),
    "300": (answer(300), "server"),
}


@pytest.mark.parametrize("name", LIES)
def test_no_lie_about_a_manifest_is_believed(liar: Liar, name: str) -> None:
    lie, kind = LIES[name]
    liar.on(MANIFEST, lie)
    error = caught(client(liar.url, patience(kind)), "manifest", "a/b", DIGEST)
    assert (error.kind, isinstance(error, NotFound)) == (kind, False)


def patience(kind: str, **more: Any) -> Limits:
    """A time-out is waited for but shortly; everything else comes in time also where the machine is busy."""
    return Limits(seconds=0.5 if kind == "timeout" else 10, wait_seconds=0.5, **more)


ELSEWHERE = [
    (name, method)
    for name in ("endless body", "silence", "a web page with 404", "403", "500", "redirect loop")
    for method in ("ping", "tags", "referrers", "blob", "repositories")
]


@pytest.mark.parametrize(("name", "method"), ELSEWHERE)
def test_no_lie_is_believed_elsewhere(liar: Liar, name: str, method: str) -> None:
    lie, kind = LIES[name]
    liar.on(re.compile(".*"), redirect("/again") if name == "redirect loop" else lie)
    arguments = {"tags": ("a/b",), "referrers": ("a/b", DIGEST), "blob": ("a/b", DIGEST)}
    error = caught(client(liar.url, patience(kind, blob_bytes=10**6)), method, *arguments.get(method, ()))
    assert error.kind == kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", "not_a_registry"),
        (b"[]", "not_a_registry"),
        (b"\xff\xfe{\x00}\x00", "not_a_registry"),
        (b"\xef\xbb\xbf{}", "not_a_registry"),
        (b'{"a":' + b"[" * 200_000, "not_a_registry"),
        (b'{"a":' + b"[" * 101 + b"]" * 101 + b"}", "not_a_registry"),
        (b'{"a":' + b"9" * 5000 + b"}", "not_a_registry"),
        (BODY + b"{}", "not_a_registry"),
    ],
)
def test_a_tag_must_lead_to_a_json_object(liar: Liar, body: bytes, kind: str) -> None:
    liar.on("/v2/a/b/manifests/1", answer(200, body, TYPED))
    assert caught(client(liar.url), "manifest", "a/b", "1").kind == kind


def test_brackets_inside_strings_are_no_nesting(liar: Liar) -> None:
    body = json.dumps({"schemaVersion": 2, "note": "[{" * 500 + '\\"'}).encode()
    liar.on("/v2/a/b/manifests/1", answer(200, body, TYPED))

    async def ask() -> str:
        async with client(liar.url) as c:
            return (await c.manifest("a/b", "1")).digest

    assert run(ask()) == "sha256:" + hashlib.sha256(body).hexdigest()


def test_sha512_is_computed_from_the_bytes(liar: Liar) -> None:
    digest = "sha512:" + hashlib.sha512(BODY).hexdigest()
    liar.on(f"/v2/a/b/manifests/{digest}", answer(200, BODY, TYPED))
    liar.on("/v2/a/b/manifests/1", answer(200, BODY, {**TYPED, "Docker-Content-Digest": digest}))
    liar.on("/v2/a/b/manifests/2", answer(200, BODY + b" ", {**TYPED, "Docker-Content-Digest": digest}))

    async def ask() -> None:
        async with client(liar.url) as c:
            assert (await c.manifest("a/b", digest)).digest == digest
            assert (await c.manifest("a/b", "1")).digest == digest

    run(ask())
    assert caught(client(liar.url), "manifest", "a/b", "2").kind == "mismatch"


def test_a_blob_is_hashed(liar: Liar) -> None:
    liar.on(f"/v2/a/b/blobs/{OTHER}", answer(200, b"other bytes"))
    assert caught(client(liar.url), "blob", "a/b", OTHER).kind == "mismatch"


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        (reply({"schemaVersion": 2}, INDEX_TYPE), "server"),
        (reply({"schemaVersion": 2, "manifests": {}}, INDEX_TYPE), "server"),
        (reply({"schemaVersion": 2, "manifests": [{"digest": "x"}]}, INDEX_TYPE), "server"),
        (reply({"schemaVersion": 2, "manifests": [None]}, INDEX_TYPE), "server"),
        (reply({"schemaVersion": 1, "manifests": []}, INDEX_TYPE), "server"),
        (reply({"schemaVersion": 2, "manifests": [{"digest": OTHER}] * 2001}, INDEX_TYPE), "too_large"),
        (reply({"schemaVersion": 2, "manifests": []}, {**INDEX_TYPE, "Link": f'<{REFERRERS}>; rel="next"'}), "server"),
        (reply({"schemaVersion": 2, "manifests": []}, {"Link": '<http://127.0.0.1:9/v2/x>; rel="next"'}), "server"),
        (reply({"schemaVersion": 2, "manifests": []}, {"Link": '</elsewhere>; rel="next"'}), "server"),
        (page(404), "not_a_registry"),
        (refuse(403, "DENIED"), "forbidden"),
        (page(200), "not_a_registry"),
    ],
)
def test_no_lie_about_referrers_is_an_empty_list(liar: Liar, lie: Lie, kind: str) -> None:
    liar.on(re.compile("/v2/a/b/manifests/.*"), refuse(404, "MANIFEST_UNKNOWN"))
    liar.on(REFERRERS, lie)
    assert caught(client(liar.url), "referrers", "a/b", DIGEST).kind == kind


def test_a_404_without_a_body_is_the_specifications_not_found(liar: Liar) -> None:
    liar.on(REFERRERS, answer(404))
    liar.on(re.compile("/v2/a/b/manifests/.*"), answer(404))

    async def ask() -> None:
        async with client(liar.url) as c:
            with pytest.raises(NotFound):
                await c.manifest("a/b", DIGEST)
            assert (await c.referrers("a/b", DIGEST)).source == "none"

    run(ask())


def test_referrers_page_by_page(liar: Liar) -> None:
    digests = [f"sha256:{n:064x}" for n in range(5)]
    pages = [
        reply(
            {"schemaVersion": 2, "manifests": [{"digest": one}]},
            {**INDEX_TYPE, **({"Link": f'<{REFERRERS}?n={n}>; rel="next"'} if n < 4 else {})},
        )
        for n, one in enumerate(digests)
    ]
    liar.on(REFERRERS, in_turn(*pages))

    async def ask() -> None:
        async with client(liar.url) as c:
            found = await c.referrers("a/b", DIGEST)
            assert ([one["digest"] for one in found.descriptors], found.source) == (digests, "api")

    run(ask())


def test_a_second_page_that_fails_is_no_end(liar: Liar) -> None:
    first = reply({"schemaVersion": 2, "manifests": []}, {**INDEX_TYPE, "Link": f'<{REFERRERS}?n=1>; rel="next"'})
    liar.on(REFERRERS, in_turn(first, refuse(404, "NAME_UNKNOWN")))
    liar.on(re.compile("/v2/a/b/manifests/.*"), refuse(404, "MANIFEST_UNKNOWN"))

    async def ask() -> None:
        async with client(liar.url) as c:
            await c.referrers("a/b", DIGEST)

    with pytest.raises(RegistryError):
        run(ask())


@pytest.mark.parametrize(
    "content",
    [{}, {"tags": {}}, {"tags": "latest"}, {"tags": [1]}, {"tags": ["a/b"]}, {"tags": ["../x"]}, {"tags": [""]}],
)
def test_a_list_with_something_odd_in_it_is_refused_whole(liar: Liar, content: object) -> None:
    liar.on("/v2/a/b/tags/list", reply(content))
    assert caught(client(liar.url), "tags", "a/b").kind == "server"


def test_null_is_an_empty_list(liar: Liar) -> None:
    liar.on("/v2/a/b/tags/list", reply({"name": "a/b", "tags": None}))
    liar.on(REFERRERS, reply({"schemaVersion": 2, "manifests": None}))

    async def ask() -> list[object]:
        async with client(liar.url) as c:
            listed = (await c.referrers("a/b", DIGEST)).descriptors
            return [tag async for tag in c.tags("a/b")] + listed

    assert run(ask()) == []


def test_a_next_page_that_is_not_there_is_no_repository_that_is_not_there(liar: Liar) -> None:
    """Else a whole repository would fall out of an audit as if nobody had it."""
    first = reply({"tags": ["1"]}, {"Link": '</v2/a/b/tags/list?n=1000&last=1>; rel="next"'})
    liar.on("/v2/a/b/tags/list", in_turn(first, refuse(404, "NAME_UNKNOWN")))
    assert caught(client(liar.url), "tags", "a/b").kind == "server"


def test_pages_without_end(liar: Liar) -> None:
    liar.on("/v2/a/b/tags/list", reply({"tags": ["1"]}, {"Link": '</v2/a/b/tags/list?n=1000&last=1>; rel="next"'}))
    assert caught(client(liar.url), "tags", "a/b").kind == "server"
    assert len(liar.requests) == 2  # the same page is not asked for twice


def test_a_registry_that_ignores_pages_is_cut_here(liar: Liar) -> None:
    liar.on("/v2/a/b/tags/list", reply({"tags": [f"v{n:03}" for n in reversed(range(250))]}))

    async def ask() -> None:
        async with client(liar.url) as c:
            first = await c.tags_page("a/b", n=100)
            assert (first.tags[0], first.tags[-1], first.last) == ("v000", "v099", "v099")
            last = await c.tags_page("a/b", last="v199", n=100)
            assert (last.tags[0], last.tags[-1], last.last) == ("v200", "v249", None)

    run(ask())


def test_busy_for_a_moment(liar: Liar) -> None:
    liar.on(MANIFEST, in_turn(refuse(503, "UNAVAILABLE"), refuse(429, "TOOMANYREQUESTS"), answer(200, BODY, TYPED)))

    async def ask() -> str:
        async with client(liar.url) as c:
            return (await c.manifest("a/b", DIGEST)).digest

    assert run(ask()) == DIGEST
    assert len(liar.requests) == 3


def test_writes_are_never_repeated(liar: Liar) -> None:
    liar.on("/v2/a/b/blobs/uploads/", refuse(503, "UNAVAILABLE"))
    assert caught(client(liar.url), "put_blob", "a/b", b"x").kind == "server"
    assert len(liar.requests) == 1


@pytest.mark.parametrize("location", ["http://127.0.0.1:9/v2/x", "//127.0.0.1:9/x"])
def test_an_upload_goes_nowhere_else(liar: Liar, location: str) -> None:
    liar.on("/v2/a/b/blobs/uploads/", answer(202, b"", {"Location": location}))
    assert caught(client(liar.url), "put_blob", "a/b", b"x").kind == "server"


@pytest.mark.parametrize("lie", [page(), answer(200), answer(200, b"true"), answer(200, b"OK")])
def test_ping_is_not_taken_in(liar: Liar, lie: Lie) -> None:
    liar.on("/v2/", lie)
    assert caught(client(liar.url), "ping").kind == "not_a_registry"


def test_a_strangers_words_are_shown_short_and_plain(liar: Liar) -> None:
    words = "no\r\n\x1b[31m" + "x" * 10_000
    liar.on(MANIFEST, reply({"errors": [{"code": "DENIED", "message": words}]}, status=403))
    message = caught(client(liar.url), "manifest", "a/b", DIGEST).message
    assert "DENIED no" in message
    assert len(message) < 500
    assert message.isprintable()


@pytest.mark.parametrize("text", ['"' + '\\"' * 1_000_000, '"' + "\\\n" * 1_000_000, '"a' * 1_000_000])
def test_a_string_that_never_ends_takes_no_time(text: str) -> None:
    """The depth of what nests too often is counted before it is read, and each quote in it is looked at once."""
    began = time.process_time()
    with pytest.raises(RegistryError):
        parse_json(b"[{" * 60 + text.encode(), "liar.test")
    assert time.process_time() - began < 5


def test_depth_is_counted_outside_of_strings_alone() -> None:
    assert parse_json(json.dumps(["[" * 500, '\\"{' * 200]).encode(), "", 20)
    with pytest.raises(RegistryError):
        parse_json(b"[" * 21 + b"]" * 21, "", 20)
