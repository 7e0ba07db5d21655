"""Files on the host, written whole or not at all, and what prepare leaves behind."""

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from harborweb.tools import prepare


def write_whole(path: Path, text: str, mode: int = 0o600, *, by: Path | None = None) -> bool:
    """Replace `path` by `text`, or leave it as it was; False when it has this text and mode already.

    A temporary file beside it, or in the folder `by` of the same file system, fsync, rename, fsync of the folder.
    """
    data = text.encode(errors="surrogateescape")
    if path.is_file() and path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
        return False
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=by or path.parent)
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
    reach_disk(path.parent)
    return True


def reach_disk(path: Path) -> None:
    """Return once `path` (a folder: its list of names) would survive a power cut."""
    with suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def copy(source: Path, target: Path) -> None:
    """Copy a file, link or folder with owners, modes and times; sockets and pipes are left out."""
    status = source.lstat()
    if stat.S_ISLNK(status.st_mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISDIR(status.st_mode):
        target.mkdir(exist_ok=True)
        for child in source.iterdir():
            copy(child, target / child.name)
    elif stat.S_ISREG(status.st_mode):
        shutil.copyfile(source, target)
    else:
        return
    with suppress(PermissionError):  # who is not root cannot give files away; what he copies is his
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        target.chmod(stat.S_IMODE(status.st_mode))
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def remove(path: Path) -> None:
    """Remove a file, link or folder; nothing happens when there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> bool:
    """Remove `input/`, where prepare leaves harbor.yml in the clear; False when there is none."""
    leftover = folder / "input"
    if not os.path.lexists(leftover / prepare.CONFIGURATION):
        return False
    if leftover.is_symlink():
        (leftover / prepare.CONFIGURATION).unlink()
    else:
        shutil.rmtree(leftover)
    return True
