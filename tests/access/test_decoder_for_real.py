"""Real clients against a Harbor and servers that are wrong on purpose: what they say is decoded as what it is."""

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harborweb.access.decoder.engine import decode
from tests import parts
from tests.access.broken import certificate, context
from tests.access.clients import ROBOT, Shell, asking_by_name, image_folder, layer, secured
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.lying import answer, lying, page, raw, redirect

ANY = re.compile("/.*")
NO_TLS = "--tls-verify=false"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder with an image in it; skopeo is there."""
    parts.program("skopeo")
    folder = tmp_path_factory.mktemp("clients")
    image_folder(folder / "image")
    (folder / "layer.tar").write_bytes(layer())
    return Shell(folder)


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory, shell: Shell) -> Iterator[HarborDouble]:
    """A Harbor with a private project, an image in it, and skopeo logged in as the administrator."""
    with harbor_double(tmp_path_factory.mktemp("harbor"), contract=False) as double:
        double.state.freeze_seconds = 0.2
        double.state.add_project("team")
        shell.line(f"skopeo login {NO_TLS} -u admin --password-stdin {double.host}", double.admin[1])
        shell.line(f"skopeo copy --dest-tls-verify=false dir:image docker://{double.host}/team/app:1.0")
        yield double


def meant(shell: Shell, line: str, given: str = "") -> list[str]:
    """The keys of what a failing line said; the line itself is in the paste, as people paste it."""
    done = shell.try_line(line, given)
    assert done.returncode, f"$ {line}\n{done.stdout}{done.stderr}"
    found = decode(f"$ {line}\n{done.stdout}{done.stderr}")
    assert found.findings, done.stderr
    return [finding.message.key for finding in found.findings]


@pytest.mark.parametrize(
    ("made", "trusted", "key"),
    [
        ({}, False, "x509-unknown-authority"),
        ({"begins": -48, "ends": -1}, True, "x509-expired"),
        ({"begins": 5}, True, "x509-early"),
        ({"alternative": ""}, True, "x509-common-name"),
        ({"alternative": "other.example"}, True, "x509-name"),
        ({"alternative": "10.1.2.3"}, True, "x509-name"),
    ],
)  # fmt: skip
def test_certificates(shell: Shell, tmp_path: Path, made: dict[str, float | str], trusted: bool, key: str) -> None:
    pem = certificate(tmp_path, **made)  # type: ignore[arg-type]
    (tmp_path / "trusted").mkdir()
    if trusted:
        (tmp_path / "trusted" / "ca.crt").write_text(pem)
    with lying(tls=context(tmp_path)) as liar:
        line = f"skopeo inspect --cert-dir {tmp_path}/trusted docker://{liar.host}/team/app:1.0"
        assert meant(shell, line)[0] == key


def test_plain_http_and_other_programs(shell: Shell, registry: parts.Registry) -> None:
    assert meant(shell, f"skopeo inspect docker://{registry.host}/a/b:1")[0] == "http-to-https-client"
    assert meant(shell, f"skopeo inspect docker://127.0.0.1:{parts.free_port()}/a/b:1")[0] == "connection-refused"
    proxy = f"env HTTPS_PROXY=http://127.0.0.1:{parts.free_port()}"
    assert meant(shell, f"{proxy} skopeo inspect docker://harbor.example/a/b:1")[0] == "proxyconnect"
    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=_greet, args=[other], daemon=True).start()
        assert meant(shell, f"skopeo inspect docker://127.0.0.1:{other.getsockname()[1]}/a/b:1")[0] == "not-tls"


def _greet(other: socket.socket) -> None:
    """Be a server that speaks first, as ssh does."""
    while True:
        try:
            other.accept()[0].sendall(b"SSH-2.0-OpenSSH_9\r\n")
        except OSError:
            return


def test_what_a_proxy_answers(shell: Shell, tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "ca.crt").write_text(pem)
    with lying(tls=context(tmp_path)) as liar:
        look = f"skopeo inspect --cert-dir {tmp_path}/trusted docker://{liar.host}/a/b:1"
        push = f"skopeo copy --dest-cert-dir {tmp_path}/trusted dir:image docker://{liar.host}/a/b:1"
        liar.on("/v2/", answer(200, b"{}"))
        liar.on(re.compile("/v2/.*/manifests/.*"), page())
        assert meant(shell, look)[0] == "html"
        liar.on(re.compile("/v2/.*/blobs/uploads/"), answer(202, b"", {"Location": f"{liar.url}/up"}), "POST")
        too_large = b"<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>"
        liar.on(re.compile("/up.*"), answer(413, too_large, {"Content-Type": "text/html"}))
        assert meant(shell, push)[0] == "413"
        unknown = json.dumps({"errors": [{"code": "BLOB_UPLOAD_UNKNOWN", "message": "blob upload unknown"}]}).encode()
        liar.on(re.compile("/up.*"), answer(404, unknown, {"Content-Type": "application/json"}))
        assert meant(shell, push)[0] == "blob-upload-unknown"
        for status, key in ((404, "404-no-registry"), (500, "500"), (502, "502"), (503, "503"), (504, "504")):
            liar.on(ANY, answer(status, b"nobody"))
            assert meant(shell, look)[0] == key
        liar.on(ANY, redirect("/v2/", 308))
        assert meant(shell, look)[0] == "redirect"
        liar.on(ANY, raw(b""))
        assert meant(shell, look)[0] == "eof"


def test_what_harbor_refuses(shell: Shell, harbor: HarborDouble) -> None:
    look, push = f"skopeo inspect {NO_TLS} docker://{harbor.host}", "skopeo copy --dest-tls-verify=false dir:image "
    to = f"{push} docker://{harbor.host}"
    assert meant(shell, f"{look}/team/app:9")[0] == "manifest-unknown"
    assert meant(shell, f"{look}/nosuch/app:1.0")[0] == "project-missing"
    project = harbor.state.project("team")
    assert project is not None
    project.metadata["enable_content_trust_cosign"] = "true"
    assert meant(shell, f"{look}/team/app:1.0")[0] == "content-trust"
    project.metadata["enable_content_trust_cosign"] = "false"
    project.hard = 1
    (shell.working / "image" / "version").touch()
    assert meant(shell, f"{to}/team/other:1.0")[0] == "quota"
    project.hard = -1
    harbor.state.configuration["read_only"] = True
    assert meant(shell, f"{to}/team/other:1.0")[0] == "read-only"
    harbor.state.configuration["read_only"] = False


def test_logins(shell: Shell, harbor: HarborDouble) -> None:
    parts.program("podman")
    for program in ("skopeo", "podman"):
        line = f"{program} login {NO_TLS} --authfile other.json -u admin --password-stdin {harbor.host}"
        assert meant(shell, line, "wrong")[0] == "wrong-password"
        time.sleep(0.3)
    stranger = f"skopeo copy --dest-tls-verify=false --dest-authfile nobody.json dir:image docker://{harbor.host}"
    (shell.working / "nobody.json").write_text("{}")
    assert meant(shell, f"{stranger}/library/app:1.0")[0] == "robot-or-user-may-not"
    eaten = f'skopeo login {NO_TLS} --authfile other.json --username "robot$team+ci" --password-stdin {harbor.host}'
    assert meant(shell, eaten, "x")[:2] == ["wrong-password", "robot-name-eaten"]


def test_cosign(shell: Shell, harbor: HarborDouble, tmp_path: Path) -> None:
    parts.program("cosign")
    shell.line("cosign generate-key-pair --output-key-prefix decoded")
    login = f"cosign login -u admin --password-stdin {harbor.host}"
    shell.line(login, harbor.admin[1])
    verify = "verify --key decoded.pub --insecure-ignore-tlog=true --allow-http-registry"
    for version in ("cosign", parts.program("cosign-2.5")):
        assert "no-signatures" in meant(shell, f"{version} {verify} {harbor.host}/team/app:1.0")
    with secured(tmp_path / "tls") as other:  # its token service is elsewhere, by plain http
        (shell.working / "other-ca.crt").write_text(other.ca_pem)
        host = other.url.removeprefix("https://")
        line = "cosign verify --key decoded.pub --insecure-ignore-tlog=true --registry-cacert other-ca.crt"
        assert meant(shell, f"{line} {host}/team/app:1.0")[0] == "realm-scheme"


@pytest.mark.docker
def test_docker(shell: Shell, harbor: HarborDouble) -> None:
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        parts.missing("no Docker engine answers; bin/test starts one")
    ours = f"{harbor.host}/library/app:1.0"
    config = Path(shell.environment()["DOCKER_CONFIG"]) / "config.json"
    config.parent.mkdir(exist_ok=True)
    try:
        shell.line(f"docker import layer.tar {ours}")
        config.write_text("{}")
        login = f"docker login --username admin --password-stdin {harbor.host}"
        assert meant(shell, login, "wrong")[0] == "wrong-password"
        assert meant(shell, f"docker push {ours}")[0] == "robot-or-user-may-not"
        assert meant(shell, f"docker pull {harbor.host}/nosuch/app:1.0")[0] == "project-missing"
        assert meant(shell, f"docker pull {harbor.host}/library/app:9")[0] == "manifest-unknown"
        assert meant(shell, f"docker pull 127.0.0.1:{parts.free_port()}/a/b:1")[0] == "connection-refused"
        time.sleep(0.3)
        config.write_text('{"credsStore": "nosuch"}')
        assert meant(shell, login, harbor.admin[1])[0] == "helper-missing"
        harbor.faults.order("502", where="GET /v2/", times=-1)
        assert meant(shell, f"docker pull {harbor.host}/library/app:1.0")[0] == "502"
    finally:
        harbor.faults.clear()
        config.write_text("{}")
        shell.try_line(f"docker rmi {ours}")


def test_a_name_alone_is_asked_for(shell: Shell, tmp_path: Path) -> None:
    with asking_by_name(tmp_path, tls=False) as server:
        host = server.url.removeprefix("http://")
        look = f"skopeo inspect {NO_TLS} --authfile nobody.json docker://{host}/team/app:1.0"
        (shell.working / "nobody.json").write_text("{}")
        assert meant(shell, look)[0] == "authentication-required"
        login = f"skopeo login {NO_TLS} --authfile other.json -u '{ROBOT}' --password-stdin {host}"
        assert meant(shell, login, "wrong")[0] == "wrong-password"
