"""A harbor.yml on disk: read as it is, written whole or not at all."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.configuration.text.reading import LARGEST, TextProblem
from harborweb.errors import Problem

MOST = 4 * LARGEST  # bytes


def decoded(content: bytes) -> str:
    """The text of a harbor.yml, line ends as they are; raises TextProblem for what is none."""
    if len(content) > MOST:
        raise TextProblem(
            _("This file is larger than %(most)s KB.") % {"most": MOST // 1024},
            _("A harbor.yml has some 15 KB. Look whether this is the right file."),
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise TextProblem(
            _("This file is no text in UTF-8, and prepare stops at it."),
            _("Save it as UTF-8."),
            line=content.count(b"\n", 0, error.start) + 1,
        ) from error


def content_of(path: Path) -> bytes:
    """At most one byte more than is read; raises OSError."""
    with path.open("rb") as file:
        return file.read(MOST + 1)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Nobody else who asks comes between reading and writing `path` (a lock on its folder, which leaves nothing)."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            folder = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def write_whole(path: Path, content: bytes) -> None:
    """Write `path` whole or not at all: a file beside it, fsync, rename. A link stays a link, its target is written.

    Mode, owner and extended attributes stay; a new file is 0600. Raises OSError, or Problem for what is no file or
    would get another owner.
    """
    target = path.resolve()
    try:
        before = target.stat()
    except FileNotFoundError:
        before = None
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise Problem(_("%(path)s is no ordinary file.") % {"path": path}, _("Name another one with --output."))
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if before is not None:
                _like(file.fileno(), target, before)
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:  # half a file is none; raised again
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _like(handle: int, target: Path, before: os.stat_result) -> None:
    """Give the new file owner, mode and attributes of the one it replaces."""
    mine = os.fstat(handle)
    if (mine.st_uid, mine.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(handle, before.st_uid, before.st_gid)
        except PermissionError as error:
            raise Problem(
                _("%(path)s belongs to somebody else, and would be yours after this.") % {"path": target},
                _("Do it as its owner or as root, or write elsewhere with --output."),
            ) from error
    os.fchmod(handle, stat.S_IMODE(before.st_mode))
    with contextlib.suppress(OSError):  # a file system without them
        for name in os.listxattr(target):
            with contextlib.suppress(OSError):
                os.setxattr(handle, name, os.getxattr(target, name))
