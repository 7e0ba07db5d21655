"""What a deployment is doing, on the host's disk: so that whoever comes after a killed worker finds the truth.

One JSON file, `.harborweb/journal.json` in the installer folder (0700). It names the step *before* the step touches
anything, is written whole and reaches the disk before the step begins, and is removed when everything is put right.
It holds no secret.
"""

import json
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.deployment import files
from harborweb.errors import Problem

FOLDER = ".harborweb"
NAME = "journal.json"


class Phase(StrEnum):
    """Where a deployment is. Until PULL nothing is touched; from LEFTOVERS on the new one has been accepted."""

    LOCK = "lock"
    CHECKS = "checks"
    SNAPSHOT = "snapshot"
    REHEARSE = "rehearse"
    PULL = "pull"
    DOWN = "down"
    WRITE = "write"
    UP = "up"
    HEALTHY = "healthy"
    PROBE = "probe"
    LEFTOVERS = "leftovers"
    SETTLE = "settle"
    ROLLBACK_DOWN = "rollback down"
    ROLLBACK_FILES = "rollback files"
    ROLLBACK_UP = "rollback up"
    ROLLBACK_HEALTHY = "rollback healthy"
    STUCK = "stuck"  # the rollback failed too


UNTOUCHED = frozenset({Phase.LOCK, Phase.CHECKS, Phase.SNAPSHOT, Phase.REHEARSE, Phase.PULL})
ACCEPTED = frozenset({Phase.LEFTOVERS, Phase.SETTLE})


@dataclass
class Journal:
    """An unfinished deployment. `write(phase)` before each step; `close()` when all is right."""

    folder: str
    token: str  # of its Deployment row
    number: int = 0
    revision: int = 0
    claim: str = ""  # of its job
    old_folder: str = ""  # where what it replaces was started from
    roll_back: bool = True
    phase: str = Phase.LOCK
    at: str = ""
    began: str = ""
    version: int = field(default=1)

    @property
    def home(self) -> Path:
        """The folder that holds everything of ours."""
        return Path(self.folder) / FOLDER

    def write(self, phase: Phase) -> None:
        """`phase` begins: on disk when this returns."""
        self.phase, self.at = phase, timezone.now().isoformat()
        self.began = self.began or self.at
        home(Path(self.folder), make=True)
        files.write_whole(self.home / NAME, json.dumps(asdict(self), indent=1))

    def close(self) -> None:
        """Nothing is left to put right."""
        (self.home / NAME).unlink(missing_ok=True)
        files.reach_disk(self.home)
        sweep(Path(self.folder))


def home(folder: Path, *, make: bool = False) -> Path:
    """`.harborweb` of an installer folder, 0700; raises Problem where it is not ours."""
    ours = folder / FOLDER
    if make and not os.path.lexists(ours):
        ours.mkdir(mode=0o700)
        files.reach_disk(folder)
    if os.path.lexists(ours):
        _refuse_forged(folder, ours)
    if make and ours.stat().st_mode & 0o777 != 0o700:
        ours.chmod(0o700)
    return ours


def _refuse_forged(folder: Path, ours: Path) -> None:
    """Raise Problem where somebody else may have written what says which files are removed and put back."""
    status = ours.lstat()
    if stat.S_ISDIR(status.st_mode) and status.st_uid in {0, os.geteuid(), folder.stat().st_uid}:
        return
    raise Problem(
        _("%(path)s was not made by harborweb: it is a link, or belongs to somebody else.") % {"path": ours},
        _("Look who may write to that folder, and remove it."),
    )


def read(folder: Path) -> Journal | None:
    """The unfinished deployment in `folder`; None when there is none. A journal nobody can read counts as stuck."""
    path = home(folder) / NAME
    try:
        text = path.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        content: dict[str, Any] = json.loads(text)
        known = {name: content[name] for name in Journal.__dataclass_fields__ if name in content}
        return Journal(**{**known, "folder": str(folder)})  # the folder may have been moved
    except (ValueError, TypeError):
        return Journal(folder=str(folder), token="", phase=Phase.STUCK)


def sweep(folder: Path) -> None:
    """Remove rehearsals and half-written files of ours, and the folder itself when nothing is in it."""
    ours = folder / FOLDER
    for scratch in ours.glob("rehearsal-*"):
        shutil.rmtree(scratch, ignore_errors=True)
    for part in (*ours.glob("snapshots/*.part"), *ours.glob(".*")):
        part.unlink(missing_ok=True)
    with suppress(OSError):
        (ours / "snapshots").rmdir()
    with suppress(OSError):
        ours.rmdir()
