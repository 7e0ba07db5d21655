"""One hand at a time on an installer folder, also across programs: flock on the folder itself.

A shell takes it with `flock -n FOLDER COMMAND`, another harborweb by the same call. The kernel drops it with the
process that holds it, however that ends; programs it had started do not inherit it.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.errors import Problem

PATIENCE = 3.0  # whoever only looks has let go by then


class Busy(Problem):
    """Somebody else holds the folder."""


@contextmanager
def held(folder: Path, seconds: float = PATIENCE) -> Iterator[None]:
    """Hold `folder` alone while the block runs; raises Busy when another does for longer than `seconds`."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + seconds
        while not _taken(handle, fcntl.LOCK_EX):
            if time.monotonic() > until:
                raise Busy(
                    _("Something else is working in %(folder)s now.") % {"folder": folder},
                    _("Another deployment, or a command under flock, holds this folder. Wait until it is finished."),
                )
            time.sleep(0.1)
        yield
    finally:
        os.close(handle)


def is_free(folder: Path) -> bool:
    """Whether nobody works in `folder` now."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _taken(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _taken(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return False
        if error.errno in {errno.ENOTSUP, errno.ENOLCK, errno.EBADF, errno.EINVAL}:
            return True  # a file system without locks: the queue's own "one at a time" has to do
        raise
    return True
