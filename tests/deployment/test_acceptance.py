"""The acceptance probe against the practice Harbor: what it proves, what it only warns of, what it refuses."""
# ruff: noqa: F811 - fixtures are arguments

import json
import socket
import urllib.request
from pathlib import Path

import pytest

from harborweb.deployment import wanted
from harborweb.deployment.console import Console
from harborweb.deployment.transaction import probe
from harborweb.registry.errors import RegistryError
from tests import parts
from tests.deployment.conftest import log
from tests.deployment.standing import Harbor, ground, harbor  # noqa: F401 - fixtures

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


class Told(Console):
    """Keeps what is told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def line(self, text: str, stream: str = "note") -> None:
        self.lines.append(text)


def accept(text: str) -> tuple[probe.Accepted, list[str]]:
    told = Told()
    return probe.accept(told, wanted.read(text), text), told.lines  # type: ignore[arg-type]


def catalog(harbor: Harbor) -> list[str]:
    """The repositories that hold something, as the registry itself lists its manifests on disk."""
    folder = harbor.site.data / "registry" / "docker" / "registry" / "v2" / "repositories"
    return [str(path) for path in folder.rglob("_manifests/revisions/sha256/*/link")]


def test_where_the_public_address_connects_nothing_is_odd(harbor: Harbor) -> None:
    accepted, lines = accept(harbor.site.text(hostname="hostname: 127.0.0.2"))
    assert (accepted.proven, accepted.warnings) == (True, [])
    assert lines[0] == f"Asked as http://127.0.0.2:{harbor.site.port}"
    assert catalog(harbor) == []


def test_a_name_that_does_not_resolve_is_asked_at_its_port_with_its_name(harbor: Harbor) -> None:
    accepted, _lines = accept(harbor.site.text())
    assert accepted.proven
    assert len(accepted.warnings) == 1 and "Its port here was asked instead." in accepted.warnings[0]


@pytest.mark.parametrize("url", ["https://harbor.nowhere.example", "https://harbor.nowhere.example:8443",
                                 "http://harbor.nowhere.example"])  # fmt: skip
def test_behind_a_proxy_that_is_not_there_yet(harbor: Harbor, url: str) -> None:
    """The token realm has the scheme of external_url and the name that was asked: both lead to the port here."""
    accepted, _lines = accept(harbor.site.text(https=f"external_url: {url}"))
    assert accepted.proven
    assert len(accepted.warnings) == 1 and accepted.warnings[0].startswith(f"Not tried as {url}")


def test_a_proxy_that_answers_with_a_page_is_no_registry(harbor: Harbor, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>It works!</h1>")
    port = parts.free_port()
    command = ["python3", "-m", "http.server", str(port), "--bind", "127.0.0.3", "--directory", str(tmp_path)]
    with web(command, port):
        accepted, _lines = accept(harbor.site.text(https=f"external_url: http://127.0.0.3:{port}"))
    assert accepted.proven
    assert len(accepted.warnings) == 1


def web(command: list[str], port: int) -> object:
    """A program that listens on 127.0.0.3, while the block runs."""
    import subprocess
    import time
    from contextlib import contextmanager

    @contextmanager
    def running() -> object:  # type: ignore[misc]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _try in range(200):
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.3", port)) == 0:
                        break
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait()

    return running()


def test_an_old_password_proves_nothing_and_fails_nothing(harbor: Harbor) -> None:
    accepted, lines = accept(harbor.site.text(password="harbor_admin_password: not-this-one"))
    assert not accepted.proven
    assert any("the password of admin is not the one in harbor.yml any more" in one for one in accepted.warnings)
    assert not any("not-this-one" in line for line in lines)
    assert catalog(harbor) == []


def test_what_health_does_not_see_a_push_does(harbor: Harbor) -> None:
    """prepare ran, up did not: the registry's credential has changed, and every push is refused (facts on prepare)."""
    passwd = harbor.site.folder / "common" / "config" / "registry" / "passwd"
    before = passwd.read_text()
    passwd.write_text("harbor_registry_user=another\n")
    try:
        base = f"http://127.0.0.1:{harbor.site.port}"
        assert json.load(urllib.request.urlopen(f"{base}/api/v2.0/health"))["status"] == "healthy"
        with pytest.raises(RegistryError):
            accept(harbor.site.text())
    finally:
        passwd.write_text(before)


def test_a_registry_without_sign_in_is_proven_too(harbor: Harbor, registry: parts.Registry) -> None:
    host, _colon, port = registry.host.partition(":")
    accepted, lines = accept(f"hostname: {host}\nhttp:\n  port: {port}\nharbor_admin_password: x\ndata_volume: /d\n")
    assert (accepted.proven, accepted.warnings) == (True, []), lines
    assert "Deleted it again" in lines


def test_https_with_a_certificate_that_clients_may_not_trust(harbor: Harbor, tmp_path: Path) -> None:
    for names, warned in ((["DNS:registry.lab.example"], False), ([], True)):
        crt, key = certificate(tmp_path, names)
        port = parts.free_port()
        https = f"https:\n  port: {port}\n  certificate: {crt}\n  private_key: {key}"
        settled = harbor.site.deploy(harbor.site.text(https=https))
        assert settled.state == "succeeded", log(settled)
        assert settled.result["proven"] is True
        said = [one for one in settled.result["warnings"] if one.startswith("Its certificate is not trusted")]
        assert bool(said) is warned, settled.result["warnings"]


def certificate(folder: Path, names: list[str]) -> tuple[Path, Path]:
    """A self-signed certificate for these alternative names, and its key."""
    import subprocess

    crt, key = folder / "s.crt", folder / "s.key"
    more = ["-addext", "subjectAltName=" + ",".join(names)] if names else []
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *more]
    subject = ["-subj", "/CN=registry.lab.example", "-days", "2", "-keyout", str(key), "-out", str(crt)]
    subprocess.run([*made, *subject], check=True, capture_output=True)
    return crt, key
