"""The job of a dry run, on Harbor's host: nothing but scratch copies is touched."""

import json
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from harborweb.deployment import checks, rehearsal, rendered, sentences, wanted
from harborweb.deployment.dry_run import comparing
from harborweb.deployment.dry_run.comparing import Found
from harborweb.deployment.models import DryRun
from harborweb.deployment.transaction import lock
from harborweb.jobs.run import Run
from harborweb.sealing import seal, unseal
from harborweb.tools import prepare

STEPS = 4
PURPOSE = "dry run"


def step_names() -> list[str]:
    """The names of the steps."""
    return [_("Check"), _("Rehearse"), _("Rehearse again"), _("Compare")]


def dry_run(run: Run) -> dict[str, Any]:
    """Find out what deploying a revision, or the draft, would change.

    1 Check: engine, compose, the installer
    2 Rehearse: prepare in a scratch copy of folder and secrets, then `compose config -q`
    3 Rehearse again: what differs between two runs only rotates
    4 Compare with the files of what runs
    """
    row = DryRun.objects.select_related("revision", "installer").get(pk=run.arguments["dry_run"])
    folder, text = Path(row.installer.path), row.text()
    secrets = set(wanted.secrets(text))
    for secret in secrets:
        run.secret(secret)
    run.step(1, STEPS, _("Check"))
    program = checks.tools(run)
    checks.folder(folder)
    rehearsal.sound_volume(text)
    old = checks.replaced(folder)
    secrets |= _secrets_on_disk(run, old)
    try:
        with lock.held(folder):
            run.step(2, STEPS, _("Rehearse"))
            with rehearsal.rehearse(run, folder, text, with_trivy=row.with_trivy, program=program) as made:
                first = made.rendered()
            run.step(3, STEPS, _("Rehearse again"))
            with rehearsal.rehearse(run, folder, text, with_trivy=row.with_trivy) as made:
                second = made.rendered()
        run.step(4, STEPS, _("Compare"))
        before = rendered.read(old)
    except OSError as error:
        raise sentences.disk(error) from error
    found = comparing.compare(before, first, comparing.rotating(first, second), secrets)
    if old != folder:
        found = Found(**{**vars(found), "moved_from": str(old)})
    keep(row, found)
    run.line(
        _("%(n)d files would differ, %(same)d would be as they are.") % {"n": len(found.files), "same": found.same}
    )
    return {
        "dry_run": row.pk, "files": len(found.files), "containers": len(found.touched),
        "url": reverse("deployment:dry_run", args=[row.pk]),
    }  # fmt: skip


def _secrets_on_disk(run: Run, folder: Path) -> set[str]:
    """The passwords of the configuration that runs: a changed one must not show in the difference."""
    try:
        found = set(wanted.secrets((folder / prepare.CONFIGURATION).read_text()))
    except (OSError, UnicodeDecodeError, ValueError):
        return set()
    for secret in found:
        run.secret(secret)
    return found


def keep(row: DryRun, found: Found) -> None:
    """Seal what was found into the row."""
    row.sealed = seal(json.dumps(found.record()), PURPOSE)
    row.save()


def of(row: DryRun) -> Found | None:
    """What a dry run found; None while it has found nothing."""
    return Found.of(json.loads(unseal(row.sealed, PURPOSE))) if row.sealed else None
