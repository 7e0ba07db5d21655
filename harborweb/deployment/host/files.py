"""Files of the machine as prepare sees them: from inside a container that has `/` mounted at /hostfs.

A relative link works there. A link to an absolute path does not: it points into the container itself
(facts on the installer; prepare copies what it finds below /hostfs).
"""

import os
from dataclasses import dataclass
from pathlib import Path

MOST_LINKS = 40
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Seen:
    """What is at a path. `kind`: file, folder, missing, link (absolute, so not found by prepare), denied, other."""

    kind: str
    path: Path  # where it ends, or where the way there ends
    target: str = ""  # of the link that leads nowhere
    mode: int = 0
    uid: int = -1
    gid: int = -1
    size: int = 0


def look(path: str) -> Seen:
    """What prepare would find at the absolute `path`. Raises nothing."""
    here, rest, links = Path("/"), [part for part in path.split("/") if part], 0
    try:
        while rest:
            part = rest.pop(0)
            if part in {".", ".."}:
                here = here.parent if part == ".." else here
                continue
            here = here / part
            if here.is_symlink():
                target = str(here.readlink())
                links += 1
                if target.startswith("/") or links > MOST_LINKS:
                    return Seen("link", here, target)
                rest = [*(one for one in target.split("/") if one), *rest]
                here = here.parent
            else:
                here.lstat()
        return _stat(here)
    except PermissionError:
        return Seen("denied", here)
    except (OSError, ValueError):  # ValueError: a NUL in it
        return Seen("missing", here)


def _stat(path: Path) -> Seen:
    stat = path.stat()
    kind = "folder" if path.is_dir() else "file" if path.is_file() else "other"
    return Seen(kind, path, "", stat.st_mode & 0o7777, stat.st_uid, stat.st_gid, stat.st_size)


def read(path: Path) -> bytes | None:
    """The content of a regular file of reasonable size; None when it may not be read, is larger, or is a device."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def readable_by(seen: Seen, uid: int) -> bool:
    """As prepare judges it: the owner's bit where `uid` owns the file, the bit for others elsewhere."""
    return bool(seen.mode & (0o400 if seen.uid == uid else 0o004))


def existing(path: Path) -> Path:
    """`path` itself or the nearest folder above it that is there."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path
