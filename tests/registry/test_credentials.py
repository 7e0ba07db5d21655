"""Who is shown a password or a token, and who is not."""

import hashlib
import json
import re
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest

from harborweb.registry.auth import challenges
from harborweb.registry.client import OCI_MANIFEST, Client, Endpoint
from tests.registry.images import PATIENT, caught, client, run
from tests.registry.lying import (
    Liar,
    Lie,
    answer,
    in_turn,
    lying,
    redirect,
    refuse,
    reply,
)
from tests.registry.tls import authority

BODY = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []}).encode()
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
MANIFEST = f"/v2/a/b/manifests/{DIGEST}"
TYPED = {"Content-Type": OCI_MANIFEST}


def test_no_cookies_are_kept(liar: Liar) -> None:
    liar.on(MANIFEST, answer(200, BODY, {**TYPED, "Set-Cookie": "sid=1; Path=/"}))

    async def ask() -> None:
        async with client(liar.url) as c:
            await c.manifest("a/b", DIGEST)
            await c.manifest("a/b", DIGEST)

    run(ask())
    assert [request.headers.get("Cookie") for request in liar.requests] == [None, None]
    assert liar.requests[0].headers["Accept-Encoding"] == "identity"


def test_credentials_stay_with_the_registry(liar: Liar) -> None:
    with lying() as storage:
        storage.on("/blob", answer(200, b"the blob"))
        digest = "sha256:" + hashlib.sha256(b"the blob").hexdigest()
        liar.on(re.compile(".*"), refuse(401, "UNAUTHORIZED", {"Www-Authenticate": 'Basic realm="lab"'}))
        liar.on(
            f"/v2/a/b/blobs/{digest}",
            in_turn(
                refuse(401, "UNAUTHORIZED", {"Www-Authenticate": 'Basic realm="lab"'}), redirect(f"{storage.url}/blob")
            ),
        )

        async def ask() -> bytes:
            async with client(liar.url, username="lab", password="secret") as c:
                return await c.blob("a/b", digest)

        assert run(ask()) == b"the blob"
        assert [bool(request.headers.get("Authorization")) for request in liar.requests] == [False, True]
        assert [request.headers.get("Authorization") for request in storage.requests] == [None]


def test_a_stranger_cannot_ask_for_the_password(liar: Liar) -> None:
    """A 401 from where a redirect led is not answered with credentials."""
    with lying() as stranger:
        stranger.on(re.compile(".*"), refuse(401, "UNAUTHORIZED", {"Www-Authenticate": 'Basic realm="lab"'}))
        liar.on(MANIFEST, redirect(f"{stranger.url}/x"))
        error = caught(client(liar.url, username="lab", password="secret"), "manifest", "a/b", DIGEST)
        assert error.status == 401
        assert [request.headers.get("Authorization") for request in stranger.requests] == [None]


@pytest.mark.parametrize(
    "realm", ["http://127.0.0.1:9/token", "ftp://127.0.0.1/x", "no address", "https://u:p@127.0.0.1/token", ""]
)
def test_a_token_service_must_be_https(tmp_path: Path, realm: str) -> None:
    made = authority(tmp_path)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with lying(tls=context) as liar:
        liar.on("/v2/", refuse(401, "UNAUTHORIZED", {"Www-Authenticate": f'Bearer realm="{realm}",service="x"'}))
        error = caught(Client(Endpoint(liar.url, "lab", "secret", ca_pem=made.ca_pem), PATIENT), "ping")
        assert error.kind == ("http_refused" if realm.startswith("http:") else "server" if realm else "unauthorized")


def test_https_does_not_redirect_to_http(tmp_path: Path) -> None:
    made = authority(tmp_path)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with lying() as plain, lying(tls=context) as liar:
        plain.on("/m", answer(200, BODY, TYPED))
        liar.on(MANIFEST, redirect(f"{plain.url}/m"))
        refused = caught(Client(Endpoint(liar.url, ca_pem=made.ca_pem), PATIENT), "manifest", "a/b", DIGEST)
        assert refused.kind == "http_refused"
        assert plain.requests == []

        async def ask() -> str:
            async with Client(Endpoint(liar.url, ca_pem=made.ca_pem, allow_http=True), PATIENT) as c:
                return (await c.manifest("a/b", DIGEST)).digest

        assert run(ask()) == DIGEST


@pytest.mark.parametrize(
    "token", [{}, {"token": ""}, {"token": 1}, {"token": "a\r\nX-Evil: 1"}, {"token": "ä"}, [], "x"]
)
def test_a_token_that_is_none(liar: Liar, token: object) -> None:
    liar.on("/token", reply(token))
    liar.on("/v2/", refuse(401, "UNAUTHORIZED", {"Www-Authenticate": f'Bearer realm="{liar.url}/token"'}))
    assert caught(client(liar.url), "ping").kind in {"server", "not_a_registry"}


@pytest.mark.parametrize("lie", [answer(404), refuse(404, "NAME_UNKNOWN")])
def test_a_token_service_that_is_not_there_says_nothing_about_the_image(liar: Liar, lie: Lie) -> None:
    """Else an image would count as gone, or as not signed, where only the way to a token is broken."""
    liar.on(MANIFEST, refuse(401, "UNAUTHORIZED", {"Www-Authenticate": f'Bearer realm="{liar.url}/token"'}))
    liar.on("/token", lie)
    assert caught(client(liar.url), "manifest", "a/b", DIGEST).kind == "not_a_registry"


def test_a_registry_that_never_takes_its_own_tokens(liar: Liar) -> None:
    liar.on("/token", reply({"token": "abc", "expires_in": 300}))
    liar.on("/v2/", refuse(401, "UNAUTHORIZED", {"Www-Authenticate": f'Bearer realm="{liar.url}/token"'}))
    assert caught(client(liar.url, username="lab", password="x"), "ping").kind == "forbidden"
    assert [request.path for request in liar.requests] == ["/v2/", "/token", "/v2/"]


@pytest.mark.parametrize("seconds", [None, 0, -1, "x", True, 10**12, 1e300, [], 0.5])
def test_how_long_a_token_says_it_is_good(liar: Liar, seconds: object) -> None:
    liar.on("/token", reply({"access_token": "abc", "expires_in": seconds}))
    challenge = {"Www-Authenticate": f'Bearer realm="{liar.url}/token"'}
    liar.on("/v2/", in_turn(refuse(401, "UNAUTHORIZED", challenge), answer(200, b"{}")))

    async def ask() -> None:
        async with client(liar.url) as c:
            await c.ping()
            await c.ping()

    run(ask())
    assert len(liar.asked("/token")) == 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Bearer realm="https://a/t",service="x, y",scope="repository:a:pull,push"',
         [("bearer", {"realm": "https://a/t", "service": "x, y", "scope": "repository:a:pull,push"})]),
        ('Basic realm="a \\"b\\"", Bearer realm=c', [("basic", {"realm": 'a "b"'}), ("bearer", {"realm": "c"})]),
        ("Negotiate, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("BEARER Realm = \"x\"", [("bearer", {"realm": "x"})]),
        ('realm="x"', []),
        ("", []),
        ('Bearer realm="open', [("bearer", {}), ("realm", {})]),
    ],
)  # fmt: skip
def test_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(one.scheme, one.parameters) for one in challenges([header])] == expected
