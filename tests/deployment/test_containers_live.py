"""Containers on the real engine: logs live, what they use, and restart, start and stop."""

import contextlib
import http.client
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from harborweb.accounts.roles import Role
from harborweb.configuration.models import Revision, fingerprint
from harborweb.deployment.containers import acting, live, watching
from harborweb.deployment.models import Deployment, Installer
from harborweb.jobs.models import Job
from harborweb.sealing import redis_client, seal
from harborweb.tools import engine as docker_engine
from tests import parts, practice
from tests.deployment.conftest import done, job, log

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]
TYPED, GENERATED = "typed-by-a-person-1A", "generated-by-prepare-2B"
CHATTY, DEAF = "harborweb-test-chatty", "harborweb-test-deaf"


class Place:
    """An installer's folder with its project, and containers that belong to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = parts.free_port()

    def run(self, name: str, *command: str, options: tuple[str, ...] = (), verb: str = "run -d") -> None:
        labels = {
            docker_engine.PROJECT: self.folder.name, docker_engine.SERVICE: "core",
            docker_engine.WORKING_DIR: str(self.folder),
        }  # fmt: skip
        words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        subprocess.run(
            ["docker", *verb.split(), "--name", name, *words, *options, practice.image_name(), *command],
            check=True, capture_output=True,
        )  # fmt: skip

    def chatty(self) -> None:
        """A real registry that logs every request."""
        config = self.folder / "registry.yml"
        config.write_text("version: 0.1\nstorage: {inmemory: {}}\nhttp: {addr: ':5000'}\n")
        self.run(
            CHATTY, "/registry", "serve", "/etc/registry.yml",
            options=("-p", f"127.0.0.1:{self.port}:5000", "-v", f"{config}:/etc/registry.yml:ro", "-m", "512m"),
        )  # fmt: skip
        until(lambda: self.ask("/v2/") == 200)

    def ask(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path)
            return connection.getresponse().status
        return 0


def until(happened: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def clear() -> None:
    subprocess.run(["docker", "rm", "-f", "-v", CHATTY, DEAF], capture_output=True)


@pytest.fixture
def place(practice_tgz: Path, tmp_path: Path, redis_settings: str) -> Iterator[Place]:
    """A folder as if something had been deployed from it, with the secrets of its harbor.yml and its env files."""
    folder = tmp_path / "harborweb-test-live"
    (folder / "common" / "config" / "core").mkdir(parents=True)
    (folder / "common" / "config" / "core" / "env").write_text(f"CORE_SECRET={GENERATED}\nLOG_LEVEL=info\n")
    text = f"hostname: registry.lab.example\nharbor_admin_password: {TYPED}\n"
    revision = Revision.objects.create(
        number=1, text_sealed=seal(text, "revision"), template_sealed=seal(text, "revision"), from_installer=True,
        digest=fingerprint(text), who_name="test", origin="test",
    )  # fmt: skip
    installer = Installer.objects.create(source="folder", name=str(folder), path=str(folder), ready=True)
    Deployment.objects.create(number=1, revision=revision, installer=installer, who="test", began=True)
    clear()
    yield Place(folder)
    clear()
    client = redis_client()
    for key in client.scan_iter("harborweb:live:*"):
        client.delete(key)


@pytest.fixture
def watch() -> Iterator[threading.Thread]:
    """The thread of a host worker."""
    stopping = threading.Event()
    thread = threading.Thread(target=watching.forever, args=(stopping,))
    thread.start()
    yield thread
    stopping.set()
    client = redis_client()
    for key in client.scan_iter("harborweb:live:asked:*"):
        client.delete(key)
    client.lpush(live.WAKE, 1)
    thread.join(30)
    assert not thread.is_alive()


def lines(client: Any, name: str = CHATTY) -> str:
    """The lines as the page asks for them."""
    return str(client.get(reverse("deployment:container_lines", args=[name])).content.decode())


def test_a_log_is_live_masked_and_given_up_when_nobody_looks(
    place: Place, watch: threading.Thread, as_role: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOKING", 3)
    place.chatty()
    client = as_role(Role.VIEWER)
    until(lambda: "listening on" in lines(client))
    place.ask(f"/v2/asked-for/manifests/{TYPED}?with={GENERATED}")
    began = time.monotonic()
    found = until(lambda: "asked-for" in (text := lines(client)) and text)
    assert time.monotonic() - began < 20, "the log is not live"
    assert "manifests/•••" in found and TYPED not in found and GENERATED not in found
    page = until(lambda: " MiB of 512" in (text := lines(client).replace("\xa0", " ")) and text)
    assert "Runs since" in page
    table = live.table()
    assert table is not None and [row["name"] for row in table.rows] == [CHATTY]
    until(lambda: (now := live.table()) and now.rows[0]["cpu"] is not None and live.ask(live.TABLE) is not None)

    until(lambda: not redis_client().exists(live.SERVING), 20)  # nobody asks, so nobody looks
    before = live.last_id(redis_client(), CHATTY)
    place.ask("/v2/unseen/manifests/1")
    time.sleep(1.5 * watching.ROUND)
    assert live.last_id(redis_client(), CHATTY) == before
    # who comes back sees what happened meanwhile, once
    text = until(lambda: "unseen" in (shown := lines(client)) and shown)
    assert text.count("asked-for") == found.count("asked-for")


def test_a_log_goes_on_with_the_container_that_comes_after(
    place: Place, watch: threading.Thread, as_role: Callable[[int], Any]
) -> None:
    place.chatty()
    client = as_role(Role.VIEWER)
    until(lambda: "listening on" in lines(client))
    subprocess.run(["docker", "stop", "-t", "5", CHATTY], check=True, capture_output=True)
    until(lambda: "Exited (" in lines(client))
    subprocess.run(["docker", "rm", CHATTY], check=True, capture_output=True)
    place.chatty()
    text = until(lambda: "A new container of this name" in (shown := lines(client)) and shown)
    until(lambda: lines(client).count("listening on") == 2)
    assert text.index("Exited (") < text.index("A new container of this name")


def act(name: str, action: str) -> Job:
    return done(job("container", name=name, action=action), acting.act)


def test_restart_stop_and_start(place: Place) -> None:
    place.chatty()
    with docker_engine.connect() as client:
        (before,) = docker_engine.containers(client, place.folder.name)
        restarted = act(CHATTY, "restart")
        assert restarted.state == Job.State.SUCCEEDED, log(restarted)
        (after,) = docker_engine.containers(client, place.folder.name)
        assert after.id == before.id and after.since > before.since
        assert act(CHATTY, "stop").result["state"] == "exited"
        assert place.ask("/v2/") == 0
        started = act(CHATTY, "start")
        assert (started.state, started.result["state"]) == (Job.State.SUCCEEDED, "running")
        until(lambda: place.ask("/v2/") == 200)


def test_one_that_does_not_stay_up_says_its_last_lines_without_secrets(place: Place) -> None:
    place.run(DEAF, "/practice", "health", f"http://127.0.0.1:1/{TYPED}", verb="create")
    tried = act(DEAF, "start")
    assert tried.state == Job.State.FAILED
    assert "does not stay up: it is exited (1)" in tried.error
    assert "[FATAL]" in log(tried) and "•••" in log(tried) and TYPED not in log(tried) + tried.error


def test_one_that_ends_after_a_moment_has_not_started(place: Place, settings: Any) -> None:
    settings.HEALTHY_SECONDS = 8
    nobody = "http://192.0.2.1/"  # it gives up after 3 s, and is started again
    place.run(DEAF, "/practice", "health", nobody, options=("--restart", "always"), verb="create")
    tried = act(DEAF, "start")
    assert tried.state == Job.State.FAILED, log(tried)
    assert "[FATAL]" in log(tried)


def test_strangers_and_what_is_gone_are_not_touched(place: Place) -> None:
    stranger = Place(place.folder.parent / "other")
    stranger.run(DEAF, "/practice", "front", verb="create")
    tried = act(DEAF, "start")
    assert tried.state == Job.State.FAILED
    assert "There is no container harborweb-test-deaf of this registry." in tried.error
    assert act("never-there", "stop").state == Job.State.FAILED


def test_what_the_engine_refuses_is_said_with_what_to_do(place: Place) -> None:
    place.chatty()
    place.run(DEAF, "/practice", "front", options=("-p", f"127.0.0.1:{place.port}:1"), verb="create")
    tried = act(DEAF, "start")
    assert tried.state == Job.State.FAILED
    assert "already allocated" in tried.error
    assert "Another program holds its port" in tried.advice
    with docker_engine.connect() as client:
        found = {one.name: one for one in docker_engine.containers(client, place.folder.name)}[DEAF]
    assert found.state == "created" and "already allocated" in found.error
