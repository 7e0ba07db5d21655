"""A real name server on a loopback port."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from harborweb.access.board.names import Server, ask
from tests import parts

NAME = "registry.lab.test"


@contextmanager
def dnsmasq(folder: Path, *answers: str) -> Iterator[Server]:
    """dnsmasq with `name/address` answers, and for all else "no such name"."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server("127.0.0.1", parts.free_port())
    command = [
        parts.program("dnsmasq"), "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
        f"--port={server.port}", "--listen-address=127.0.0.1", "--bind-interfaces", f"--pid-file={folder / 'pid'}",
        "--user=", "--group=", "--local=/test/", *(f"--address=/{answer}" for answer in answers),
    ]  # fmt: skip
    with (folder / "log").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 10
        while not ask(server, answers[0].partition("/")[0], 0.5).addresses:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        yield server
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def name_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Make name servers: `name_server("registry.lab.test/192.168.20.5")`."""
    with ExitStack() as stack:
        yield lambda *answers: stack.enter_context(dnsmasq(tmp_path / f"dns{parts.free_port()}", *answers))
