"""Docker Hub's limit, asked of a double that speaks its token and its headers over real HTTP."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from harborweb.access.cache import hub
from harborweb.access.cache.gauge import gauge
from harborweb.access.cache.hub import Reading, measure, quota, read
from harborweb.access.cache.models import PullReading
from harborweb.accounts.roles import Role
from harborweb.registry.errors import RegistryError

SPENT = {
    "errors": [{
        "code": "TOOMANYREQUESTS",
        "message": "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
    }]
}  # fmt: skip
USUAL = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600", "docker-ratelimit-source": "192.0.2.7"}


@dataclass
class FakeHub:
    """What Docker Hub answers: token service and registry at one address."""

    url: str = ""
    headers: dict[str, str] = field(default_factory=lambda: dict(USUAL))
    status: int = 200
    token_status: int = 200
    token: Any = "good"
    slow: float = 0
    accounts: dict[str, str] = field(default_factory=lambda: {"me": "dckr_pat_1"})
    seen: list[str] = field(default_factory=list)

    def measure(self, *login: str) -> Reading:
        return measure(*login, registry=self.url, tokens=f"{self.url}/token")


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Run it on loopback."""
    fake = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def send(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def answer(self) -> None:
            fake.seen.append(f"{self.command} {self.path}")
            time.sleep(fake.slow)
            url = urlsplit(self.path)
            if url.path == "/token":
                return self.sign(parse_qs(url.query))
            if self.headers.get("Authorization") != "Bearer good":
                return self.send(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
            assert url.path == "/v2/ratelimitpreview/test/manifests/latest"
            return self.send(fake.status, SPENT if fake.status == 429 else {}, fake.headers)

        def sign(self, query: dict[str, list[str]]) -> None:
            assert query == {
                "service": ["registry.docker.io"], "scope": ["repository:ratelimitpreview/test:pull"]
            }  # fmt: skip
            sent = self.headers.get("Authorization", "")
            if sent:
                name, _, password = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")
                if fake.accounts.get(name) != password:
                    return self.send(401, {"details": "incorrect username or password"})
            return self.send(fake.token_status, {"token": fake.token})

        do_GET = do_HEAD = answer

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Clients that went away are what the tests of time-outs do."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fake() -> Iterator[FakeHub]:
    with fake_hub() as one:
        yield one


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("100;w=21600", (100, 21600)), ("76;w=21600", (76, 21600)), (" 100 ; w=21600", (100, 21600)),
        ("0;w=21600", (0, 21600)), ("200", (200, 0)), ("", None), ("w=21600", None), ("-1;w=21600", None),
        ("1e3;w=1", None), ("100;w=", None), ("100;w=21600, 200;w=1", None), ("9999999999;w=1", None), ("٣;w=1", None),
    ],
)  # fmt: skip
def test_the_header_is_read_exactly(header: str, expected: tuple[int, int] | None) -> None:
    assert quota(header) == expected


def test_anonymous(fake: FakeHub) -> None:
    assert fake.measure() == Reading(100, 76, 21600, "192.0.2.7")
    assert [one.split("?")[0] for one in fake.seen] == [
        "GET /token", "HEAD /v2/ratelimitpreview/test/manifests/latest"
    ]  # fmt: skip


def test_with_a_login(fake: FakeHub) -> None:
    fake.headers |= {"ratelimit-limit": "200;w=21600", "ratelimit-remaining": "199;w=21600",
                     "docker-ratelimit-source": "0d1cf1a8-5a40-4b4d-9d5c-5c5f0d2e9c61"}  # fmt: skip
    found = fake.measure("me", "dckr_pat_1")
    assert (found.limit, found.remaining, found.source) == (200, 199, "0d1cf1a8-5a40-4b4d-9d5c-5c5f0d2e9c61")
    with pytest.raises(RegistryError) as error:
        fake.measure("me", "wrong")
    assert (error.value.kind, error.value.field) == ("unauthorized", "password")


def test_an_account_without_a_limit_sends_no_headers(fake: FakeHub) -> None:
    fake.headers = {}
    assert fake.measure("me", "dckr_pat_1") == Reading(None, None)


def test_429_with_its_own_words(fake: FakeHub) -> None:
    fake.status = 429
    fake.headers |= {"ratelimit-remaining": "0;w=21600"}
    found = fake.measure()
    assert (found.limit, found.remaining, found.spent) == (100, 0, True)
    assert found.words.startswith("You have reached your unauthenticated pull rate limit.")
    fake.headers = {}
    bare = fake.measure()
    assert (bare.limit, bare.remaining, bare.spent) == (None, 0, True)


def test_none_left_without_429_is_spent_too() -> None:
    assert read(200, {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "0;w=21600"}, b"").spent
    assert not read(200, {}, b"").spent


def test_a_source_that_is_none_is_not_shown() -> None:
    assert read(200, {"Docker-RateLimit-Source": "<script>alert(1)</script>"}, b"").source == ""


def test_failures_are_clear_and_soon(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.token_status = 429
    with pytest.raises(RegistryError) as error:
        fake.measure()
    assert error.value.kind == "throttled" and "sign-ins" in error.value.message
    fake.token_status, fake.token = 200, "two words"
    with pytest.raises(RegistryError):
        fake.measure()
    fake.token, fake.status = "good", 500
    with pytest.raises(RegistryError) as error:
        fake.measure()
    assert error.value.status == 500
    from dataclasses import replace

    monkeypatch.setattr(hub, "PATIENCE", replace(hub.PATIENCE, seconds=0.5, overall_seconds=0.5))
    fake.status, fake.slow = 200, 8
    begun = time.monotonic()
    with pytest.raises(RegistryError) as error:
        fake.measure()
    assert error.value.kind == "timeout" and time.monotonic() - begun < 7
    with pytest.raises(RegistryError) as error:
        measure(registry="http://127.0.0.1:9", tokens="http://127.0.0.1:9/token")
    assert error.value.kind == "unreachable"


def test_the_bounds_are_short_enough_for_a_page() -> None:
    assert hub.PATIENCE.seconds <= 10 and hub.PATIENCE.retries == 0


@pytest.mark.parametrize(
    ("left", "limit", "state"), [(100, 100, "good"), (25, 100, "good"), (24, 100, "warn"), (10, 100, "warn"),
                                 (9, 100, "bad"), (0, 100, "bad"), (300, 200, "good"), (5, 0, "bad")]
)  # fmt: skip
def test_the_gauge(left: int, limit: int, state: str) -> None:
    found = gauge(left, limit)
    assert found.state == state
    assert found.track == "M12 64A52 52 0 0 1 116.00 64.00"
    assert bool(found.left) == (left > 0 and limit > 0)
    if left >= limit > 0:
        assert found.left == found.track
    if (left, limit) == (100, 200):
        assert found.left.endswith("64.00 12.00")


@pytest.mark.django_db
def test_measuring_from_the_page_keeps_the_numbers_and_no_password(
    fake: FakeHub, as_role: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setattr(hub, "REGISTRY", fake.url)
    monkeypatch.setattr(hub, "TOKENS", f"{fake.url}/token")
    browser = as_role(Role.VIEWER)
    typed = {"account": "me", "password": "dckr_pat_1", "registry": "7", "project": "hub"}
    answer = browser.post(reverse("access:cache_limit"), typed)
    assert answer["Location"] == reverse("access:cache_page", args=[7, "hub"]) + "#hub"
    row = PullReading.objects.get()
    assert (row.account, row.limit, row.remaining, row.window, row.hours) == ("me", 100, 76, 21600, 6)
    assert "dckr_pat_1" not in str(PullReading.objects.values()) + caplog.text
    fake.status, fake.token = 200, 5
    refused = browser.post(reverse("access:cache_limit"), {}, follow=True)
    assert "its token service sent no token" in refused.content.decode()
    assert PullReading.objects.count() == 1
