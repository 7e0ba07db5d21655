"""The files of an installer folder: written whole or not at all, and put back when an attempt fails."""

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harborweb.tools import compose, prepare

# What prepare replaces or empties (facts/harbor.md), beside the harbor.yml that is ours to write.
KEPT = (prepare.CONFIGURATION, compose.FILE, "common/config")
PREFIX = ".harborweb-kept-"


def write_whole(path: Path, text: str, mode: int = 0o600) -> bool:
    """Replace `path` by `text`, or leave it as it was; False when it has this text and mode already.

    A temporary file beside it, fsync, rename, fsync of the folder.
    """
    data = text.encode()
    if path.is_file() and path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
        return False
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except BaseException:  # also Ctrl-C leaves no half file; raised again
        fresh.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


class Copy:
    """A copy of KEPT in one 0600 file beside them, with owners and modes; it appears whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path, self.folder = path, path.parent

    @classmethod
    def make(cls, path: Path) -> "Copy":
        """Copy what there is of KEPT in the folder of `path`."""
        fresh = path.with_suffix(".part")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                for name in KEPT:
                    if (path.parent / name).exists():
                        tar.add(path.parent / name, name)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        return cls(path)

    def put_back(self) -> None:
        """Make KEPT what it was: also what did not exist is gone again. Folders keep their inode: they are mounted."""
        with tarfile.open(self.path) as tar:
            names = set(tar.getnames())
            for name in KEPT:
                _clear(self.folder / name, keep_folder=name in names)
            # our own file: "fully trusted" keeps owners and modes
            if hasattr(tarfile, "fully_trusted_filter"):
                tar.extraction_filter = staticmethod(tarfile.fully_trusted_filter)
            tar.extractall(self.folder, numeric_owner=True)  # noqa: S202

    def forget(self) -> None:
        """Remove the copy: it holds passwords."""
        self.path.unlink(missing_ok=True)


def _clear(path: Path, *, keep_folder: bool) -> None:
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            _clear(child, keep_folder=False)
        if not keep_folder:
            path.rmdir()
    else:
        path.unlink(missing_ok=True)


@contextmanager
def kept(folder: Path, number: int) -> Iterator[Copy]:
    """While deployment `number` changes KEPT; when the block fails, whatever the reason, they are put back."""
    copy = Copy.make(folder / f"{PREFIX}{number}.tar")
    try:
        yield copy
    except BaseException:  # whatever ended it, a stop too, the files come back; raised again
        copy.put_back()
        copy.forget()
        raise
    copy.forget()


def recover(folder: Path) -> list[str]:
    """Put back what a deployment had kept whose worker was killed; returns the names of such copies."""
    for unfinished in folder.glob(f"{PREFIX}*.part"):
        unfinished.unlink()
    found = sorted(folder.glob(f"{PREFIX}*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found:  # the newest first: the oldest, from before all of them, counts
        copy = Copy(path)
        copy.put_back()
        copy.forget()
    return [path.name for path in found]


def remove_leftovers(folder: Path) -> bool:
    """Remove `input/`, where a prepare that failed leaves harbor.yml in the clear; False when there is none."""
    leftover = folder / "input"
    if not (leftover / prepare.CONFIGURATION).exists():
        return False
    shutil.rmtree(leftover)
    return True
