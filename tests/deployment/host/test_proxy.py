"""proxy.http_proxy and https_proxy against a real proxy (tinyproxy), with a real nginx behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harborweb.deployment.host.connections import proxy
from tests import parts
from tests.deployment.host import servers
from tests.deployment.host.look import faults, findings, the_one

SECRET = "pr0xySecret"
IN_URL = "pr0xy%53ecret"  # as special characters are written


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with servers.nginx(tmp_path_factory.mktemp("nginx")) as port:
        yield port


@pytest.fixture(scope="module")
def open_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with servers.proxy(tmp_path_factory.mktemp("open")) as port:
        yield port


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with servers.proxy(tmp_path_factory.mktemp("guarded"), f"BasicAuth harbor {SECRET}") as port:
        yield port


def text(http: str, https: str, target: int, components: str = "[core, trivy]") -> str:
    return (
        f"hostname: r.example\ntrivy:\n  db_repository: 127.0.0.1:{target}/trivy-db\n"
        f"proxy:\n  http_proxy: {http}\n  https_proxy: {https}\n  components: {components}\n"
    )


BOTH = [(proxy.http_proxy, "http_proxy"), (proxy.https_proxy, "https_proxy")]


@pytest.mark.parametrize(("look", "key"), BOTH)
def test_one_that_lets_through(look: object, key: str, open_one: int, target: int) -> None:
    for address in (f"http://127.0.0.1:{open_one}", f"127.0.0.1:{open_one}", f"http://127.0.0.1:{open_one}/"):
        found = findings(look, text(address, address, target))
        assert faults(look, text(address, address, target)) == []
        assert f"127.0.0.1:{target} through" in found[-1].message


@pytest.mark.parametrize(("look", "key"), BOTH)
def test_one_that_wants_a_password(look: object, key: str, guarded: int, target: int) -> None:
    without = f"http://127.0.0.1:{guarded}"
    found = the_one(look, text(without, without, target))
    assert (found.key, found.line) == (f"proxy.{key}", 5 if key == "http_proxy" else 6)
    assert "407 Proxy Authentication Required" in found.message
    right = f"http://harbor:{IN_URL}@127.0.0.1:{guarded}"
    assert faults(look, text(right, right, target)) == []
    wrong = f"http://harbor:wrong-one@127.0.0.1:{guarded}"
    for one in (*findings(look, text(wrong, wrong, target)), *findings(look, text(right, right, target))):
        for secret in (SECRET, IN_URL, "wrong-one"):
            assert secret not in one.message + one.why + one.advice


def test_one_that_forbids_the_port(tmp_path: Path, target: int) -> None:
    with servers.proxy(tmp_path, "ConnectPort 443") as port:
        address = f"http://127.0.0.1:{port}"
        found = the_one(proxy.https_proxy, text(address, address, target))
    assert f"403 Access violation to CONNECT 127.0.0.1:{target}" in found.message


@pytest.mark.parametrize(("look", "key"), BOTH)
def test_one_that_reaches_nothing(look: object, key: str, open_one: int) -> None:
    address = f"http://127.0.0.1:{open_one}"
    found = the_one(look, text(address, address, parts.free_port()))
    assert "answers 500" in found.message


@pytest.mark.parametrize(("look", "key"), BOTH)
def test_nobody_there_and_nobody_answering(look: object, key: str, target: int) -> None:
    address = f"http://127.0.0.1:{parts.free_port()}"
    assert "Connection refused" in the_one(look, text(address, address, target)).message
    with servers.silent() as port:
        address = f"http://127.0.0.1:{port}"
        assert "timed out" in the_one(look, text(address, address, target)).message
    assert "does not resolve" in the_one(look, text("http://p.invalid:1", "http://p.invalid:1", target)).message


def test_a_web_server_is_no_proxy(target: int) -> None:
    address = f"http://127.0.0.1:{target}"
    assert "400 Bad Request to CONNECT" in the_one(proxy.https_proxy, text(address, address, target)).message


@pytest.mark.parametrize(("look", "key"), BOTH)
@pytest.mark.parametrize("address", ["socks5://p.example:1080", "http://", "http://p.example:port", "http://p:99999"])
def test_what_is_no_address(look: object, key: str, address: str) -> None:
    assert "no address" in the_one(look, text(f"'{address}'", f"'{address}'", 1)).message


def test_nobody_uses_it(open_one: int, target: int) -> None:
    address = f"http://127.0.0.1:{open_one}"
    (found,) = findings(proxy.http_proxy, text(address, address, target, "[]"))
    assert found.state == "unknown"
    assert findings(proxy.http_proxy, "hostname: a\nproxy:\n  http_proxy:\n") == []
