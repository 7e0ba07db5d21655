"""The name seen from this host, from a real container, and by a resolver outside."""

import io
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harborweb.access.board import here, inside, judging
from harborweb.access.board.names import Server
from harborweb.access.board.views_of import Cell
from harborweb.access.doctor.seen import Target
from harborweb.deployment.host import addresses
from tests import parts
from tests.access.board.conftest import NAME
from tests.access.doctor.seals import Seals
from tests.access.proxies import front_for, running
from tests.harbor_double import HarborDouble, harbor_double

IMAGE, BARE, PROJECT = "harborweb-board-test:1", "harborweb-board-test:bare", "harborweb-board-test"
Make = Callable[..., Server]


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HarborDouble]:
    with harbor_double(tmp_path_factory.mktemp("harbor")) as double:
        yield double


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """What this machine's own resolver says: a name of the tests is known to nobody here."""

    def say(address: str) -> None:
        monkeypatch.setattr(addresses, "resolve", lambda name, seconds=2.0: [addresses.literal(address)])

    return say


def words(column: Any) -> dict[str, tuple[str, str]]:
    return {row: (cell.verdict, cell.words) for row, cell in column.cells.items()}


def test_an_address_is_asked_of_no_name_server(harbor: HarborDouble, name_server: Make) -> None:
    server, target = name_server(f"{NAME}/127.0.0.1"), Target(harbor.url)
    column = here.look(target, "", [server])
    assert words(column)["asked"] == ("skipped", "nobody: this is an address")
    assert column.cells["address"] == Cell("fine", "127.0.0.1")
    [found] = judging.judge([column], ["127.0.0.1"], "")
    assert (found.id, found.verdict, found.rewrite, "/etc/hosts" in found.text) == ("loopback", "look", False, False)
    outside = here.public(server, target)
    assert (outside.cells, "is an address, not a name" in outside.reason) == ({}, True)


def test_this_host_by_https(harbor: HarborDouble, name_server: Make, resolves: Any, tmp_path: Path) -> None:
    seals = Seals(tmp_path)
    seal = seals.good()
    front = front_for(int(harbor.url.rpartition(":")[2]), seal.certificate, seal.key, name=NAME)
    harbor.state.external_url = front.url
    server = name_server(f"{NAME}/127.0.0.1")
    resolves("127.0.0.1")
    with running("nginx", front, tmp_path / "nginx"):
        seen = words(here.look(Target(front.url), seals.ca_pem, [server]))
    assert seen["asked"] == ("fine", str(server))
    assert seen["address"] == ("fine", "127.0.0.1")
    assert seen["port"][0] == "fine" and seen["port"][1].startswith("open")
    assert seen["certificate"] == ("fine", "good, by Lab Intermediate CA")
    assert seen["registry"] == ("fine", "401, as it should be")
    assert seen["token"] == ("fine", front.url)


def test_this_host_where_the_realm_is_another(harbor: HarborDouble, resolves: Any) -> None:
    harbor.state.external_url = "https://elsewhere.test"
    resolves("127.0.0.1")
    port = harbor.url.rpartition(":")[2]
    seen = words(here.look(Target(f"http://{NAME}:{port}"), "", []))
    assert seen["certificate"][0] == "skipped"
    assert seen["token"] == ("wrong", f"https://{NAME}:{port}")


def test_name_servers_that_differ_are_said(name_server: Make, resolves: Any) -> None:
    resolves("127.0.0.1")
    both = [name_server(f"{NAME}/127.0.0.1"), name_server(f"{NAME}/203.0.113.40")]
    column = here.look(Target(f"http://{NAME}:{parts.free_port()}"), "", both)
    assert column.cells["address"].verdict == "look"
    assert "127.0.0.1 / 203.0.113.40" in column.cells["address"].note
    assert column.cells["port"].verdict == "wrong" and column.open is False
    assert "registry" not in column.cells


def test_this_host_where_nobody_knows_the_name(name_server: Make) -> None:
    server = name_server("else.test/127.0.0.1")
    column = here.look(Target(f"https://{NAME}"), "", [server])
    assert column.cells["address"].verdict == "wrong"
    assert f"{server}: NXDOMAIN" in column.cells["address"].note


def test_a_resolver_outside(name_server: Make) -> None:
    server = name_server(f"{NAME}/203.0.113.40")
    seen = here.public(server, Target(f"https://{NAME}"))
    assert words(seen) == {"asked": ("fine", str(server)), "address": ("fine", "203.0.113.40")}
    unknown = here.public(server, Target("https://other.test"))
    assert words(unknown)["address"] == ("unsure", "NXDOMAIN")


# -- a container


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    with imported(IMAGE, "cat", "curl", "getent", "sleep"):
        yield IMAGE


@pytest.fixture(scope="module")
def bare_image() -> Iterator[str]:
    with imported(BARE, "curl", "sleep"):
        yield BARE


@contextmanager
def imported(name: str, *names: str) -> Iterator[None]:
    """An image of this machine's own programs, imported: nothing is pulled."""
    parts.needs_docker()
    programs = [Path(parts.program(one)).resolve() for one in names]
    libraries = {
        Path(name)
        for program in programs
        for name in re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], capture_output=True, text=True).stdout)
    }
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for file in libraries:
            tar.add(file.resolve(), str(file).lstrip("/"))
        for program in programs:
            tar.add(program, f"bin/{program.name}")
    subprocess.run(["docker", "import", "--change", "ENV PATH=/bin", "-", name], input=data.getvalue(), check=True,
                   capture_output=True)  # fmt: skip
    yield
    subprocess.run(["docker", "image", "rm", "-f", name], capture_output=True)


@contextmanager
def container(image: str, *options: str) -> Iterator[None]:
    """A container that compose seems to have started as Harbor's core."""
    name = "harborweb-board-test-core"
    labels = ["--label", f"com.docker.compose.project={PROJECT}", "--label", "com.docker.compose.service=core"]
    command = ["docker", "run", "--detach", "--network", "host", "--name", name, *labels, *options, image]
    subprocess.run(["docker", "rm", "-f", name], capture_output=True)
    subprocess.run([*command, "/bin/sleep", "120"], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True)


@pytest.mark.docker
def test_a_container_that_reaches_harbor(image: str, harbor: HarborDouble) -> None:
    """In the host's network, so that it reaches loopback; which is what the address's own verdict says."""
    url = f"http://{NAME}:{harbor.url.rpartition(':')[2]}"
    harbor.state.external_url = url
    with container(image, "--add-host", f"{NAME}:127.0.0.1"):
        column = inside.look(Target(url), PROJECT)
    seen = words(column)
    assert column.title == "Container harborweb-board-test-core"
    assert column.addresses == ["127.0.0.1"]
    assert column.cells["address"].note == "the container itself"
    assert seen["asked"][1]
    assert seen["port"][0] == "fine" and seen["port"][1].startswith("open, ")
    assert seen["certificate"] == ("skipped", "none: http")
    assert seen["registry"] == ("fine", "401, as it should be")
    assert seen["token"] == ("fine", url)


@pytest.mark.docker
def test_a_container_behind_a_proxy_that_loses_the_scheme_of_external_url(image: str, harbor: HarborDouble) -> None:
    url = f"http://{NAME}:{harbor.url.rpartition(':')[2]}"
    harbor.state.external_url = url.replace("http:", "https:")
    with container(image, "--add-host", f"{NAME}:127.0.0.1"):
        seen = words(inside.look(Target(url), PROJECT))
    assert seen["token"] == ("wrong", harbor.state.external_url)


@pytest.mark.docker
def test_a_container_sees_a_certificate_it_does_not_trust(image: str, harbor: HarborDouble, tmp_path: Path) -> None:
    seal = Seals(tmp_path).good()
    front = front_for(int(harbor.url.rpartition(":")[2]), seal.certificate, seal.key, name=NAME)
    harbor.state.external_url = front.url
    options = ("--add-host", f"{NAME}:127.0.0.1")
    with running("nginx", front, tmp_path / "nginx"), container(image, *options):
        seen = words(inside.look(Target(front.url), PROJECT))
    assert seen["certificate"] == ("look", "not by the authorities in this container")
    assert seen["token"] == ("fine", front.url)


@pytest.mark.docker
def test_a_container_in_which_nothing_answers(image: str) -> None:
    with container(image, "--add-host", f"{NAME}:127.0.0.1"):
        seen = words(inside.look(Target(f"https://{NAME}:{parts.free_port()}"), PROJECT))
    assert seen["port"] == ("wrong", "refused")
    assert "registry" not in seen


@pytest.mark.docker
def test_a_container_that_does_not_know_the_name(image: str) -> None:
    with container(image, "--dns", "127.0.0.1"):
        seen = words(inside.look(Target(f"https://{NAME}"), PROJECT))
    assert seen["address"] == ("wrong", "no address")
    assert "port" not in seen


@pytest.mark.docker
def test_a_container_without_getent(bare_image: str, harbor: HarborDouble) -> None:
    url = f"http://{NAME}:{harbor.url.rpartition(':')[2]}"
    with container(bare_image, "--add-host", f"{NAME}:127.0.0.1"):
        column = inside.look(Target(url), PROJECT)
    assert column.addresses == ["127.0.0.1"]
    assert words(column)["asked"] == ("fine", "not seen")
    assert words(column)["registry"] == ("fine", "401, as it should be")


@pytest.mark.docker
def test_no_container_that_could_be_asked(image: str) -> None:
    column = inside.look(Target(f"https://{NAME}"), PROJECT)
    assert column.cells == {} and "No container of Harbor runs here" in column.reason


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'none.sock'}")
    column = inside.look(Target(f"https://{NAME}"), PROJECT)
    assert column.cells == {} and "The engine was not reached" in column.reason
