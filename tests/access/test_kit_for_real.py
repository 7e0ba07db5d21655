"""The kit's own lines and files, run by the real tools against a registry with tokens and a CA of its own."""

import subprocess
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
    Server,
    Shell,
    asking_by_name,
    image_folder,
    installed,
    layer,
    needs_root,
    secured,
)

BRIDGE = "172.17.0.1"  # docker trusts every name of loopback unasked; its own bridge is this machine too


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
    with secured(tmp_path / "server", BRIDGE) as server:
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
