"""Side by side, each within its time, whatever the other side does; also from the shell, also when DNS hangs."""

import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from harborweb.deployment import host
from harborweb.deployment.host import addresses, together
from harborweb.deployment.host.findings import Machine, Sheet
from tests import parts
from tests.deployment.host import servers

MANAGE = [sys.executable, str(parts.ROOT / "manage.py"), "config_check"]


def everything(place: str, port: int, folder: Path) -> str:
    """A harbor.yml that names a server of every kind at one place."""
    return (
        f"hostname: {place}\nhttp:\n  port: {parts.free_port()}\nharbor_admin_password: Longer-than-8\n"
        f"data_volume: {folder}/data\n"
        f"external_database:\n  harbor:\n    host: {place}\n    port: {port}\n    db_name: r\n    username: u\n"
        f"    password: db-secret-1\n    ssl_mode: disable\n"
        f"external_redis:\n  host: {place}:{port}\n  password: redis-secret-2\n"
        f"storage_service:\n  s3:\n    region: x\n    bucket: b\n    accesskey: a\n    secretkey: s3-secret-3\n"
        f"    regionendpoint: http://{place}:{port}\n"
        f"proxy:\n  http_proxy: http://u:proxy-secret-4@{place}:{port}\n"
        f"  https_proxy: http://u:proxy-secret-4@{place}:{port}\n  components: [core]\n"
        f"log:\n  level: info\n  external_endpoint:\n    protocol: tcp\n    host: {place}\n    port: {port}\n"
    )


SECRETS = ("db-secret-1", "redis-secret-2", "s3-secret-3", "proxy-secret-4", "Longer-than-8")
ASKED = ("Database", "Redis", "S3 storage", "HTTP proxy", "HTTPS proxy")


def timed(text: str) -> tuple[list[Any], float]:
    began = time.monotonic()
    found = host.examine(text)
    return found, time.monotonic() - began


@pytest.mark.parametrize("place", ["127.0.0.1", "192.0.2.1"])
def test_servers_that_never_answer(place: str, tmp_path: Path) -> None:
    """A listener that says nothing; an address (RFC 5737) where packets get lost or are refused."""
    with servers.silent() as port:
        found, seconds = timed(everything(place, port, tmp_path))
    assert seconds < 8
    warned = {one.check for one in found if one.state == "warning"}
    assert set(ASKED) <= warned
    for one in found:
        assert not any(secret in f"{one.message}{one.why}{one.advice}" for secret in SECRETS)
    if place == "127.0.0.1":  # each said what it was that did not come, and none had to be given up
        assert not any("no answer within" in one.message for one in found)


def test_a_name_server_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The C library's resolver cannot be interrupted; here it hangs until the test ends."""
    never = threading.Event()

    def hang(*_arguments: Any, **_options: Any) -> Any:
        never.wait(30)
        raise OSError("interrupted")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        found, seconds = timed(everything("registry.lab.example", 5432, tmp_path))
    finally:
        never.set()
    assert seconds < 4
    silent = {one.check for one in found if "no name server answered" in one.message}
    assert {*ASKED, "Names on this machine", "Log endpoint"} <= silent


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may exchange resolv.conf")
def test_a_name_server_that_never_answers_and_the_shell(tmp_path: Path) -> None:
    """In a mount namespace of its own /etc/resolv.conf names a server that reads and never answers."""
    resolv, configuration = tmp_path / "resolv.conf", tmp_path / "harbor.yml"
    resolv.write_text("nameserver 127.0.0.77\n")
    configuration.write_text(everything("registry.lab.example", 5432, tmp_path))
    enter = ["unshare", "--mount", "sh", "-c", f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh"]
    if subprocess.run([*enter, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a mount namespace")
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        server.bind(("127.0.0.77", 53))
        began = time.monotonic()
        done = subprocess.run(
            [*enter, *MANAGE, str(configuration), "--host", "--format", "json"],
            capture_output=True, text=True, timeout=60, cwd=tmp_path,
        )  # fmt: skip
        seconds = time.monotonic() - began
    told = json.loads(done.stdout)
    assert any("no name server answered" in problem["message"] for problem in told["problems"])
    assert done.returncode == (1 if told["verdict"] == "refused" else 0)
    assert seconds < 30  # Python itself on a busy machine, and at most 8 s for the checks


def machine() -> Machine:
    return Machine.of("hostname: a\n", None)


def test_each_has_its_time_and_all_run_at_once() -> None:
    def slow(_machine: Machine, sheet: Sheet) -> None:
        sheet.fine("hostname", "came")
        time.sleep(0.3)

    def never(_machine: Machine, sheet: Sheet) -> None:
        sheet.warning("hostname", "came before it hung")
        over.wait(30)
        sheet.warning("hostname", "too late")

    over = threading.Event()
    checks = [together.Check(f"slow {number}", "", slow) for number in range(20)]  # one by one: six seconds
    began = time.monotonic()
    found = together.run([*checks, together.Check("never", "hostname", never)], machine(), 2.0)
    assert 1.9 < time.monotonic() - began < 5
    over.set()
    assert [one.message for one in found].count("came") == 20
    assert [one.message for one in found if one.check == "never"] == [
        "came before it hung", "never: no answer within 2 s."
    ]  # fmt: skip


def test_one_that_breaks_hides_nothing() -> None:
    def broken(_machine: Machine, _sheet: Sheet) -> None:
        raise ValueError("of all things")

    found = together.run([together.Check("broken", "hostname", broken)], machine(), 1.0)
    assert [(one.state, "of all things" in one.message) for one in found] == [("unknown", True)]


def test_time_that_is_over_before_it_began() -> None:
    began = time.monotonic()
    host.examine("hostname: a\n", seconds=0.0)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "hostname: \x00", "\ufeff", "42\n", "hostname: a\n" * 2])
def test_texts_of_every_kind_raise_nothing(text: str) -> None:
    assert isinstance(host.check(text), list)


HOSTILE = [
    "storage_service:\n  s3:\n    bucket: b\n    regionendpoint: 'http://[::1'\n",
    'data_volume: "/a\\0b"\nhttps:\n  certificate: /etc/hostname\n  private_key: /etc/hostname\n',
    "hostname: [a]\nhttps: 3\ndata_volume: {a: b}\nexternal_database: [1]\nexternal_redis: 7\nproxy: x\nlog: []\n",
    "hostname: -rf\nexternal_url: 'http://[::1'\nhttps:\n  port: x\n  certificate: 5\n  private_key: true\n",
    "data_volume: /\nstorage_service:\n  ca_bundle: /\n  s3:\n    bucket: ../..\n    regionendpoint: '::'\n",
    "data_volume: '/a\\0b'\nhttps:\n  certificate: \"/a\\0b\"\n  private_key: /proc/self/mem\n",
    "external_redis:\n  host: ',,'\n  sentinel_master_set: x\n",
    "log:\n  external_endpoint:\n    protocol: udp\n    host: '*'\n    port: 1\n",
    "hostname: " + "a" * 5000 + "\ninternal_tls:\n  enabled: 'yes'\n  dir: /proc\n",
    'external_database:\n  harbor:\n    host: /var/run\n    port: 5432\n    db_name: "a\' b"\n    username: "x=1"\n',
    "proxy:\n  http_proxy: 'http://[::1]:99999'\n  https_proxy: '::'\n  components: [core]\n  no_proxy: [a]\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_break_no_check(text: str) -> None:
    found = host.examine(text)
    assert [one for one in found if "This check itself failed" in one.message] == []


def test_names_and_addresses() -> None:
    assert addresses.host_of("https://[2001:db8::1]:8443/x") == "2001:db8::1"
    assert addresses.host_of("r.example:80") == "r.example"
    assert addresses.host_of("http://[half") == ""
    assert [str(one) for one in addresses.resolve("10.0.0.9")] == ["10.0.0.9"]
    assert any(one.is_loopback for one in addresses.own())


# --- the command


def command(tmp_path: Path, text: str, *more: str) -> "subprocess.CompletedProcess[str]":
    path = tmp_path / "harbor.yml"
    path.write_text(text)
    return subprocess.run(
        [*MANAGE, str(path), "--host", *more], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )  # fmt: skip


def test_the_command(tmp_path: Path) -> None:
    text = (
        f"hostname: localhost.localdomain\nhttp:\n  port: {parts.free_port()}\nharbor_admin_password: Longer-than-8\n"
        f"data_volume: {tmp_path}/file\nlog:\n  level: info\n  external_endpoint:\n    protocol: udp\n"
        f"    host: 127.0.0.1\n    port: {parts.free_port()}\n"
    )
    (tmp_path / "file").write_text("")
    done = command(tmp_path, text, "--format", "json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["verdict"]) == (1, "refused")
    (problem,) = [one for one in told["problems"] if "is a file" in one["message"]]
    assert (problem["severity"], problem["key"], problem["line"]) == ("error", "data_volume", 5)
    assert set(problem) == {"severity", "key", "line", "message", "advice"}
    shown = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("config_check", str(tmp_path / "harbor.yml"), "--host", stdout=shown)
    assert f"{tmp_path}/harbor.yml:5: error: data_volume: {tmp_path}/file is a file." in shown.getvalue()
