"""“Check this machine” as a job of the host worker: look, log, and keep the findings for the page."""

import dataclasses
import socket
import time
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from harborweb.configuration import services as configuration
from harborweb.configuration.models import Revision
from harborweb.deployment import host, looking, wanted
from harborweb.deployment.models import Installer
from harborweb.errors import Problem
from harborweb.jobs.run import Run


def check(run: Run) -> dict[str, Any]:
    """Hold a revision, or the draft as it stands now, against this machine.

    1 Look at this machine: everything side by side, at most 8 s. Changes nothing but a test object in S3 storage and
    a test key in Redis, which it removes.
    """
    text = _text(run)
    for secret in wanted.secrets(text):
        run.secret(secret)
    run.step(1, 1, _("Look at this machine"))
    installer, replaces = folders()
    began = time.monotonic()
    found = host.examine(text, installer=installer, replaces=replaces)
    seconds = time.monotonic() - began
    if not found:
        raise Problem(_("This text is no YAML, so there is nothing to hold against the machine."), _("Mend it first."))
    for one in found:
        run.line(one.said())
    return {
        "findings": [dataclasses.asdict(one) for one in found], "machine": socket.gethostname(),
        "seconds": round(seconds, 1), "draft": run.arguments.get("draft"), "revision": run.arguments.get("revision"),
    }  # fmt: skip


def _text(run: Run) -> str:
    if number := run.arguments.get("revision"):
        found = Revision.objects.filter(number=number).first()
        if found is None:
            raise Problem(_("There is no revision %(number)s any more.") % {"number": number})
        return found.text()
    draft = configuration.current_draft()
    if draft is None:
        raise Problem(_("There is no draft any more."), _("Check the saved revision instead."))
    return draft.text()


def folders() -> tuple[Path | None, Path | None]:
    """The folder that would be deployed from, and the one that runs."""
    installer, running = Installer.objects.filter(ready=True).first(), looking.running()
    runs = Path(running.installer.path) if running else None
    return (Path(installer.path) if installer else runs), runs
