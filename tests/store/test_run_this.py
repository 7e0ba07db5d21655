"""Commands made of an image's configuration: what a shell and the real compose make of them."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harborweb.registry.image import config_of
from harborweb.store.run_this import recipe
from tests import parts

REFERENCE = "registry.lab.example/team/web@sha256:" + "a" * 64
NASTY = "$(touch /tmp/x) `id` 'q\" ${HOME} # \\ é\n- x: y"


def made(**inner: object) -> object:
    return recipe(REFERENCE, "web", config_of({"os": "linux", "config": inner}))


def arguments(command: str) -> list[str]:
    return shlex.split(command.replace("\\\n", ""))


def composed(text: str, folder: Path) -> dict[str, object]:
    """What `docker compose config` reads in `text`."""
    if shutil.which("docker") is None:
        parts.missing("docker compose is not installed")
    file = folder / "compose.yml"
    file.write_text(text)
    done = subprocess.run(
        ["docker", "compose", "-f", str(file), "config", "--format", "json"],
        capture_output=True, text=True, timeout=60, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_ports_volumes_and_variables_to_look_at() -> None:
    found = made(
        ExposedPorts={"80/tcp": {}, "8080/tcp": {}, "53/udp": {}, "9000-9001": {}}, Volumes={"/var/lib/data": {}},
        Env=["PATH=/bin", "DB_PASSWORD=changeme", "SMTP_HOST=", "LANG=C", "URL=https://example.com"], User="app",
        WorkingDir="/srv", Entrypoint=["/app", "a b"], Cmd=["serve"],
        Healthcheck={"Test": ["CMD-SHELL", "curl -f localhost"], "Interval": 5_000_000_000},
    )  # fmt: skip
    assert arguments(found.command) == [
        "docker", "run", "-d", "--name", "web", "--restart", "unless-stopped", "-p", "8080:80", "-p", "8081:8080",
        "-p", "8053:53/udp", "-p", "9000-9001:9000-9001", "-v", "web-data:/var/lib/data", "-e",
        "DB_PASSWORD=changeme", "-e", "SMTP_HOST=", "-e", "URL=https://example.com", REFERENCE,
    ]  # fmt: skip
    assert [one.name for one in found.variables] == ["DB_PASSWORD", "SMTP_HOST", "URL"]
    assert [(one.name, one.value) for one in found.facts] == [
        ("User", "app"), ("Folder", "/srv"), ("Entrypoint", "/app 'a b'"), ("Command", "serve"),
        ("Health", "curl -f localhost (every 5 s)"),
    ]  # fmt: skip


def test_the_real_compose_accepts_it_and_reads_the_same(tmp_path: Path) -> None:
    found = made(
        ExposedPorts={"80/tcp": {}, "53/udp": {}}, Volumes={"/data": {}, "/other/data": {}},
        Env=[f"APP_SECRET={NASTY}", "TOKEN=on", "EMPTY="],
    )  # fmt: skip
    service = composed(found.compose, tmp_path)["services"]["web"]  # type: ignore[index]
    assert service["image"] == REFERENCE
    assert [(one["published"], one["target"], one["protocol"]) for one in service["ports"]] == [
        ("8080", 80, "tcp"), ("8053", 53, "udp"),
    ]  # fmt: skip
    assert [(one["source"], one["target"]) for one in service["volumes"]] == [
        ("web-data", "/data"), ("web-data-2", "/other/data"),
    ]  # fmt: skip
    # `config` writes a dollar as two, so that its answer is a compose file again.
    assert {k: v.replace("$$", "$") for k, v in service["environment"].items()} == {
        "APP_SECRET": NASTY, "TOKEN": "on", "EMPTY": "",
    }  # fmt: skip


def test_what_docker_cannot_take_is_left_out_and_named(tmp_path: Path) -> None:
    found = made(
        ExposedPorts={"http": {}, "0": {}, "99999/tcp": {}, "80/icmp": {}},
        Volumes={"relative": {}, "/a:b": {}, "/": {}},
        Env=["=x", "A B=c", "TOKEN=\x00", 3],
    )  # fmt: skip
    assert found.left_out == [
        "port http", "port 0", "port 99999/tcp", "port 80/icmp", "volume relative", "volume /a:b", "volume /",
        "variable TOKEN",
    ]  # fmt: skip
    assert arguments(found.command) == ["docker", "run", "--rm", "-it", REFERENCE]
    composed(found.compose, tmp_path)


@pytest.mark.parametrize("name", ["a", "", "_x", "9", "a/b c"])
def test_every_name_becomes_one_that_docker_takes(name: str, tmp_path: Path) -> None:
    found = recipe(REFERENCE, name, config_of({"config": {"ExposedPorts": {"80": {}}, "Volumes": {"/d": {}}}}))
    container = arguments(found.command)[4]
    assert len(container) > 1 and container[0].isalnum()
    assert container in composed(found.compose, tmp_path)["services"]  # type: ignore[operator]


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
@settings(max_examples=200, deadline=None)
def test_whatever_an_image_says_the_shell_sees_one_command(
    ports: list[str], volumes: list[str], env: list[str]
) -> None:
    content = {
        "config": {"ExposedPorts": dict.fromkeys(ports), "Volumes": dict.fromkeys(volumes), "Env": env, "User": "\n"}
    }
    found = recipe(REFERENCE, "web", config_of(content))
    words = arguments(found.command)
    assert words[:2] == ["docker", "run"] and words[-1] == REFERENCE
    begin = 3 if words[2] == "-d" else 4  # what is left are pairs of an option and its value
    pairs = words[begin:-1]
    assert set(pairs[::2]) <= {"--name", "--restart", "-p", "-v", "-e"}


def test_a_variable_may_hold_anything(tmp_path: Path) -> None:
    values = ["on", "1", "null", "~", "a: b", "  x ", "\t", "é\u2028", "%s", "@x", "*x", "-", "{}"]
    found = made(Env=[f"TOKEN_{n:02}={value}" for n, value in enumerate(values)])
    environment = composed(found.compose, tmp_path)["services"]["web"]["environment"]  # type: ignore[index]
    assert list(environment.values()) == values
    assert [word.partition("=")[2] for word in arguments(found.command) if word.startswith("TOKEN_")] == values


@pytest.mark.parametrize("key", ["\x03", "\x1b[201~", "\r", "\x15", "\x7f", "\x9b", "\u202e"])
def test_nothing_that_a_terminal_obeys_comes_into_what_is_pasted(key: str) -> None:
    """Ctrl-C ends the line that is being pasted, quotes or not; what follows would be run."""
    evil = f"a{key}\nid\n"
    found = made(
        Env=[f"PASSWORD={evil}", f"URL=localhost{evil}", "TOKEN=two\nlines"], Volumes={f"/d{evil}": {}, "/fine": {}},
        ExposedPorts={f"80{key}": {}}, Entrypoint=[evil], User=evil, WorkingDir=evil,
    )  # fmt: skip
    shown = [found.command, found.compose, *found.left_out, *(one.value for one in (*found.facts, *found.variables))]
    assert all(key not in text for text in shown)
    assert [one.name for one in found.variables] == ["TOKEN"]
    assert "/fine" in found.command and "-e 'TOKEN=two\nlines'" in found.command
    assert {"variable PASSWORD", "variable URL"} <= set(found.left_out) and len(found.left_out) == 4
