"""The jobs of backups, on Harbor's host: take the passphrase out of its slot, do the work, write the row."""

import dataclasses
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from harborweb import sealing
from harborweb.deployment.backup import gathering, making, restoring
from harborweb.deployment.console import Teller
from harborweb.deployment.models import Backup
from harborweb.jobs.run import Run


def back_up(run: Run) -> dict[str, Any]:
    """Make the backup of a row; the steps are those of `making.make`."""
    backup = Backup.objects.select_related("installer").get(pk=run.arguments["backup"])
    passphrase = sealing.take_once(run.arguments["slot"]).decode()
    folder = Path(backup.installer.path if backup.installer else "")
    made = make(run, folder, passphrase, with_database=backup.with_database)
    keep(backup, made)
    return {"backup": backup.pk, "path": str(made.path), "size": made.size, "files": made.files}


def make(
    run: Teller, folder: Path, passphrase: str, *, with_database: bool = True, target: Path | None = None
) -> making.Made:
    """Back up `folder` to `target`, by default among the backups, named after version and time."""
    if target is None:
        target = settings.BACKUPS_DIR / making.file_name(gathering.look(folder).version)
    return making.make(run, folder, passphrase, target, with_database=with_database)


def keep(backup: Backup, made: making.Made) -> None:
    """Write into the row what was made."""
    for name, value in dataclasses.asdict(made).items():
        if name != "registry_more":
            setattr(backup, name, str(value) if name == "path" else value)
    backup.ready = timezone.now()
    backup.save()


def restore(run: Run) -> dict[str, Any]:
    """Restore a backup into an empty folder; the steps are those of `restoring.restore`."""
    passphrase = sealing.take_once(run.arguments["slot"]).decode()
    done = restoring.restore(run, Path(run.arguments["path"]), passphrase, Path(run.arguments["folder"]))
    return {
        "folder": str(done.folder), "files": done.files, "version": done.version, "databases": list(done.databases),
        "next": done.next_steps,
    }  # fmt: skip


def restore_database(run: Run) -> dict[str, Any]:
    """Bring a restored folder's database back; the steps are those of `restoring.restore_database`."""
    done = restoring.restore_database(run, Path(run.arguments["folder"]))
    return {"folder": run.arguments["folder"], "databases": done}
