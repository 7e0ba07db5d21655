"""bin/demo and bin/manage as a person uses them: start, stop, start again, and what can go wrong."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bin.lib.browse import Browser
from bin.lib.samples import SAMPLES
from tests import parts

DEMO = parts.ROOT / "bin" / "demo"
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
pytestmark = pytest.mark.timeout(900)  # the first of them may have to make the environment


class Running:
    """A demo that was started as a command of its own."""

    def __init__(self, data: Path, port: int, *, engine: bool = False) -> None:
        self.data, self.port = data, port
        self.log = data.with_name(data.name + ".out")
        began = time.monotonic()
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [DEMO, "--data", data, "--port", str(port)], stdout=out, stderr=out, cwd="/",
                env=os.environ | ({} if engine else NO_ENGINE), start_new_session=True,
            )  # fmt: skip
        while "Ctrl-C stops everything." not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() - began < 600, self.said
            time.sleep(0.1)
        self.seconds = time.monotonic() - began

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def link(self) -> str:
        found = re.search(r"http://127\.0\.0\.1:\d+/sign-in/\S+", self.said)
        assert found, self.said
        return found[0]

    def family(self) -> list[int]:
        """Every process that was started for this data folder, by its environment, which Redis overwrites."""
        mark = f"HARBORWEB_DATA={self.data}/app".encode()
        socket = f"{self.data}/redis.sock".encode()
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if mark in (folder / "environ").read_bytes() or socket in (folder / "cmdline").read_bytes():
                        found.append(int(folder.name))
                except OSError:
                    continue
        return found

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def gone(self, seconds: float = 15) -> bool:
        deadline = time.monotonic() + seconds
        while self.family() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.family()


@contextmanager
def demo(data: Path, port: int | None = None) -> Iterator[Running]:
    running = Running(data, port or parts.free_port())
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with everything in it, as a first start leaves it."""
    for name in ("cosign", "registry"):
        parts.program(name)
    folder = tmp_path_factory.mktemp("demo") / "data"
    with demo(folder) as running:
        assert f"{len(SAMPLES)} sample images pushed" in running.said
        assert "needs a Docker engine" in running.said
        browser = Browser(f"http://127.0.0.1:{running.port}")
        page = browser.get(running.link)
        assert "/sign-out/" in page.body
        deadline = time.monotonic() + 60
        # The first sweep, which the demo asks for itself: its parts appear one by one.
        while not ("unknown_key" in page.body and "platform/cache" in page.text and "team/worker" in page.text):
            assert time.monotonic() < deadline, page.shown()
            time.sleep(0.5)
            page = browser.get("/audit/?verdict=all")
        assert running.end(signal.SIGINT) == 0, running.said
        assert running.gone(), running.family()
    return folder


def test_a_second_start_goes_on(data: Path) -> None:
    """Within 15 s everything that was there is there again, and no sample is pushed twice."""
    before = (data / "state.json").read_text()
    with demo(data) as running:
        assert running.seconds < 15 or os.getloadavg()[0] > 2.5, f"{running.seconds:.1f} s"
        assert "sample images pushed" not in running.said
        assert (data / "state.json").read_text() == before
        browser = Browser(f"http://127.0.0.1:{running.port}")
        browser.get(running.link)
        page = browser.get("/audit/?verdict=all")
        assert "platform/cache" in page.text
        assert "unknown_key" in page.body


def test_only_loopback_listens(data: Path) -> None:
    """No process of the demo listens on another address than 127.0.0.1."""
    with demo(data) as running:
        inodes = set()
        for pid in running.family():
            for link in Path(f"/proc/{pid}/fd").iterdir():
                try:
                    inodes.update(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
                except OSError:
                    continue
        listening = []
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == "0A" and columns[9] in inodes:
                    listening.append(columns[1].split(":")[0])
        assert len(listening) >= 2
        assert set(listening) == {"0100007F"}


def test_killing_it_leaves_nothing(data: Path) -> None:
    """Also a supervisor that cannot say goodbye takes its children along."""
    with demo(data) as running:
        running.process.kill()
        running.process.wait()
        assert running.gone(), running.family()


def test_a_child_that_dies_ends_it(data: Path) -> None:
    """The child is named with its last lines, everything else stops, the exit status is 1."""
    with demo(data) as running:
        redis = [pid for pid in running.family() if "redis" in Path(f"/proc/{pid}/cmdline").read_text()]
        os.kill(redis[0], signal.SIGKILL)
        assert running.process.wait(30) == 1
        assert "redis ended with -9. Its last lines" in running.said
        assert "ready to accept connections" in running.said
        assert running.gone(), running.family()


def test_a_taken_port_is_said(data: Path) -> None:
    """One sentence, with the command that works."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run([DEMO, "--data", data, "--port", str(port)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert re.search(rf"Port {port} of 127.0.0.1 is taken. .* bin/demo --port \d+\n", done.stderr), done.stderr


def test_one_demo_for_one_folder(data: Path) -> None:
    """A second one says so and leaves the first one alone."""
    with demo(data) as running:
        done = subprocess.run(
            [DEMO, "--data", data, "--port", str(parts.free_port())], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        assert "--data DIR" in done.stderr
        assert urllib.request.urlopen(f"http://127.0.0.1:{running.port}/health/", timeout=5).status == 200


def test_manage_can_be_piped(tmp_path: Path) -> None:
    """From any folder, standard output is the command's own."""
    done = subprocess.run(
        [parts.ROOT / "bin" / "manage", "version"], capture_output=True, text=True, cwd=tmp_path,
        env=os.environ | {"HARBORWEB_DATA": str(tmp_path / "data")},
    )  # fmt: skip
    assert re.fullmatch(r"5\.2\.\d+\n", done.stdout), done.stderr


def test_manage_runs_the_harbor_double_in_the_tests_environment(tmp_path: Path) -> None:
    """It is no command of Django, and takes a password by a file only."""
    command = [parts.ROOT / "bin" / "manage", "harbor_double", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "--admin-password-file" in done.stdout
    assert not re.search(r"--admin-password\b(?!-file)", done.stdout)


@pytest.mark.parametrize("options", [(), ("--harbor",)], ids=["a plain registry", "a Harbor"])
def test_the_smoke_run_without_an_engine(options: tuple[str, ...]) -> None:
    """The whole walk, judged by itself: a line for every sample, nothing failed, the sum on the last line."""
    parts.program("cosign")
    done = subprocess.run(
        [DEMO, "--smoke", *options], capture_output=True, text=True, timeout=600, env=os.environ | NO_ENGINE
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"\d+ passed, 0 failed", lines[-1])
    for repository, tag, _ in SAMPLES:
        assert sum(line.startswith(f"verdict {repository}:{tag} ") for line in lines) == 1
