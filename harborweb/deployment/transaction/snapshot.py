"""What was there before a deployment, kept in one 0600 file beside the journal, to be put back byte for byte.

The archive's names are paths from the root, so that `tar --numeric-owner -xpf FILE -C /` brings the files back
without harborweb. `<number>.json` beside it says what else there was, and is written last: with it the snapshot is
whole.
"""

import json
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.deployment import files
from harborweb.deployment.transaction import journal
from harborweb.errors import Problem
from harborweb.tools import compose, prepare

KEPT = 3  # deployments that can be taken back


@dataclass(frozen=True)
class Before:
    """What a snapshot says beside the files."""

    folder: str
    old_folder: str  # where the containers had been started from
    roots: dict[str, bool]  # each path that a deployment may change, and whether it was there
    images: dict[str, str] = field(default_factory=dict)  # name: id, of the containers that were there
    ran: bool = False  # containers were running
    well: bool = False  # and all of them were well


def roots(folder: Path, volumes: list[Path]) -> list[Path]:
    """What prepare replaces, empties or leaves in `folder`, and the secrets that it makes in each data_volume."""
    config = folder / "common" / "config"
    inside = [folder / prepare.CONFIGURATION, folder / compose.FILE, folder / "input"]
    inside.append(config if config.parent.exists() else config.parent)
    found = inside + [volume / "secret" for volume in dict.fromkeys(volumes)]
    return found + [root.resolve() for root in found if root.is_symlink() and root.is_dir()]  # what prepare writes to


class Snapshot:
    """The snapshot of one deployment in an installer folder."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder, self._place = folder, folder / journal.FOLDER / "snapshots"
        self.archive, self._facts = self._place / f"{number}.tar", self._place / f"{number}.json"
        self.number = number

    @property
    def whole(self) -> bool:
        """Whether it was finished, and is still there."""
        return self._facts.is_file() and self.archive.is_file()

    def take(self, before: Before) -> int:
        """Copy what there is of `before.roots`; returns how many files. It appears whole or not at all."""
        self._place.mkdir(mode=0o700, exist_ok=True)
        self.forget()
        part = self.archive.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                for root in before.roots:
                    if os.path.lexists(root):
                        tar.add(root, _name(Path(root)))
                count = sum(member.isreg() for member in tar.getmembers())
            file.flush()
            os.fsync(file.fileno())
        part.rename(self.archive)
        files.write_whole(self._facts, json.dumps(asdict(before), indent=1))
        return count

    def before(self) -> Before:
        """What it says beside the files; raises Problem when it is not there, or is of another folder."""
        try:
            found = Before(**json.loads(self._facts.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise Problem(
                _("The snapshot of deployment %(number)d is not there any more.") % {"number": self.number},
                _("Deploy the revision that shall run instead."),
            ) from error
        if (
            Path(found.folder).resolve() != self._folder.resolve()
        ):  # a copied or moved folder: its files would be put back elsewhere
            raise Problem(
                _("The snapshot in %(folder)s is of %(other)s.") % {"folder": self._folder, "other": found.folder},
                _("Move the folder back to where it was, or deploy the revision that shall run."),
            )
        return found

    def put_back(self) -> int:
        """Make every root what it was, also gone where it was not there; compares, returns how many files came back.

        Doing it twice, or after half of it was done, comes to the same. Raises Problem when something differs then.
        """
        before = self.before()
        with tarfile.open(self.archive) as tar:
            _trust(tar)
            for root in before.roots:
                files.remove(Path(root))
            tar.extractall("/", numeric_owner=True)  # noqa: S202 - our own file, 0600 in a 0700 folder
        if odd := next(self.differences(), ""):
            raise Problem(
                _("After it was put back %(path)s is not what it was.") % {"path": odd},
                _("Look whether another program writes there, and whether the worker runs as root."),
            )
        return self._reach_disk()

    def differences(self) -> Iterator[str]:
        """Every path that is not what it was: content, kind, owner, mode, or there at all."""
        seen: set[Path] = set()
        with tarfile.open(self.archive) as tar:
            for member in tar:
                path = Path("/") / member.name
                seen.add(path)
                if not _same(tar, member, path):
                    yield str(path)
        for root in map(Path, self.before().roots):
            for path in _below(root):
                if path not in seen:
                    yield str(path)

    def text(self, path: Path) -> str:
        """The text that file had; empty when it was not there."""
        with tarfile.open(self.archive) as tar:
            try:
                file = tar.extractfile(_name(path))
            except KeyError:
                return ""
            return file.read().decode(errors="surrogateescape") if file else ""

    def _reach_disk(self) -> int:
        count = 0
        with tarfile.open(self.archive) as tar:
            for member in tar:
                if member.isreg():
                    files.reach_disk(Path("/") / member.name)
                    count += 1
        return count

    def forget(self) -> None:
        """Remove it: it holds passwords."""
        self._facts.unlink(missing_ok=True)
        self.archive.unlink(missing_ok=True)


def prune(folder: Path, keep: int = KEPT) -> list[int]:
    """Forget all but the newest `keep` snapshots; returns the numbers that stay."""
    place = folder / journal.FOLDER / "snapshots"
    numbers = sorted((int(path.stem) for path in place.glob("*.tar") if path.stem.isdigit()), reverse=True)
    for number in numbers[keep:]:
        Snapshot(folder, number).forget()
    return numbers[:keep]


def _name(path: Path) -> str:
    return str(path).lstrip("/")


def _trust(tar: tarfile.TarFile) -> None:
    """Keep owners and modes, which newer Pythons take away unless told."""
    if hasattr(tarfile, "fully_trusted_filter"):
        tar.extraction_filter = staticmethod(tarfile.fully_trusted_filter)


def _below(root: Path) -> Iterator[Path]:
    if os.path.lexists(root):
        yield root
    if root.is_dir() and not root.is_symlink():
        for child in root.iterdir():
            yield from _below(child)


def _same(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    if member.issym():
        return path.is_symlink() and str(path.readlink()) == member.linkname
    if (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) != (member.mode, member.uid, member.gid):
        return False
    if member.isdir():
        return stat.S_ISDIR(status.st_mode)
    file = tar.extractfile(member) if member.isreg() or member.islnk() else None
    return file is None or (stat.S_ISREG(status.st_mode) and path.read_bytes() == file.read())
