"""Every proxy that Debian packages, run with its recipe: what reaches Harbor, what does not stop, what is refused."""

import http.client
import os
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harborweb.access.recipes.front import Front
from harborweb.access.recipes.proxies import recipe
from tests import parts
from tests.access.behind import Behind, behind
from tests.access.proxies import PROGRAMS, front_for, running, text_of, together
from tests.registry.tls import Authority, authority

SMALL = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def harbor() -> Iterator[Behind]:
    with behind() as server:
        yield server


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def front(
    request: pytest.FixtureRequest, tls: Authority, harbor: Behind, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    """Each proxy in turn, running in front of `harbor`."""
    made = front_for(harbor.port, tls.certificate, tls.key)
    with running(request.param, made, tmp_path_factory.mktemp(request.param)):
        yield made


def connect(front: Front, tls: Authority, seconds: float = 20) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cadata=tls.ca_pem)
    return http.client.HTTPSConnection("127.0.0.1", front.https_port, timeout=seconds, context=context)


def test_harbor_is_told_who_asked_for_what(front: Front, tls: Authority, harbor: Behind) -> None:
    asked = connect(front, tls)
    path = "/api/v2.0/projects/lab/repositories/team%252Fweb/artifacts?q=a%2Fb&page=1"
    asked.request("GET", path, headers={"X-Forwarded-Proto": "http", "X-Real-IP": "203.0.113.9"})
    assert asked.getresponse().read() == b"firstsecond"
    seen = harbor.seen[-1]
    assert seen.path == path
    assert seen.version == "HTTP/1.1"
    assert seen.headers["host"] == f"127.0.0.1:{front.https_port}"
    assert seen.headers["x-forwarded-proto"] == "https"  # also when the client claims otherwise
    assert seen.headers["x-real-ip"] == "127.0.0.1"
    assert seen.headers["x-forwarded-for"].split(", ")[-1] == "127.0.0.1"


def test_a_path_with_an_encoded_slash_goes_on_as_it_is(front: Front, tls: Authority, harbor: Behind) -> None:
    asked = connect(front, tls)
    asked.request("GET", "/v2/a%2Fb/tags/list")
    assert asked.getresponse().status == 200
    assert harbor.seen[-1].path == "/v2/a%2Fb/tags/list"


def test_http_is_sent_to_https_with_its_path(front: Front) -> None:
    asked = http.client.HTTPConnection("127.0.0.1", front.http_port, timeout=20)
    asked.request("POST", "/v2/lab/app/blobs/uploads/?mount=x", body=b"")
    answer = asked.getresponse()
    assert answer.status == 308
    assert answer.getheader("Location") == f"https://127.0.0.1:{front.https_port}/v2/lab/app/blobs/uploads/?mount=x"


def test_a_body_goes_on_while_it_still_comes(front: Front, tls: Authority, harbor: Behind) -> None:
    """Request buffering: Harbor has the first bytes although the client has not sent the last."""
    harbor.begun.clear()
    asked = connect(front, tls)
    asked.putrequest("PATCH", "/v2/lab/app/blobs/uploads/1")
    asked.putheader("Transfer-Encoding", "chunked")
    asked.endheaders()
    asked.send(b"%x\r\n" % SMALL + b"a" * SMALL + b"\r\n")
    assert harbor.begun.wait(10)
    asked.send(b"%x\r\n" % SMALL + b"b" * SMALL + b"\r\n0\r\n\r\n")
    assert asked.getresponse().status == 200
    assert harbor.seen[-1].length == 2 * SMALL


def test_an_answer_goes_on_while_it_still_comes(front: Front, tls: Authority, harbor: Behind) -> None:
    """Response buffering: the client has the first bytes although Harbor has not sent the last."""
    harbor.go.clear()
    asked = connect(front, tls)
    asked.request("GET", "/v2/lab/app/blobs/slowly")
    answer = asked.getresponse()
    assert answer.read1(100) == b"first"
    harbor.go.set()
    assert answer.read() == b"second"


def test_a_body_of_20_mb_with_its_length_is_taken(front: Front, tls: Authority, harbor: Behind) -> None:
    asked = connect(front, tls)
    asked.request("PUT", "/v2/lab/app/blobs/uploads/1?digest=x", body=bytes(20 * 1024 * 1024))
    assert asked.getresponse().status == 200
    assert harbor.seen[-1].length == 20 * 1024 * 1024


@pytest.mark.parametrize("proxy", sorted(PROGRAMS))
def test_tls_to_harbor_is_checked_where_an_authority_is_named(proxy: str, tls: Authority, tmp_path: Path) -> None:
    """The right authority: 200; another one: refused; none named: 200, whoever made the certificate."""
    own, other = tmp_path / "own.pem", tmp_path / "other.pem"
    own.write_text(tls.ca_pem)
    other.write_text(authority(tmp_path / "other").ca_pem)
    for folder in (own, other, tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)  # Apache's children are another user
    with behind(tls.certificate, tls.key) as harbor:
        for ca, status in ((str(own), 200), (str(other), 502), ("", 200)):
            front = front_for(harbor.port, tls.certificate, tls.key, to_https=True, harbor_ca=ca)
            with running(proxy, front, tmp_path / f"run-{Path(ca).stem}"):
                asked = connect(front, tls)
                asked.request("GET", "/v2/")
                refused = {503, 500} if proxy in ("haproxy", "apache") else set()
                assert asked.getresponse().status in {status} | (refused if status != 200 else set()), (proxy, ca)


@pytest.mark.parametrize("proxy", sorted(set(PROGRAMS) - {"proxy-manager"}))
@pytest.mark.parametrize(
    "more",
    [
        {"name": "registry.example", "listen": "::1", "harbor": "2001:db8::7", "harbor_port": 8443, "to_https": True},
        {"name": "2001:db8::1", "harbor": "2001:db8::7", "ipv6": True},
        {"name": "192.0.2.1", "harbor": "localhost", "harbor_port": 8081, "ipv6": False},
    ],
    ids=["listens on IPv6", "named by IPv6", "IPv4 alone"],
)
def test_addresses_of_either_family_pass_the_check(
    proxy: str, more: dict[str, Any], tls: Authority, tmp_path: Path
) -> None:
    ports = {"http_port": parts.free_port(), "https_port": parts.free_port()}
    front = Front(certificate=str(tls.certificate), private_key=str(tls.key), **ports, **more)
    made = recipe(proxy, front)
    if proxy == "haproxy":
        together(made, tmp_path)
    commands = PROGRAMS[proxy](tmp_path, text_of(made, front))
    env = {**os.environ, **commands.env}
    done = subprocess.run(commands.check, capture_output=True, text=True, timeout=30, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_recipe_for_both_families_and_usual_ports_passes_the_check(tls: Authority, tmp_path: Path) -> None:
    """What most people get: ports 80 and 443, IPv4 and IPv6. Checked, not run: those ports are the machine's own."""
    for proxy, program in PROGRAMS.items():
        folder = tmp_path / proxy
        folder.mkdir()
        front = Front("registry.example", "192.0.2.7", 8080, str(tls.certificate), str(tls.key))
        made = recipe(proxy, front)
        if proxy == "haproxy":
            together(made, folder)
        text = text_of(made, replace(front, listen="127.0.0.1") if proxy == "proxy-manager" else front)
        commands = program(folder, text)
        done = subprocess.run(commands.check, capture_output=True, text=True, timeout=30, check=False)
        said = done.stdout + done.stderr
        if "Address already in use" not in said and "Permission denied" not in said:
            assert done.returncode == 0, said
