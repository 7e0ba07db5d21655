"""What the real web server does with an upload that is larger than any installer: it says so and writes nothing."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from harborweb.accounts.roles import Role
from harborweb.deployment.models import Installer, InstallerPiece
from tests import parts

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def web(data_dir: Path, redis_settings: str, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """The real ASGI server on the tests' database, with a folder for temporary files that nobody else uses."""
    port = parts.free_port()
    (tmp_path / "tmp").mkdir()
    environment = os.environ | {
        "HARBORWEB_DATA": str(data_dir), "HARBORWEB_REDIS": redis_settings, "HARBORWEB_PLAIN_HTTP": "1",
        "DJANGO_SETTINGS_MODULE": "harborweb.settings", "TMPDIR": str(tmp_path / "tmp"),
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "harborweb.asgi:application",
        "--port",
        str(port),
        "--log-level",
        "error",
    ]
    process = subprocess.Popen(command, cwd=parts.ROOT, env=environment)
    try:
        parts.wait_for_port(port, process, 60)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def session_of(person: Any) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def open_below(pid: int, folder: Path) -> list[str]:
    """Files below `folder` that a process holds open, also those that have no name any more."""
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return [link for link in links if link.startswith(str(folder))]


@pytest.mark.parametrize(("megabytes", "status"), [(1, 302), (20, 302), (90, 422)])
def test_an_upload_of_any_size_touches_no_disk(
    web: tuple[str, int], person: Callable[..., Any], tmp_path: Path, megabytes: int, status: int
) -> None:
    base, pid = web
    client = requests.Session()
    client.trust_env = False
    client.cookies.set("sessionid", session_of(person(Role.OPERATOR)))
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(base + "/deployment/installer/").text)
    assert found is not None
    held: set[str] = set()

    def body() -> Iterator[bytes]:
        """A form whose file grows while we look at what the server holds open."""
        yield _part("csrfmiddlewaretoken", found[1]) + _part("expected_sha256", "0" * 64) + _part("archive", None)
        for _ in range(megabytes):
            yield bytes(1024 * 1024)
            held.update(open_below(pid, tmp_path / "tmp"))
        yield b"\r\n--line--\r\n"

    size = sum(
        map(len, [_part("csrfmiddlewaretoken", found[1]), _part("expected_sha256", "0" * 64), _part("archive", None)])
    )
    answer = client.post(
        base + "/deployment/installer/upload/", data=_Sized(body(), size + megabytes * 1024 * 1024 + 12),
        headers={"Content-Type": "multipart/form-data; boundary=line"}, allow_redirects=False,
    )  # fmt: skip
    time.sleep(0.2)
    assert answer.status_code == status, answer.text[-2000:]
    assert held | set(open_below(pid, tmp_path / "tmp")) == set()
    assert list((tmp_path / "tmp").iterdir()) == []
    if status == 422:
        assert "larger than 64 MB" in answer.text
        assert "0" * 64 in answer.text
        assert Installer.objects.count() == 0
    else:
        assert InstallerPiece.objects.count() == megabytes * 4


@pytest.mark.parametrize("announced", [True, False])
def test_strangers_cannot_fill_the_memory(web: tuple[str, int], announced: bool) -> None:
    """Nobody signed in: of 60 MB at most 8 are held, whether their size was announced or not."""
    base, pid = web
    address = urlsplit(base)
    before = resident(pid)
    with socket.create_connection((str(address.hostname), address.port or 0)) as connection:
        length = b"Content-Length: 62914570" if announced else b"Transfer-Encoding: chunked"
        connection.sendall(b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\n" + length + b"\r\n\r\n")
        for _ in range(60):
            piece = bytes(1024 * 1024)
            connection.sendall(piece if announced else b"100000\r\n" + piece + b"\r\n")
        time.sleep(0.5)
        assert resident(pid) - before < 40


def resident(pid: int) -> int:
    """The memory of a process, in megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024**2


class _Sized:
    """A body that comes bit by bit and whose length is known."""

    def __init__(self, chunks: Iterator[bytes], length: int) -> None:
        self._chunks, self._length = chunks, length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


def _part(name: str, value: str | None) -> bytes:
    file = '; filename="x.tgz"\r\nContent-Type: application/gzip' if value is None else ""
    return f'--line\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{value or ""}'.encode() + (
        b"\r\n" if value is not None else b""
    )
