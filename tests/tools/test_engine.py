"""The engine seen through its API, on the real one."""

import subprocess
import time
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


def run(image: str, *command: str, options: tuple[str, ...] = (), how: tuple[str, ...] = ("run", "-d")) -> None:
    labels = {engine.PROJECT: "harborweb-test", engine.SERVICE: "one", engine.WORKING_DIR: "/srv/x"}
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    subprocess.run(["docker", *how, "--name", NAME, *words, *options, image, *command], check=True, capture_output=True)


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


def test_how_it_was_made_and_what_it_uses(image: str, tmp_path: Path) -> None:
    (tmp_path / "front.conf").write_text("upstream http://127.0.0.1:1\nhostname x\n")
    tmp_path.chmod(0o755)  # user 10000 reads it
    check = ("--health-cmd", "/practice health http://127.0.0.1:1/", "--health-interval", "1s", "--health-retries", "1")
    run(
        image, "/practice", "front",
        options=(
            "--cap-drop", "ALL", "--cap-add", "CHOWN", "--read-only", "--security-opt", "no-new-privileges", *check,
            "--user", "10000", "-m", "64m", "--cpus", "0.5", "--restart", "on-failure:3",
            "-v", f"{tmp_path}:/etc/front",
        ),
    )  # fmt: skip
    found = seen()
    assert (found.cap_drop, found.cap_add, found.read_only, found.privileged) == (("ALL",), ("CHOWN",), True, False)
    assert (found.no_new_privileges, found.user, found.restart_policy) == (True, "10000", "on-failure:3")
    assert (found.memory_limit, found.cpu_limit, found.detached) == (64 * 2**20, 0.5, True)
    with engine.connect() as client:
        first = engine.use(client, found.id)
        assert first is not None and 0 < first.memory <= 64 * 2**20
        time.sleep(0.2)
        second = engine.use(client, found.id)
        assert second is not None and second.load(None) is None
        load = second.load(first)
        assert load is not None and 0 <= load < 1
    deadline = time.monotonic() + 30
    while seen().health != "unhealthy":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    # docker runs such a check in a shell, which this image has not: the engine's own words are what it said last
    assert "/bin/sh" in seen().health_output and seen().health_exit not in {0, None}


def test_a_container_that_wanted_more_memory_than_it_may_have(image: str, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("version: 0.1\nstorage: {inmemory: {}}\nhttp: {addr: ':5000'}\n")
    options = ("-m", "6m", "--memory-swap", "6m", "-v", f"{tmp_path}:/etc/r")
    run(image, "/registry", "serve", "/etc/r/config.yml", options=options, how=("create",))
    # Pages of its program count as the container's memory unless they are in the cache already: then the kernel takes
    # and gives them back for ever, and the program never comes to want more.
    subprocess.run(["docker", "cp", f"{NAME}:/registry", "-"], check=True, stdout=subprocess.DEVNULL)
    for _attempt in range(3):  # the engine hears of the end and of why in any order, and may miss the second
        subprocess.run(["docker", "start", NAME], check=True, capture_output=True)
        subprocess.run(["docker", "wait", NAME], check=True, capture_output=True, timeout=60)
        found = seen()
        assert (found.state, found.exit_code) == ("exited", 137)
        if found.oom_killed:
            break
    assert found.oom_killed
    with engine.connect() as client:
        assert engine.use(client, found.id) is None


def test_lines_with_their_times(image: str) -> None:
    run(image, "/practice", "health", "http://127.0.0.1:1/")
    subprocess.run(["docker", "wait", NAME], check=True, capture_output=True)
    with engine.connect() as client:
        (line,) = engine.lines_since(client, seen().id, 0, 100)
        stamp, _space, text = line.partition(" ")
        assert stamp.endswith("Z") and text.startswith("[FATAL]")
        assert engine.lines_since(client, seen().id, int(time.time()) + 60, 100) == []
        assert engine.lines_since(client, "never-there", 0, 100) == []


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
