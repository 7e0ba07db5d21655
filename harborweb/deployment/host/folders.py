"""The folders that Harbor writes to: data_volume and the logs. Room, kind of disk, rights."""

import os
import re
import stat
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.deployment.host import files
from harborweb.deployment.host.findings import Machine, Sheet

DATA, LOGS = "data_volume", "log.local.location"
GIB = 1024**3
LEAST_FREE = 10 * GIB
RECOMMENDED = 40 * GIB  # Harbor's documentation: the least for an installation
LEAST_INODES = 100_000
NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "beegfs", "gpfs", "ocfs2")
)
GONE_AT_RESTART = frozenset(("overlay", "aufs", "tmpfs", "ramfs", "squashfs"))
WITHOUT_OWNERS = frozenset(("vfat", "exfat", "msdos", "ntfs", "ntfs3", "fuseblk"))
OWNERS = {"database": 999, "registry": 10000, "redis": 999, "job_logs": 10000}  # facts, "Owners"; redis as its image


@dataclass(frozen=True)
class Mount:
    """What a folder lies on."""

    point: Path
    kind: str
    read_only: bool


def look(machine: Machine, sheet: Sheet) -> None:
    """data_volume: a folder or nothing yet, on a disk that can hold it."""
    path = machine.wishes.data_volume
    if not path.startswith("/"):
        return
    if machine.files_hidden:
        sheet.unknown(DATA, _("The disks of Harbor’s machine cannot be seen from here: not looked at."))
        return
    here = _way(sheet, DATA, path)
    if here is None:
        return
    _disk(sheet, DATA, here)
    _room(sheet, DATA, here)
    if Path(path).is_dir():
        _rights(sheet, Path(path))


def logs(machine: Machine, sheet: Sheet) -> None:
    """log.local.location, which compose mounts."""
    path = machine.word(LOGS)
    if not path or machine.files_hidden:
        return
    if not path.startswith("/"):
        text = _("%(path)s is no absolute path.") % {"path": path}
        why = _("docker would take it for the name of a volume, or for a folder beside docker-compose.yml.")
        sheet.warning(LOGS, text, why, _("Write a whole path like /var/log/harbor."))
        return
    here = _way(sheet, LOGS, path)
    if here is not None:
        free = _free(here)
        words = {"path": path, "free": _gib(free)}
        if free < GIB:
            why = _("A full disk stops Harbor, and what else writes there.")
            sheet.warning(LOGS, _("%(path)s has %(free)s GiB left for logs.") % words, why, _("Make room."))
        else:
            sheet.fine(LOGS, _("%(path)s has %(free)s GiB left for logs.") % words)


def _way(sheet: Sheet, key: str, path: str) -> Path | None:
    """The folder, or the nearest one above it that is there; None when docker could not make it."""
    words: dict[str, object] = {"key": key, "path": path}
    try:
        here = files.existing(Path(path)).resolve()
        is_folder = here.is_dir()
        mount = mount_of(here)
    except PermissionError:
        sheet.unknown(key, _("%(path)s may not be looked at by this user: not checked.") % words)
        return None
    except (OSError, RuntimeError, ValueError) as error:
        sheet.error(key, _("%(path)s cannot be reached: %(why)s.") % {**words, "why": error}, "", _("Mend the path."))
        return None
    words["here"] = here
    stops = _("prepare stops.") if key == DATA else _("docker compose up stops.")
    if not is_folder:
        itself = str(here) == os.path.realpath(path)
        text = _("%(path)s is a file.") if itself else _("%(here)s, on the way to %(path)s, is no folder.")
        sheet.error(key, text % words, stops, _("Write the path of a folder."))
        return None
    if mount and mount.read_only:
        text = _("%(path)s lies on a disk that is mounted read-only.") % words
        sheet.error(key, text, stops, _("Mount it for writing, or choose another folder."))
        return None
    return here


def mount_of(path: Path) -> Mount | None:
    """The mount that `path` lies on, as proc_pid_mountinfo(5) tells; None where there is no /proc."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return None
    best: Mount | None = None
    for line in lines:
        left, _dash, right = line.partition(" - ")
        columns, kind = left.split(" "), right.split(" ")
        point = Path(_octal(columns[4]))
        if path.is_relative_to(point) and (best is None or len(point.parts) >= len(best.point.parts)):
            options = {*columns[5].split(","), *kind[2].split(",")}
            best = Mount(point, kind[0], "ro" in options)
    return best


def _octal(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)


def _disk(sheet: Sheet, key: str, here: Path) -> None:
    mount = mount_of(here)
    if mount is None:
        return
    words = {"path": here, "kind": mount.kind}
    if mount.kind in NETWORK or mount.kind.startswith("fuse."):
        sheet.warning(
            key,
            _("%(path)s lies on a network disk (%(kind)s).") % words,
            _("Harbor’s database and Redis need locks and owners that such disks often do not keep."),
            _("Choose a local disk; keep images elsewhere through storage_service instead."),
        )
    elif mount.kind in GONE_AT_RESTART:
        sheet.warning(
            key,
            _("%(path)s lies on %(kind)s, which does not outlive a restart or the container it belongs to.") % words,
            _("All images and the database would be gone."),
            _("Choose a folder on a disk."),
        )
    elif mount.kind in WITHOUT_OWNERS:
        sheet.warning(
            key,
            _("%(path)s lies on %(kind)s, which keeps no owners.") % words,
            _("prepare gives files to Harbor’s users there, and the database checks that they are its own."),
            _("Choose a folder on ext4, xfs or the like."),
        )
    else:
        sheet.fine(key, _("%(path)s lies on %(kind)s.") % words)


def _free(here: Path) -> int:
    disk = os.statvfs(here)
    return disk.f_bavail * disk.f_frsize


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}" if size < 10 * GIB else f"{size // GIB}"


def _room(sheet: Sheet, key: str, here: Path) -> None:
    disk = os.statvfs(here)
    free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    words = {"path": here, "free": _gib(free), "total": _gib(total), "inodes": disk.f_favail}
    if free < LEAST_FREE:
        sheet.warning(
            key, _("%(path)s has %(free)s GiB left of %(total)s GiB.") % words,
            _("A registry on a full disk loses pushes, and its database may not start again."),
            _("Make room, or choose a folder on a larger disk: Harbor recommends 40 GiB and more."),
        )  # fmt: skip
    elif total < RECOMMENDED:
        text = _("The disk of %(path)s has %(total)s GiB in all.") % words
        why = _("Harbor’s documentation asks for 40 GiB at least.")
        sheet.warning(key, text, why, _("Choose a larger disk, or storage elsewhere (storage_service)."))
    else:
        sheet.fine(key, _("%(path)s has %(free)s GiB left of %(total)s GiB.") % words)
    if disk.f_files and disk.f_favail < LEAST_INODES:
        sheet.warning(
            key, _("%(path)s has room for only %(inodes)d more files (inodes).") % words,
            _("Each layer and each link of the registry is a file."), _("Make room, or choose another disk."),
        )  # fmt: skip


def _rights(sheet: Sheet, folder: Path) -> None:
    found = folder.stat()
    words = {"path": folder, "mode": stat.S_IMODE(found.st_mode)}
    if found.st_mode & 0o002 and not found.st_mode & stat.S_ISVTX:
        sheet.warning(
            DATA, _("Everybody on this machine may write to %(path)s (mode %(mode)04o).") % words,
            _("They could exchange Harbor’s keys and images."), _("Type “chmod 755 %(path)s”.") % words,
        )  # fmt: skip
    else:
        sheet.fine(DATA, _("Only its owner and group may write to %(path)s.") % words)
    for name, owner in OWNERS.items():
        if strange := _stranger(folder / name, owner):
            words = {"path": strange.path, "uid": strange.stat(follow_symlinks=False).st_uid, "owner": owner}
            sheet.warning(
                DATA,
                _("%(path)s belongs to user %(uid)d, not to %(owner)d.") % words,
                _("That container could not write there; this happens when a folder is copied without its owners."),
                _("Type “chown -R %(owner)d:%(owner)d %(folder)s”.") % {**words, "folder": folder / name},
            )


def _stranger(folder: Path, owner: int) -> "os.DirEntry[str] | None":
    """Something in `folder` that is not its container's; the folder itself prepare gives away anew."""
    try:
        with os.scandir(folder) as entries:
            first = list(islice(entries, 20))
        return next((one for one in first if one.stat(follow_symlinks=False).st_uid != owner), None)
    except OSError:
        return None
