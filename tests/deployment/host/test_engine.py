"""The engine of the machine: is it there, which containers and ports are in the way, what names mean inside it."""

import io
import os
import re
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harborweb.deployment.host import containers, programs, resolving
from tests import parts
from tests.deployment.host.look import faults, findings, the_one

IMAGE = "debian:harborweb-host-check"  # a name that resolving takes for one with getent; it has nothing else
PROJECT, FOLDER = "com.docker.compose.project", "com.docker.compose.project.working_dir"


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """An image of this machine's own getent and sleep, imported: nothing is pulled."""
    parts.needs_docker()
    programs_ = [Path(parts.program(name)).resolve() for name in ("getent", "sleep")]
    libraries = {
        Path(name)
        for program in programs_
        for name in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True).stdout)
    }
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for file in libraries:
            tar.add(file.resolve(), str(file).lstrip("/"))
        for program in programs_:
            tar.add(program, f"bin/{program.name}")
        entry = tarfile.TarInfo("etc/nsswitch.conf")
        entry.size = len(b"hosts: files dns\n")
        tar.addfile(entry, io.BytesIO(b"hosts: files dns\n"))
    subprocess.run(["docker", "import", "--change", "ENV PATH=/bin", "-", IMAGE], input=data.getvalue(), check=True,
                   capture_output=True)  # fmt: skip
    yield IMAGE
    subprocess.run(["docker", "image", "rm", "-f", IMAGE], capture_output=True)


@contextmanager
def container(
    name: str, image: str, *options: str, start: bool = False, project: str = "", folder: str = ""
) -> Iterator[None]:
    labels = ["--label", f"{PROJECT}={project}", "--label", f"{FOLDER}={folder}"] if project else []
    subprocess.run(["docker", "create", "--name", name, *labels, *options, image, "/bin/sleep", "60"], check=True,
                   capture_output=True)  # fmt: skip
    try:
        if start:
            subprocess.run(["docker", "start", name], check=True, capture_output=True)
        yield
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True)


def text(http: int = 0, more: str = "") -> str:
    return f"hostname: a\nhttp:\n  port: {http or parts.free_port()}\n{more}"


# --- names and projects


@pytest.mark.docker
def test_a_name_that_is_taken(image: str, tmp_path: Path) -> None:
    assert faults(containers.names, text(), tmp_path) == []
    with container("harbor-portal", image):
        found = the_one(containers.names, text(), tmp_path)
        assert (found.state, "harbor-portal" in found.message, "docker rename" in found.advice) == ("error", True, True)
    with container("harbor-portal", image, project="harbor", folder=str(tmp_path)):
        assert faults(containers.names, text(), tmp_path) == []
    with container("harbor-exporter", image):
        assert faults(containers.names, text(), tmp_path) == []
        assert faults(containers.names, text(more="metric:\n  enabled: true\n  port: 9\n  path: /m\n"), tmp_path) != []


@pytest.mark.docker
def test_the_names_of_the_installers_own_compose_file(image: str, tmp_path: Path) -> None:
    compose = tmp_path / "docker-compose.yml"
    compose.write_text("services:\n  front:\n    container_name: host-check-front\n")
    with container("host-check-front", image), container("harbor-portal", image):
        assert "host-check-front" in the_one(containers.names, text(), tmp_path).message


@pytest.mark.docker
def test_another_harbor(image: str, tmp_path: Path) -> None:
    other = {"project": "harbor", "folder": "/opt/other/harbor"}
    mine = tmp_path / "harbor"
    mine.mkdir()
    with (
        container("harbor-portal", image, **other), container("harbor-jobservice", image, **other),
        container("registryctl", image, **other),
    ):  # fmt: skip
        found = findings(containers.names, text(), mine)
        assert [one.state for one in found if one.state in {"error", "warning"}] == ["error", "warning"]
        assert "Another Harbor runs from /opt/other/harbor" in found[0].message
        assert "project harbor already runs" in found[1].message
        with container("harbor-core", image, **other):
            assert faults(containers.names, text(), None) == []  # without a folder it is taken for this same Harbor


# --- ports


@pytest.mark.docker
def test_ports(image: str, tmp_path: Path) -> None:
    port = parts.free_port()
    assert faults(containers.ports, text(port), tmp_path) == []
    with container("host-check-port", image, "-p", f"{port}:80", start=True):
        found = the_one(containers.ports, text(port), tmp_path)
        assert (found.state, found.key, found.line) == ("error", "http.port", 3)
        assert "container host-check-port publishes it" in found.message
        metric = f"metric:\n  enabled: true\n  port: {port}\n  path: /m\n"
        assert faults(containers.ports, text(more=metric), tmp_path) == [("error", "metric.port")]
    with container("host-check-port", image, "-p", f"{port}:80", start=True, project="x", folder=str(tmp_path)):
        assert faults(containers.ports, text(port), tmp_path) == []


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "::", "::1"])
def test_a_program_on_a_port(address: str, tmp_path: Path) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    gap = socket.socket()
    with socket.socket(family) as listener:
        gap.close()  # a descriptor before the listener's is free: whoever lists them takes it and gives it back
        try:
            listener.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine has no {address}")
        listener.listen()
        port = listener.getsockname()[1]
        found = the_one(containers.ports, text(port), tmp_path)
    assert found.state == "error"
    assert f"(process {os.getpid()}) listens on it" in found.message
    assert faults(containers.ports, text(port), tmp_path) == []


def test_harbors_own_log_port(tmp_path: Path) -> None:
    assert faults(containers.ports, text(1514), tmp_path) == [("error", "http.port")]


# --- names inside a container


@pytest.mark.docker
def test_what_a_name_means_inside(image: str) -> None:
    itself = the_one(resolving.in_container, "hostname: ip6-localhost\n")
    assert re.search(r"resolves to (::1|127\.0\.0\.1) inside a container: to the container itself", itself.message)
    (fine,) = findings(resolving.in_container, "hostname: '10.1'\n")  # a name that needs no name server
    assert (fine.state, fine.message) == ("fine", "Inside a container 10.1 resolves to 10.0.0.1.")
    assert "does not resolve inside a container" in the_one(resolving.in_container, "hostname: r.invalid\n").message
    assert findings(resolving.in_container, "hostname: 10.0.0.5\n") == []
    ours = ["docker", "ps", "-aq", "--filter", "label=harborweb=host check"]
    deadline = time.monotonic() + 20
    while (left := subprocess.run(ours, capture_output=True, text=True).stdout) and time.monotonic() < deadline:
        time.sleep(0.1)  # the engine removes them by itself, a moment later
    assert left == ""


@pytest.mark.docker
def test_nothing_is_ever_pulled(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "ASKERS", ((re.compile("no such image"), ("getent",)),))
    (found,) = findings(resolving.in_container, "hostname: r.example\n")
    assert (found.state, "none is pulled" in found.message) == ("unknown", True)


def test_what_a_name_means_here() -> None:
    assert "does not resolve" in the_one(resolving.here, "hostname: r.invalid\n").message
    elsewhere = the_one(resolving.here, "hostname: 192.0.2.7\n")
    assert "no address of this machine" in elsewhere.message
    behind = "hostname: 192.0.2.7\nexternal_url: https://192.0.2.8\n"
    assert faults(resolving.here, behind) == []
    assert len(findings(resolving.here, f"hostname: {socket.gethostname()}\n")) == 1


# --- the engine itself


@pytest.mark.docker
def test_an_engine_and_compose_that_work() -> None:
    said = [one for look in (programs.docker, programs.docker_compose) for one in findings(look, "hostname: a\n")]
    assert [one for one in said if one.state == "error"] == []
    assert any(re.match(r"Docker \d+\.", one.message) for one in said)
    assert any(re.match(r"docker compose \d+\.", one.message) for one in said)


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    found = the_one(programs.docker, "hostname: a\n")
    assert (found.state, found.message) == ("error", "No Docker engine runs on the worker's host.")
    for look in (containers.names, resolving.in_container):
        assert findings(look, "hostname: r.example\n") == []  # said once
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "docker compose was not found" in the_one(programs.docker_compose, "hostname: a\n").message


def test_an_engine_that_is_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.sock"))
        listener.listen(9)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s.sock")
        found = the_one(programs.docker, "hostname: a\n")
    assert "does not answer" in found.message
    found = the_one(programs.docker, "hostname: a\n")
    assert found.message == "The Docker engine does not answer: Connection refused"


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_an_engine_that_this_user_may_not_use() -> None:
    code = (
        "import socket, sys\n"
        "sys.path[:0] = sys.argv[1:]\n"
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "import django; django.setup()\n"
        "from tests.deployment.host.look import the_one\n"
        "from harborweb.deployment.host import programs\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(the_one(programs.docker, 'hostname: a').message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(parts.ROOT)], capture_output=True, text=True, timeout=60)
    assert "permission denied on its socket" in done.stdout, done.stderr


@pytest.mark.docker
def test_few_processors_and_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "LEAST_CPUS", 1000)
    assert any("1000" not in one.message and "processors" in one.message and one.state == "warning"
               for one in findings(programs.docker, "hostname: a\n"))  # fmt: skip
