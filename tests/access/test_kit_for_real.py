"""The kit's own lines and files, run by the real tools against a registry with tokens and a CA of its own."""

import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harborweb.access.kit.guide import Part
from harborweb.access.kit.services import guide
from harborweb.access.kit.target import Cache, Target
from tests import parts
from tests.access.clients import (
    ROBOT,
    SECRET,
    Server,
    Shell,
    asking_by_name,
    image_folder,
    installed,
    layer,
    needs_root,
    own_address,
    secured,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with secured(tmp_path_factory.mktemp("secured")) as one:
        yield one


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with secured(tmp_path_factory.mktemp("plain"), tls=False) as one:
        yield one


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def target(server: Server, repository: str, cache: Cache | None = None) -> Target:
    return Target(server.url, "team", ROBOT, server.ca_pem, repository, "1.0", cache)


@pytest.mark.parametrize("scheme", ["server", "plain"])
def test_skopeo(scheme: str, request: pytest.FixtureRequest, shell: Shell, tmp_path: Path) -> None:
    parts.program("skopeo")
    needs_root()
    known = guide("skopeo", target(request.getfixturevalue(scheme), "by-skopeo", Cache("hub")))
    digest = image_folder(tmp_path / "image")
    refused = shell.try_line(known.only(Part.PUSH).steps[0].commands[0])
    assert refused.returncode != 0  # without the files it is not trusted
    assert ("x509" if scheme == "server" else "HTTP response to HTTPS client") in refused.stderr
    with installed(known.files, tmp_path):
        shell.part(known, Part.LOGIN, Part.PUSH)
        (tmp_path / "image").rename(tmp_path / "pushed")
        said = shell.part(known, Part.PULL)
        assert f'"Digest": "{digest}"' in said[0]
        host = target(request.getfixturevalue(scheme), "x").host
        shell.line(f"skopeo copy dir:pushed docker://{host}/hub/library/alpine:3.20")
        shell.part(known, Part.MIRROR)  # docker.io/library/alpine: only the mirror has it here
        cached = (tmp_path / "cached" / "manifest.json").read_bytes()
        assert cached == (tmp_path / "pushed" / "manifest.json").read_bytes()
    assert oct((tmp_path / "harbor-password.txt").stat().st_mode & 0o777) == "0o600"


def test_podman(server: Server, shell: Shell, tmp_path: Path) -> None:
    parts.program("podman")
    needs_root()
    known = guide("podman", target(server, "by-podman", Cache("hub")))
    (tmp_path / "layer.tar").write_bytes(layer())
    shell.line("podman import layer.tar by-podman:1.0")
    with installed(known.files, tmp_path):
        shell.part(known, Part.LOGIN, Part.PUSH)
        shell.line("podman rmi --all --force")
        assert shell.part(known, Part.PULL)[0].strip()
        host = target(server, "x").host
        shell.line(f"podman push {host}/team/by-podman:1.0 {host}/hub/library/alpine:3.20")
        shell.line("podman rmi --all --force")
        assert shell.part(known, Part.MIRROR)[0].strip()
        assert "docker.io/library/alpine:3.20" in shell.line("podman images --format '{{.Repository}}:{{.Tag}}'")


@pytest.mark.docker
def test_docker(shell: Shell, tmp_path: Path) -> None:
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        parts.missing("no Docker engine answers; bin/test starts one")
    needs_root()
    (tmp_path / "layer.tar").write_bytes(layer())
    with secured(tmp_path / "server", own_address()) as server:
        known = guide("docker", target(server, "by-docker", Cache("hub")))
        names = ["by-docker:1.0", f"{target(server, 'by-docker').image}"]
        try:
            shell.line("docker import layer.tar by-docker:1.0")
            shell.line("cat > harbor-password.txt", "wrong")
            refused = shell.try_line(known.only(Part.LOGIN).steps[0].commands[1])
            assert "certificate signed by unknown authority" in refused.stderr
            with installed(known.files, tmp_path):
                shell.part(known, Part.LOGIN, Part.PUSH)
                shell.line(f"docker rmi {' '.join(names)}")
                assert "Downloaded newer image" in shell.part(known, Part.PULL)[0]
        finally:
            shell.try_line(f"docker rmi {' '.join(names)}")


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
def test_cosign(tls: bool, shell: Shell, tmp_path: Path) -> None:
    parts.program("cosign")
    parts.program("skopeo")
    digest = image_folder(tmp_path / "image")
    with asking_by_name(tmp_path / "server", tls) as server:
        named = target(server, "by-cosign")
        known = guide("cosign", replace(named, tag=digest))
        with installed(known.files, tmp_path):
            shell.part(known, Part.LOGIN)
            shell.line(
                "skopeo copy --dest-tls-verify=false --dest-authfile home/docker/config.json "
                f"dir:image docker://{named.image}"
            )
            shell.line("cosign generate-key-pair")
            unsigned = shell.try_line(known.only(Part.PULL).steps[0].commands[0])
            assert "no signatures found" in unsigned.stderr
            shell.part(known, Part.PUSH)
            assert digest in shell.part(known, Part.PULL)[0]


def test_containerd_reads_the_switch(shell: Shell, tmp_path: Path) -> None:
    parts.program("containerd")
    known = guide("containerd", Target("https://harbor.lab.example"))
    file = next(file for file in known.files if file.path.endswith("config.toml"))
    (tmp_path / "config.toml").write_text(file.content)
    said = tomllib.loads(shell.line("containerd --config config.toml config dump"))
    assert said["plugins"]["io.containerd.grpc.v1.cri"]["registry"]["config_path"] == "/etc/containerd/certs.d"


@pytest.mark.docker
def test_containerd_and_its_mirror(server: Server, shell: Shell, tmp_path: Path) -> None:
    parts.program("ctr")
    parts.program("skopeo")
    needs_root()
    socket = Path("/var/run/docker/containerd/containerd.sock")
    if not socket.exists():
        parts.missing("the Docker engine's own containerd is not there")
    image_folder(tmp_path / "image")
    known = guide("containerd", target(server, "by-ctr", Cache("hub")))
    host, namespace = target(server, "x").host, f"kit-{tmp_path.name}"
    at = f"env CONTAINERD_ADDRESS={socket} CONTAINERD_NAMESPACE={namespace}"
    [mirror] = known.only(Part.MIRROR).steps
    with installed([file for file in known.files if "certs.d" in file.path], tmp_path):
        shell.line(f"skopeo login --tls-verify=false -u '{ROBOT}' --password-stdin {host}", SECRET)
        shell.line(f"skopeo copy --dest-tls-verify=false dir:image docker://{host}/hub/library/alpine:3.20")
        try:
            shell.line(f"{at} {mirror.commands[0]}")  # only the mirror has it here
            assert "docker.io/library/alpine:3.20" in shell.line(f"{at} ctr images list --quiet")
        finally:
            shell.try_line(f"{at} ctr images rm --sync docker.io/library/alpine:3.20")
            shell.try_line(f"{at} ctr namespaces rm {namespace}")


@pytest.mark.parametrize("tls", [True, False], ids=["https", "http"])
@pytest.mark.parametrize("tool", ["oras", "helm"])
def test_oras_and_helm_where_they_are(tool: str, tls: bool, shell: Shell, tmp_path: Path) -> None:
    """Neither is a package of Debian, and bin/test builds neither: this is for machines that have them."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed here; its lines are held by what they parse to")
    with asking_by_name(tmp_path / "server", tls) as server:
        known = guide(tool, target(server, "files"))
        (tmp_path / "report.txt").write_text("hello")
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "Chart.yaml").write_text("apiVersion: v2\nname: files\nversion: 0.1.0\n")
        with installed(known.files, tmp_path):
            shell.part(known, Part.LOGIN, Part.PUSH)
            assert "igest: sha256:" in "".join(shell.part(known, Part.PULL))
