"""Bring a backup back: its files into an empty folder, its database into an empty Harbor."""

import hashlib
import json
import os
import shutil
import stat
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.utils.translation import gettext as _
from docker import DockerClient

from harborweb.deployment import files, looking, sentences
from harborweb.deployment.backup import archive, database
from harborweb.deployment.console import Teller
from harborweb.errors import Problem
from harborweb.tools import compose, engine, prepare

STAGE = ".harborweb-restoring"
NEXT = "NEXT.txt"
READY_SECONDS = 120


@dataclass(frozen=True)
class Restored:
    """What a restore brought, and what is left to do."""

    folder: Path
    version: str
    data_volume: str
    databases: tuple[str, ...]
    files: int
    registry: str

    @property
    def next_steps(self) -> str:
        """What to type from here to a running Harbor, in order."""
        words = {
            "folder": self.folder, "data": self.data_volume, "version": self.version or "?", "registry": self.registry,
            "dumps": " ".join(f"database/{name}.sql.gz" for name in self.databases),
        }  # fmt: skip
        text = NEXT_STEPS + (NEXT_DATABASE if self.databases else NEXT_NO_DATABASE) + NEXT_LAST
        return text % words


NEXT_STEPS = """\
Restored into %(folder)s (Harbor %(version)s). Nothing runs yet.

1. Look at harbor/harbor.yml: hostname, data_volume and the certificate's paths have to fit this machine.
2. Put the keys where data_volume is, before the first start:
       mkdir -p %(data)s && cp -a %(folder)s/secret %(data)s/
3. Bring the images back to where they were (%(registry)s): they are not in a backup.
4. In %(folder)s/harbor, as root: ./prepare (with the options that you had, like --with-trivy)
"""
NEXT_DATABASE = """\
5. Bring the database back while nothing else runs:
       bin/manage restore_database %(folder)s
   or by hand: docker compose up -d postgresql, then for each of %(dumps)s
       gunzip -c FILE | docker exec -i harbor-db psql -U postgres -d postgres -v ON_ERROR_STOP=1
"""
NEXT_NO_DATABASE = """\
5. There is no database in this backup: without the one that was there, Harbor starts empty.
"""
NEXT_LAST = """\
6. docker compose up -d, and add %(folder)s/harbor as an installer in harborweb.
"""


def restore(run: Teller, path: Path, passphrase: str, folder: Path) -> Restored:
    """Unpack the backup at `path` into `folder`, which has to be empty or not there; owners and modes are kept.

    1 Look at the folder and the file
    2 Decrypt and unpack into a hidden folder inside, every checksum compared
    3 Put everything in its place, and write down what comes next

    Raises Problem; the folder is empty then.
    """
    run.secret(passphrase)
    run.step(1, 3, _("Look"))
    _refuse_full(folder)
    stage = folder / STAGE
    try:
        with _opened(path) as file:
            needed = file.seek(0, os.SEEK_END)
            file.seek(0)
            archive.manifest(file)
            stage.mkdir(parents=True, mode=0o700)
            if shutil.disk_usage(folder).free < needed:
                raise Problem(_("There is too little room in %(folder)s.") % {"folder": folder}, _("Make room there."))
            run.step(2, 3, _("Decrypt and unpack"))
            file.seek(0)
            count = _unpack(run, file, passphrase, stage, needed)
        run.step(3, 3, _("Put in place"))
        restored = _describe(stage, folder, count)
        (stage / NEXT).write_text(restored.next_steps)
        for child in sorted(stage.iterdir()):
            child.rename(folder / child.name)
    except OSError as error:
        raise sentences.disk(error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    files.reach_disk(folder)
    if os.geteuid() != 0:
        run.line(
            _("The owners could not be kept, since this does not run as root: Harbor may not read its keys."), "err"
        )
    run.line(_("%(n)d files are in %(folder)s.") % {"n": count, "folder": folder})
    return restored


def _refuse_full(folder: Path) -> None:
    """Raise Problem unless `folder` is empty or not there; what a killed restore had left is removed."""
    if not folder.is_absolute():
        raise Problem(_("The folder has to be given as an absolute path."), _("Begin it with a slash."), field="folder")
    try:
        shutil.rmtree(folder / STAGE, ignore_errors=True)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Problem(
                _("%(folder)s is not empty, so nothing was restored.") % {"folder": folder},
                _("Name a folder that is empty or not there: a restore never writes over anything."),
                field="folder",
            )
    except PermissionError as error:
        raise sentences.disk(error) from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise Problem(
            _("The backup %(path)s cannot be read on the worker's host.") % {"path": path},
            _("Look where it lies now, and give its whole path."),
            field="path",
        ) from error
    with file:
        yield file


def _unpack(run: Teller, file: IO[bytes], passphrase: str, stage: Path, size: int) -> int:
    """Every member below `stage`; returns how many files. Folders get their modes last, they may be read-only."""
    folders: list[tuple[Path, tarfile.TarInfo]] = []
    links: list[tuple[Path, str]] = []  # made last: no file may be written through one
    sums: dict[str, str] = {}
    said = ""
    with archive.opened(file, passphrase) as tar:
        for member in tar:
            run.progress(min(file.tell(), size) >> 10, size >> 10)
            target = stage / _safe(member)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if member.isdir():
                target.mkdir(exist_ok=True, mode=0o700)
                folders.append((target, member))
            elif member.issym():
                links.append((target, member.linkname))
            elif member.isreg() and (data := tar.extractfile(member)) is not None:
                if member.name == archive.SUMS:
                    said = archive.sums(member, data)
                    continue
                sums[member.name] = _write(data, target, member)
    if said != "".join(f"{digest}  {name}\n" for name, digest in sums.items()):
        raise archive.damaged()
    for target, leads_to in links:
        if os.path.lexists(target):
            raise archive.damaged()
        target.symlink_to(leads_to)
    for target, member in reversed(folders):
        _own(target, member)
    return len(sums)


def _safe(member: tarfile.TarInfo) -> PurePosixPath:
    """The member's name; raises Problem where it would leave the folder, or is neither file, folder nor link.

    Files with holes are refused: a few bytes could say that they are as large as the disk.
    """
    name = PurePosixPath(member.name)
    known = (member.isreg() and not member.issparse()) or member.isdir() or member.issym()
    if name.is_absolute() or ".." in name.parts or not known or "\0" in member.name:
        raise archive.damaged()
    return name


def _write(data: IO[bytes], target: Path, member: tarfile.TarInfo) -> str:
    digest = hashlib.sha256()
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as out:
        while piece := data.read(archive.CHUNK):
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    _own(target, member)
    return digest.hexdigest()


def _own(target: Path, member: tarfile.TarInfo) -> None:
    """Owner (where we may), then mode, without setuid and setgid: no file of Harbor's needs them."""
    with suppress(PermissionError, OverflowError):
        os.chown(target, member.uid, member.gid, follow_symlinks=False)
    target.chmod(stat.S_IMODE(member.mode) & (0o777 if member.isreg() else 0o1777))
    os.utime(target, (member.mtime, member.mtime))


def _describe(stage: Path, folder: Path, count: int) -> Restored:
    try:
        facts: dict[str, Any] = json.loads((stage / "manifest.json").read_text())
    except (FileNotFoundError, ValueError) as error:
        raise archive.damaged() from error
    return Restored(
        folder, str(facts.get("version", "")), str(facts.get("data_volume", "")), tuple(facts.get("databases", {})),
        count, str(facts.get("registry", "")),
    )  # fmt: skip


# --- the database


def restore_database(run: Teller, folder: Path) -> dict[str, int]:
    """Bring the dumps of a restored `folder` into the database of the Harbor in its `harbor/`; returns name: bytes.

    1 Look: the dumps are there, and nothing of this Harbor runs, or its database alone
    2 Start the database alone
    3 Feed the dumps to psql, which stops at the first error
    4 Stop it again

    Raises Problem. A database that already holds projects of somebody is not touched.
    """
    run.step(1, 4, _("Look"))
    home, dumps = folder / "harbor", sorted((folder / "database").glob("*.sql.gz"))
    if not dumps:
        raise Problem(_("There is no dump in %(folder)s/database.") % {"folder": folder}, _("Restore a backup first."))
    if not (home / compose.FILE).is_file():
        raise Problem(
            _("There is no docker-compose.yml in %(folder)s.") % {"folder": home}, _("Run ./prepare there first.")
        )
    if database.external((home / prepare.CONFIGURATION).read_text()):
        raise Problem(_("This Harbor uses an external database."), _("Bring the dump into that with its own tools."))
    program = compose.find()
    if program is None:
        raise sentences.no_compose()
    try:
        with engine.connect(timeout=600) as client:
            _refuse_running(client, home)
            run.step(2, 4, _("Start the database"))
            _compose(run, (*program.command, "up", "-d", database.SERVICE), home)
            try:
                return _feed(run, client, home, dumps)
            finally:
                run.step(4, 4, _("Stop the database"))
                _compose(run, program.down(), home)
    except engine.EngineError as error:
        raise sentences.engine(error) from error


def _refuse_running(client: DockerClient, home: Path) -> None:
    """Nothing but the database and its log may run: core would write between the lines of the dump."""
    found = engine.containers(client, compose.project_name(home))
    others = [one.name for one in found if one.state == "running" and one.service not in {database.SERVICE, "log"}]
    if others:
        raise Problem(
            _("This Harbor runs: %(names)s.") % {"names": ", ".join(others)},
            _("Stop it first. A database is brought back only into a Harbor that is stopped and empty."),
        )
    elsewhere = {one.working_dir for one in found if one not in looking.here(found, home)}
    if elsewhere:
        raise Problem(
            _("To docker compose this is the same project as %(folder)s, which has containers.")
            % {"folder": min(elsewhere)},
            _("Type “docker compose down” there first: Harbor's containers have fixed names."),
        )


def _feed(run: Teller, client: DockerClient, home: Path, dumps: list[Path]) -> dict[str, int]:
    holder = _ready(run, client, home)
    _refuse_used(client, holder)
    run.step(3, 4, _("Feed the dumps to psql"))
    done: dict[str, int] = {}
    for path in dumps:
        name = path.name.removesuffix(".sql.gz")
        with path.open("rb") as packed:
            done[name] = database.restore(run, client, holder, packed)
        run.line(_("%(name)s is back: %(n)d bytes.") % {"name": name, "n": done[name]})
    return done


def _ready(run: Teller, client: DockerClient, home: Path) -> str:
    """The id of the database's container once it answers.

    While a new data folder is made, a first server answers and ends again: where there is a health check, it knows.
    """
    deadline = time.monotonic() + READY_SECONDS
    while True:
        run.check()
        found = database.container(client, home)
        if found and found.well:
            with suppress(Problem):
                database.names(client, found.id)
                return found.id
        if time.monotonic() > deadline:
            raise Problem(
                _("The database did not answer within %(n)d seconds.") % {"n": READY_SECONDS},
                _("Look at the log of its container."),
            )
        time.sleep(0.5)


def _refuse_used(client: DockerClient, holder: str) -> None:
    """A database in which somebody made a project is in use, and stays. A new one has `library` alone."""
    count = database.count_projects(client, holder)
    if count > 1:
        raise Problem(
            _("The database there is in use: it holds %(n)d projects.") % {"n": count},
            _("Restore into an empty Harbor. To replace this one, move its data_volume/database away first."),
        )


def _compose(run: Teller, command: tuple[str, ...], folder: Path) -> None:
    answer = run.execute(command, cwd=folder, timeout=3600)
    if answer.exit_code:
        raise sentences.compose_failed(compose.explain(answer))
