"""What a backup holds, found on the host: the installation, its files, and how large its images are."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from harborweb.configuration.text.document import Document
from harborweb.deployment import checks
from harborweb.deployment.backup import archive
from harborweb.deployment.console import Teller
from harborweb.errors import Problem
from harborweb.tools import prepare

SMALL = 1024 * 1024  # of the installer's own files; the archive with its images is larger, and can be had again
COUNTED = 2_000_000  # files of the registry's data; beyond that the size is "at least"


@dataclass(frozen=True)
class Source:
    """What is backed up."""

    folder: Path
    text: str  # its harbor.yml
    data_volume: Path
    version: str


def look(folder: Path) -> Source:
    """Read what is to be backed up; raises Problem where there is nothing, or it cannot be read whole."""
    try:
        text = (folder / prepare.CONFIGURATION).read_text()
        volume = Path(str(Document(text).get("data_volume") or ""))
    except FileNotFoundError as error:
        raise Problem(
            _("There is no harbor.yml in %(folder)s.") % {"folder": folder},
            _("Back up the folder that Harbor runs from, or deploy a revision first."),
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            _("%(folder)s/harbor.yml cannot be read.") % {"folder": folder}, _("The worker has to run as root.")
        ) from error
    if not volume.is_absolute() or not volume.is_dir():
        advice = _("Look at data_volume in harbor.yml, and whether its disk is mounted.")
        if checks.hidden():
            advice = _("This worker runs in a container: mount that folder into it under the same path.")
        raise Problem(_("data_volume is not there: %(path)s.") % {"path": volume}, advice)
    try:
        version = prepare.look(folder).version
    except prepare.NoInstaller:
        version = str(Document(text).get("_version") or "")
    return Source(folder, text, volume, version)


def weigh(run: Teller, folder: Path) -> tuple[int, bool]:
    """The bytes below `folder`, and whether there are more than were counted."""
    total = count = 0
    for here, _folders, names in os.walk(folder):
        run.check()
        for name in names:
            count += 1
            if count > COUNTED:
                return total, True
            try:
                total += os.lstat(Path(here) / name).st_size
            except OSError:
                continue  # garbage collection took it meanwhile
    return total, False


def members(source: Source) -> Iterator[archive.Member]:
    """harbor.yml, docker-compose.yml, common/, the installer's small files, and data_volume's secret/.

    Raises Problem for what may not be read.
    """
    try:
        for path in sorted(source.folder.iterdir()):
            ours = path.name.startswith(".") and path.name != ".env"
            if path.is_file() and not path.is_symlink() and not ours and path.stat().st_size <= SMALL:
                yield from _one(path, f"harbor/{path.name}")
        yield from _tree(source.folder / "common", "harbor/common")
        yield from _tree(source.data_volume / "secret", "secret")
    except PermissionError as error:
        raise Problem(
            _("The worker may not read %(path)s.") % {"path": error.filename},
            _("The worker that makes backups has to run as root: Harbor's keys belong to other users."),
        ) from error


def _tree(folder: Path, name: str) -> Iterator[archive.Member]:
    if not folder.is_dir():
        return
    yield from _one(folder, name)
    for path in sorted(folder.iterdir()):
        inside = f"{name}/{path.name}"
        if path.is_dir() and not path.is_symlink():
            yield from _tree(path, inside)
        else:
            yield from _one(path, inside)


def _one(path: Path, name: str) -> Iterator[archive.Member]:
    if path.is_file() and not os.access(path, os.R_OK):
        raise PermissionError(13, "Permission denied", str(path))
    if member := archive.Member.of(path, name):
        yield member


def spooled(name: str, file: IO[bytes]) -> archive.Member:
    """A member that is read from an open file without a name."""
    size = file.seek(0, os.SEEK_END)
    member = archive.Member.holding(name, b"")
    member.info.size = size

    @contextmanager
    def rewound() -> Iterator[IO[bytes]]:
        file.seek(0)
        yield file

    return archive.Member(member.info, rewound)
