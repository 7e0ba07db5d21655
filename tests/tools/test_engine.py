"""The engine seen through its API, on the real one."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harborweb.tools import engine
from tests import parts, practice
from tests.deployment.conftest import practice_built

pytestmark = pytest.mark.docker
NAME = "harborweb-test-engine"


@pytest.fixture(scope="module")
def practice_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with practice_built(tmp_path_factory.mktemp("practice")):
        yield practice.image_name()


@pytest.fixture
def image(practice_image: str) -> Iterator[str]:
    yield practice_image
    subprocess.run(["docker", "rm", "-f", NAME], capture_output=True)


def run(image: str, *command: str, options: tuple[str, ...] = ()) -> None:
    labels = {engine.PROJECT: "harborweb-test", engine.SERVICE: "one", engine.WORKING_DIR: "/srv/x"}
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    subprocess.run(
        ["docker", "run", "-d", "--name", NAME, *words, *options, image, *command], check=True, capture_output=True
    )


def seen() -> engine.Container:
    with engine.connect() as client:
        (only,) = engine.containers(client, "harborweb-test")
        return only


def test_facts_and_a_container_that_has_ended(image: str) -> None:
    with engine.connect() as client:
        assert engine.facts(client).version.split(".")[0].isdigit()
        assert engine.containers(client, "harborweb-test") == []
        assert not engine.holds_us(client)
    run(image, "/practice", "nonsense")
    subprocess.run(["docker", "wait", NAME], check=True, capture_output=True)
    found = seen()
    assert (found.state, found.exit_code, found.health, found.well) == ("exited", 2, "", False)
    assert (found.service, found.working_dir, found.image) == ("one", "/srv/x", image)
    assert found.since


def test_a_running_container_with_a_port_and_a_log(image: str, tmp_path: Path) -> None:
    port = parts.free_port()
    (tmp_path / "front.conf").write_text("upstream http://127.0.0.1:1\nhostname x\n")
    run(
        image, "/practice", "front",
        options=("-p", f"127.0.0.1:{port}:8080", "-v", f"{tmp_path}:/etc/front"),
    )  # fmt: skip
    found = seen()
    assert (found.state, found.exit_code, found.well) == ("running", None, True)
    assert found.ports == (f"127.0.0.1:{port} → 8080/tcp",)
    assert found.host_ports == (port,)
    with engine.connect() as client:
        assert engine.published(client)[port] == NAME


def test_the_last_lines_of_a_log(image: str) -> None:
    run(image, "/practice", "health", "http://127.0.0.1:1/")
    subprocess.run(["docker", "wait", NAME], check=True, capture_output=True)
    with engine.connect() as client:
        (line,) = engine.last_lines(client, seen().id, 5)
    assert line.startswith("[FATAL]")
    assert seen().exit_code == 1


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(engine.EngineError) as caught, engine.connect():
        pass
    assert caught.value.kind == "missing"


def test_a_silent_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{parts.free_port()}")
    with pytest.raises(engine.EngineError) as caught, engine.connect() as client:
        engine.facts(client)
    assert caught.value.kind == "silent"
