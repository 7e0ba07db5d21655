"""Make a backup of an installation, and check it by really decrypting what was written."""

import hashlib
import json
import os
import shutil
import socket
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.configuration.text.document import Document
from harborweb.deployment import files, sentences
from harborweb.deployment.backup import archive, database, gathering
from harborweb.deployment.console import Teller
from harborweb.deployment.transaction import lock
from harborweb.errors import Problem
from harborweb.tools import compose, engine

STEPS = 5
SPARE = 64 * 1024 * 1024
LEFT_SECONDS = 24 * 3600
PART, DUMP = ".harborweb-part-", ".harborweb-dump-"
SHORTEST = 12  # characters of a passphrase


def step_names() -> list[str]:
    """The names of the steps of `make`."""
    return [_("Look"), _("Room on the disk"), _("Dump the database"), _("Write"), _("Decrypt and compare")]


@dataclass
class Made:
    """A backup that was written and checked."""

    path: Path
    version: str = ""
    size: int = 0
    sha256: str = ""
    files: int = 0
    databases: dict[str, int] = field(default_factory=dict)  # name: bytes of the dump before compression
    without: str = ""  # why there is no database in it, empty when there is
    registry: str = ""  # where the images lie, which are not in it
    registry_bytes: int = 0
    registry_more: bool = False  # not everything was counted


def refuse_weak(passphrase: str) -> None:
    """Raise Problem for a passphrase that would not keep anybody out, or that no keyboard can type again."""
    if not passphrase.isprintable():
        raise Problem(
            _("This passphrase holds a line break or another character that cannot be typed."),
            _("Use letters, digits, signs and blanks."),
            field="passphrase",
        )
    if len(passphrase) < SHORTEST or len(set(passphrase)) < 5:
        raise Problem(
            _("A passphrase has %(n)d characters or more, and not the same ones over and over.") % {"n": SHORTEST},
            _("Four or five words that do not belong together are easy to keep and hard to guess."),
            field="passphrase",
        )


def make(run: Teller, folder: Path, passphrase: str, target: Path, *, with_database: bool = True) -> Made:
    """Write a backup of the installation in `folder` to `target`, which appears whole and checked or not at all.

    1 Look: harbor.yml, data_volume, the database's container
    2 Room on the disk
    3 Dump the database, compressed, into a file without a name
    4 Write, encrypted
    5 Decrypt and compare every checksum

    Raises Problem; nothing is left behind then.
    """
    refuse_weak(passphrase)
    run.secret(passphrase)
    run.step(1, STEPS, _("Look"))
    source = gathering.look(folder)
    made = Made(target, version=source.version)
    _weigh_registry(run, source, made)
    with ExitStack() as stack:
        stack.enter_context(lock.held(folder))  # nothing may be deployed between its files and its database
        members = list(gathering.members(source))
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sweep(target.parent)
            with engine.connect(timeout=600) as client:
                holder = _holder(run, client, source, made) if with_database else None
                if not with_database:
                    made.without = _("It was left out on request.")
                sizes = database.names(client, holder.id) if holder else {}
                _room(run, target.parent, members, sum(sizes.values()))
                run.step(3, STEPS, _("Dump the database"))
                for name in sizes:
                    dumped = stack.enter_context(tempfile.TemporaryFile(dir=target.parent))
                    made.databases[name] = database.dump(run, client, holder.id, name, dumped) if holder else 0
                    members.append(gathering.spooled(f"database/{name}.sql.gz", dumped))
                    run.line(_("%(name)s is dumped, and its end is there.") % {"name": name})
        except engine.EngineError as error:
            raise sentences.engine(error) from error
        if with_database and (found := database.external(source.text)):
            _external(run, stack, found, target.parent, made, members)
        if not made.databases:
            run.line(made.without)
        _write(run, source, members, passphrase, made)
    return made


def _sweep(folder: Path) -> None:
    """Remove what a backup whose worker was killed had left: half files of more than a day ago."""
    for left in folder.glob(".*"):
        with suppress(OSError):  # it may go meanwhile; and a folder that a person named holds other things
            status = left.lstat()
            if time.time() - status.st_mtime < LEFT_SECONDS or status.st_uid != os.geteuid():
                continue
            if left.name.startswith(PART) and left.name.endswith(".part"):
                left.unlink()
            elif left.name.startswith(DUMP):
                shutil.rmtree(left, ignore_errors=True)


def _holder(run: Teller, client: Any, source: gathering.Source, made: Made) -> engine.Container | None:
    """The container of the database that Harbor brings; raises Problem when it should run and does not."""
    if database.external(source.text):
        return None
    found = database.container(client, source.folder)
    if found is None and not _declares_database(source.folder):
        made.without = _("This installation has no database of its own.")
        return None
    if found is None or found.state != "running":
        raise Problem(
            _("The database's container does not run, so it cannot be dumped."),
            _("Start the registry, or make a backup without the database."),
            field="with_database",
        )
    run.line(_("The database is in the container %(name)s.") % {"name": found.name})
    return found


def _declares_database(folder: Path) -> bool:
    try:
        text = (folder / compose.FILE).read_text(errors="replace")
    except OSError:
        return False
    return f"container_name: {database.CONTAINER}" in text or f"\n  {database.SERVICE}:" in text


def _external(
    run: Teller, stack: ExitStack, found: database.External, folder: Path, made: Made, members: list[archive.Member]
) -> None:
    """An external database: dumped where this host can, named where not."""
    box = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix=DUMP)))
    path = box / "dump.sql.gz"
    why = database.dump_external(run, found, path)
    if why:
        words = {"name": str(found), "why": why}
        made.without = _("The external database %(name)s is not in this backup: %(why)s") % words
        return
    made.databases[found.name] = path.stat().st_size
    if member := archive.Member.of(path, f"database/{found.name.replace('/', '_')}.sql.gz"):
        members.append(member)


def _weigh_registry(run: Teller, source: gathering.Source, made: Made) -> None:
    """Name the images' data with its size; it is not copied."""
    service = Document(source.text)
    drivers = [key for key in service.keys("storage_service") if key in {"s3", "gcs", "azure", "swift", "oss"}]
    if drivers:
        made.registry = _("the %(driver)s storage of storage_service") % {"driver": drivers[0]}
    else:
        made.registry = str(source.data_volume / "registry")
        made.registry_bytes, made.registry_more = gathering.weigh(run, source.data_volume / "registry")
    words = {"place": made.registry, "size": _size(made)}
    run.line(_("Not in the backup: the images in %(place)s (%(size)s). Copy them by other means.") % words)


def _size(made: Made) -> str:
    words = {"n": made.registry_bytes / 1_000_000}
    return _("more than %(n).1f MB") % words if made.registry_more else _("%(n).1f MB") % words


def _room(run: Teller, folder: Path, members: list[archive.Member], databases: int) -> None:
    """The disk has room for the dump and the archive, with the database counted as large as it is now."""
    run.step(2, STEPS, _("Room on the disk"))
    needed = sum(member.info.size for member in members) + 2 * databases + SPARE
    free = shutil.disk_usage(folder).free
    words = {"folder": folder, "free": free // 1_000_000, "needed": needed // 1_000_000}
    if free < needed:
        raise Problem(
            _("There is too little room in %(folder)s: %(free)d MB are free, %(needed)d MB may be needed.") % words,
            _("Make room, or have HARBORWEB_BACKUPS name a folder on another disk."),
        )
    run.line(_("%(free)d MB are free in %(folder)s; at most %(needed)d MB are needed.") % words)


def _write(run: Teller, source: gathering.Source, members: list[archive.Member], passphrase: str, made: Made) -> None:
    """Steps 4 and 5, into a file beside the target that takes its name at the end."""
    run.step(4, STEPS, _("Write"))
    total = sum(member.info.size for member in members)
    facts = _facts(source)
    members.append(
        archive.Member.holding("manifest.json", json.dumps({**facts, **_inner(source, made)}, indent=2).encode())
    )
    part = made.path.with_name(f"{PART}{made.path.name}.part")
    part.unlink(missing_ok=True)  # never written through: in a folder of many it may be somebody's link
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w+b") as file:
        try:
            sums = archive.write(
                file, members, passphrase, readme=readme(source, made), manifest=facts,
                between=lambda done: run.progress(done, total),
            )  # fmt: skip
            file.flush()
            os.fsync(file.fileno())
            run.step(5, STEPS, _("Decrypt and compare"))
            file.seek(0)
            if archive.check(file, passphrase, lambda done: run.progress(done, total)) != sums:
                raise archive.damaged()
            file.seek(0)
            made.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            made.size, made.files = file.seek(0, os.SEEK_END), len(sums)
            part.rename(made.path)
        except archive.Changed as changed:
            raise Problem(
                _("%(name)s changed while it was read.") % {"name": changed},
                _("Back up again when nothing is deployed."),
            ) from changed
        finally:
            part.unlink(missing_ok=True)
    files.reach_disk(made.path.parent)
    run.line(_("%(n)d files, each the same after decrypting.") % {"n": made.files})


def _facts(source: gathering.Source) -> dict[str, Any]:
    """What anybody may know who has the file."""
    return {"created": timezone.now().isoformat(), "version": source.version, "host": socket.gethostname()}


def _inner(source: gathering.Source, made: Made) -> dict[str, Any]:
    return {
        "folder": str(source.folder), "data_volume": str(source.data_volume), "databases": made.databases,
        "without_database": made.without, "registry": made.registry, "registry_bytes": made.registry_bytes,
    }  # fmt: skip


def readme(source: gathering.Source, made: Made) -> str:
    """How to open the file without harborweb. It lies unencrypted in the archive."""
    words = {
        "version": source.version or "?", "when": f"{timezone.now():%Y-%m-%d %H:%M} UTC", "size": _size(made),
        "registry": made.registry, "database": ", ".join(made.databases) or _("none"),
    }  # fmt: skip
    return README % words


README = """\
Backup of Harbor %(version)s, made by harborweb on %(when)s.

Inside: harbor.yml, docker-compose.yml, common/config and the installer's own files (harbor/), the keys of
data_volume (secret/), the database (database/: %(database)s).
NOT inside: the images, %(registry)s (%(size)s). Copy them by other means.

To open it with harborweb: bin/manage restore FILE EMPTY_FOLDER

To open it without harborweb, with the tool age (https://age-encryption.org):

    tar -xf FILE
    sha256sum -c SHA256SUMS
    age -d -o key.txt key.age                  # asks for the passphrase
    age -d -i key.txt content.tar.age | tar --numeric-owner -xpf -
    rm key.txt
"""


def file_name(version: str) -> str:
    """The name of a new backup: harbor-v2.15.2-20261123-184501.tar."""
    clean = "".join(letter for letter in version if letter.isalnum() or letter in ".-")
    return f"harbor-{clean or 'unknown'}-{timezone.now():%Y%m%d-%H%M%S}.tar"
