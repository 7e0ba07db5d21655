"""Harbor's PostgreSQL: dump it from within its own container, and bring a dump back.

`pg_dump` runs where the server runs, so its version fits; its output comes through the engine as a stream. That a
dump is complete is known by the exit code and by the line pg_dump ends with, both.
"""

import contextlib
import gzip
import shutil
import socket
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _
from docker import DockerClient
from docker.utils.socket import frames_iter

from harborweb.configuration.text.document import Document
from harborweb.deployment import looking
from harborweb.deployment.console import Teller
from harborweb.errors import Problem
from harborweb.tools import compose, engine, process

SERVICE, CONTAINER = "postgresql", "harbor-db"
COMPLETE = b"PostgreSQL database dump complete"
TAIL = 1024
# In Harbor's image the programs of two versions lie beside each other, and need not be on the PATH; the newest one
# fits, since pg_dump reads older servers too.
FIND = (
    'for d in /usr/pgsql/*/bin /usr/lib/postgresql/*/bin; do [ -x "$d/psql" ] && PATH="$d:$PATH"; done; '
    'export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"; exec "$@"'
)
EXTERNAL_SECONDS = 4 * 3600
TOLD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class External:
    """The database of `external_database` in a harbor.yml."""

    host: str
    port: str
    name: str
    username: str
    password: str
    ssl_mode: str

    def __str__(self) -> str:
        return f"{self.name} on {self.host}:{self.port}"


def external(text: str) -> External | None:
    """The external database that a harbor.yml names; None when Harbor brings its own."""
    document = Document(text)
    if document.kind("external_database") != "mapping":
        return None

    def word(key: str, default: str = "") -> str:
        value = document.get(f"external_database.harbor.{key}")
        return default if value is None else str(value)

    return External(
        word("host"), word("port", "5432"), word("db_name"), word("username"), word("password"), word("ssl_mode")
    )


def container(client: DockerClient, folder: Path) -> engine.Container | None:
    """The database's container that compose made from `folder`, whatever its state.

    Not by the project's name alone: two folders called harbor are one project to compose (facts on the installer).
    """
    found = looking.here(engine.containers(client, compose.project_name(folder)), folder)
    return next((one for one in found if one.service == SERVICE or one.name == CONTAINER), None)


def names(client: DockerClient, container_id: str) -> dict[str, int]:
    """Harbor's databases in the server and their sizes in bytes; raises Problem with what psql says."""
    query = (
        "SELECT datname || '|' || pg_database_size(datname) FROM pg_database "
        "WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname"
    )
    out = b"".join(_output(client, container_id, ["psql", "-U", "postgres", "-d", "postgres", "-XAtc", query]))
    rows = (line.rpartition("|") for line in out.decode().splitlines() if line)
    return {name: int(size) for name, _bar, size in rows}


def count_projects(client: DockerClient, container_id: str) -> int:
    """How many projects the database `registry` holds; 0 where it is not there or has no tables yet."""

    def ask(query: str) -> str:
        command = ["psql", "-U", "postgres", "-d", "registry", "-XAtc", query]
        return b"".join(_output(client, container_id, command)).decode().strip()

    if "registry" not in names(client, container_id) or ask("SELECT to_regclass('public.project')") == "":
        return 0
    return int(ask("SELECT count(*) FROM project"))


def dump(run: Teller, client: DockerClient, container_id: str, name: str, into: IO[bytes]) -> int:
    """Write a complete, compressed dump of database `name` into `into`; returns its bytes before compression.

    Raises Problem when pg_dump fails or its end is missing. The script it writes drops and makes the database anew.
    """
    command = ["pg_dump", "-U", "postgres", "--create", "--clean", "--if-exists", "-d", name]
    size, tail, told = 0, b"", 0
    with gzip.GzipFile(fileobj=into, mode="wb", compresslevel=6, mtime=0) as packed:
        for piece in _output(client, container_id, command):
            run.check()
            packed.write(piece)
            size += len(piece)
            tail = (tail + piece)[-TAIL:]
            if size - told > TOLD_BYTES:
                told = size
                run.line(_("%(name)s: %(n)d MB so far") % {"name": name, "n": size // 1_000_000})
    if COMPLETE not in tail:
        raise Problem(
            _("pg_dump ended without a word, and its dump of %(name)s is not complete.") % {"name": name},
            _("Look at the log of the database's container, then back up again."),
        )
    return size


def dump_external(run: Teller, found: External, into: Path) -> str:
    """Dump an external database with this host's pg_dump into `into` (0600); returns why not, empty when it is there.

    The password goes through the environment.
    """
    if shutil.which("pg_dump") is None:
        return _("There is no pg_dump on the worker's host.")
    run.secret(found.password)
    env = process.environment({"PGPASSWORD": found.password, "PGCONNECT_TIMEOUT": "10"})
    if found.ssl_mode:
        env["PGSSLMODE"] = found.ssl_mode
    command = [
        "pg_dump", "--no-password", "-h", found.host, "-p", found.port, "-U", found.username, "-d", found.name,
        "--clean", "--if-exists", "-Z", "6", "-f", str(into),
    ]  # fmt: skip
    into.touch(mode=0o600)
    answer = run.execute(command, env=env, timeout=EXTERNAL_SECONDS)
    if answer.exit_code:
        return (answer.stderr.strip().splitlines() or [f"exit {answer.exit_code}"])[-1]
    return "" if COMPLETE in _tail(into) else _("The dump is not complete.")


def _tail(path: Path) -> bytes:
    tail = b""
    with gzip.open(path) as file:
        while piece := file.read(1024 * 1024):
            tail = (tail + piece)[-TAIL:]
    return tail


def _output(client: DockerClient, container_id: str, command: list[str]) -> Iterator[bytes]:
    """What a program in a container writes; raises Problem with its last words when it does not exit 0."""
    made = client.api.exec_create(container_id, ["sh", "-c", FIND, "sh", *command], stdout=True, stderr=True)
    errors = b""
    for out, err in client.api.exec_start(made["Id"], stream=True, demux=True):
        if err:
            errors = (errors + err)[-4096:]
        if out:
            yield out
    _judge(client, made["Id"], command[0], errors)


def _judge(client: DockerClient, exec_id: str, program: str, errors: bytes) -> None:
    seen: dict[str, Any] = client.api.exec_inspect(exec_id)
    if seen.get("ExitCode") == 0:
        return
    lines = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
    words = {"program": program, "code": seen.get("ExitCode"), "reason": lines[-1] if lines else _("no reason given")}
    raise Problem(
        _("%(program)s in the database's container failed (exit %(code)s): %(reason)s") % words,
        _("Look whether that container is healthy, then do it again."),
    )


def restore(run: Teller, client: DockerClient, container_id: str, packed: IO[bytes]) -> int:
    """Feed a compressed dump to psql, which stops at the first error; returns the bytes of it. Raises Problem."""
    command = ["psql", "-U", "postgres", "-d", "postgres", "-Xq", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1"]
    whole = ["sh", "-c", FIND, "sh", *command]
    made = client.api.exec_create(container_id, whole, stdin=True, stdout=True, stderr=True)
    channel = client.api.exec_start(made["Id"], socket=True)
    wire: Any = getattr(channel, "_sock", channel)
    wire.settimeout(None)
    size, broken = 0, False
    try:
        with gzip.GzipFile(fileobj=packed) as plain:
            while piece := plain.read(256 * 1024):
                run.check()
                wire.sendall(piece)
                size += len(piece)
    except (BrokenPipeError, ConnectionResetError):
        broken = True  # psql has ended: what it said tells why
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Problem(_("The dump is damaged."), _("Take another copy of the backup.")) from error
    finally:
        if not broken:
            wire.shutdown(socket.SHUT_WR)
        said = _rest(wire)
        channel.close()
    _judge(client, made["Id"], "psql", said)
    return size


def _rest(wire: Any) -> bytes:
    """The last of what the program writes until it ends."""
    said = b""
    with contextlib.suppress(OSError):
        for _stream, data in frames_iter(wire, tty=False):  # type: ignore[no-untyped-call]
            said = (said + data)[-4096:]
    return said
