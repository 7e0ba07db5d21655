"""Which cosign this worker has: looked for here, remembered for the pages."""

import socket
import tempfile
from datetime import timedelta
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.jobs.run import Run
from harborweb.signing import words
from harborweb.signing.models import CosignFound
from harborweb.tools import cosign, cosign_features, process
from harborweb.tools.cosign import Cosign

FORGOTTEN = timedelta(days=30)  # hosts that are gone: a container has another name at each start


def remember() -> CosignFound:
    """Ask this machine's cosign for its version and write that down; no version when there is none."""
    path = cosign.find() or ""
    said = ""
    if path:
        with tempfile.TemporaryDirectory(prefix="harborweb-") as folder:
            env = cosign.environment(Path(folder))
            version = cosign.parse_version(process.run(cosign.version_command(path), env=env, timeout=30).stdout)
            if version is None:
                asked = process.run(cosign.help_command(path), env=env, timeout=30)
                version = cosign.version_by_flags(asked.stdout + asked.stderr)
        said = str(version) if version else "?"
    CosignFound.objects.filter(seen__lt=timezone.now() - FORGOTTEN).delete()
    found, _made = CosignFound.objects.update_or_create(
        host=socket.gethostname(), defaults={"version": said, "path": path, "seen": timezone.now()}
    )
    return found


def usable() -> Cosign:
    """This machine's cosign; raises Problem when there is none that harborweb knows how to drive."""
    found = remember()
    if not found.path:
        raise words.missing()
    if found.parsed is None or not cosign_features.supported(found.parsed):
        raise words.unusable(found.version)
    return Cosign(found.path, found.parsed)


def announced(run: Run) -> Cosign:
    """`usable`, with a line in the job's log about it."""
    program = usable()
    run.line(_("cosign %(version)s at %(path)s") % {"version": program.version, "path": program.path})
    if warning := words.vulnerable(program.version):
        run.line(warning)
    return program


def look(run: Run) -> dict[str, str]:
    """Look for cosign.

    1. Ask the cosign on this worker's PATH for its version
    """
    run.step(1, 1, _("Look for cosign"))
    program = announced(run)
    return {"version": str(program.version), "path": program.path}
