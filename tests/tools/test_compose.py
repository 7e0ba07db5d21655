"""docker compose: project names as compose itself derives them, and what its errors mean, on the real program."""

import json
import subprocess
from pathlib import Path

import pytest

from harborweb.tools import compose, process
from tests import parts

SERVICE = "services:\n  one:\n    image: nowhere.invalid/none:1\n"


@pytest.fixture
def program() -> compose.Compose:
    parts.needs_docker()
    found = compose.find()
    assert found is not None
    return found


@pytest.mark.docker
@pytest.mark.parametrize(
    ("folder", "env", "name"),
    [("harbor", "", ""), ("Harbor 2.15", "", ""), ("_-x.y_Z", "", ""), ("harbor", "COMPOSE_PROJECT_NAME=other\n", ""),
     ("harbor", "A=1\nCOMPOSE_PROJECT_NAME='quoted'\n", "ignored"), ("harbor", "", "named")],
)  # fmt: skip
def test_the_project_name_is_what_compose_derives(
    program: compose.Compose, tmp_path: Path, folder: str, env: str, name: str
) -> None:
    place = tmp_path / folder
    place.mkdir()
    (place / compose.FILE).write_text((f"name: {name}\n" if name else "") + SERVICE)
    if env:
        (place / ".env").write_text(env)
    answer = subprocess.run(
        [*program.command, "config", "--format", "json"], cwd=place, capture_output=True, check=True
    )
    assert compose.project_name(place) == json.loads(answer.stdout)["name"]


def test_versions_are_numbers() -> None:
    assert compose.version_numbers("2.26.1-4") == (2, 26, 1)
    assert compose.version_numbers("v2.3") == (2, 3, 0)
    assert compose.version_numbers("20.10.24+dfsg1") > compose.LEAST_ENGINE
    assert compose.version_numbers("20.10.9") < compose.LEAST_ENGINE
    assert compose.version_numbers("none") == ()


@pytest.mark.docker
def test_a_file_that_compose_refuses(program: compose.Compose, tmp_path: Path) -> None:
    (tmp_path / compose.FILE).write_text(SERVICE + "    ports: ['99999:80']\n")
    answer = process.run(program.config(), cwd=tmp_path)
    failure = compose.explain(answer)
    assert (failure.kind, "99999" in failure.detail) == ("invalid", True)


@pytest.mark.docker
def test_an_image_that_cannot_be_fetched(program: compose.Compose, tmp_path: Path) -> None:
    (tmp_path / compose.FILE).write_text(SERVICE.replace("nowhere.invalid", "127.0.0.1:1"))
    answer = process.run(program.up(), cwd=tmp_path, timeout=60)
    process.run(program.down(), cwd=tmp_path, timeout=60)
    assert answer.exit_code != 0
    assert compose.explain(answer).kind == "image"


def told(stderr: str, exit_code: int = 1) -> compose.Failure:
    completed = process.Completed(
        command=("docker", "compose", "up", "-d"), exit_code=exit_code, stdout="", stderr=stderr, seconds=1.0
    )
    return compose.explain(completed)


def test_what_engines_say_of_a_taken_port() -> None:
    """As seen from engine 20.10 (userland proxy), from one that publishes it already, and from engine 28."""
    for text in (
        "Error response from daemon: driver failed programming external connectivity on endpoint nginx (d3f94bf7): "
        "Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use",
        "Error response from daemon: driver failed programming external connectivity on endpoint nginx (d3f94bf7): "
        "Bind for 0.0.0.0:8080 failed: port is already allocated",
        "Error response from daemon: failed to set up container networking: driver failed programming external "
        "connectivity on endpoint nginx (d3f94bf7): failed to bind host port for 0.0.0.0:8080:172.18.0.2:8080/tcp: "
        "address already in use",
        "Error starting userland proxy: listen tcp6 [::]:8080: bind: address already in use",
    ):
        assert (told(text).kind, told(text).subject) == ("port_taken", "8080"), text


def test_what_else_compose_says() -> None:
    conflict = (
        'Error response from daemon: Conflict. The container name "/nginx" is already in use by container "2e9b".'
    )
    assert (told(conflict).kind, told(conflict).subject) == ("name_taken", "nginx")
    unreadable = "open /opt/harbor/common/config/core/env: permission denied"
    assert (told(unreadable, 14).kind, told(unreadable, 14).detail) == ("permission", unreadable)
    assert told("something else\n").detail == "something else"
