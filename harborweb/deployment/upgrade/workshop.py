"""The job that prepares an upgrade: it reads both installers and runs migrate on a copy. Nothing is changed."""

import json
from pathlib import Path
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from harborweb.configuration.text.document import Document
from harborweb.configuration.text.merging import three_way
from harborweb.deployment import checks, sentences, wanted
from harborweb.deployment.models import Upgrade
from harborweb.deployment.upgrade import migrating
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.sealing import seal, unseal
from harborweb.tools import prepare

STEPS = 3
PURPOSE = "upgrade"


def step_names() -> list[str]:
    """The names of the steps."""
    return [_("Read both installers"), _("prepare migrate on a copy"), _("Merge")]


def plan(run: Run) -> dict[str, Any]:
    """Prepare an upgrade.

    1 Read both installers: the harbor.yml that runs, its template, the new template
    2 prepare migrate of the new installer, on a copy
    3 Merge, so that what cannot be merged is said now
    """
    row = Upgrade.objects.select_related("before__installer", "before__revision", "installer").get(
        pk=run.arguments["upgrade"]
    )
    run.step(1, STEPS, _("Read both installers"))
    old, new = Path(row.before.installer.path), Path(row.installer.path)
    checks.folder(new)
    ours = _ours(run, row, old)
    for secret in wanted.secrets(ours):
        run.secret(secret)
    try:
        theirs = (new / prepare.TEMPLATE).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(_("The template of the new installer cannot be read."), _("Add that installer again.")) from error
    base = _base(row, old)
    run.step(2, STEPS, _("prepare migrate on a copy"))
    target = str(Document(theirs).get("_version") or "")
    try:
        migrated = migrating.migrate(run, new, ours, target) if target else migrating.Migrated("", _("No version."))
    except OSError as error:
        raise sentences.disk(error) from error
    if migrated.note:
        run.line(_("The merge does without migrate: %(why)s") % {"why": migrated.note}, "err")
    run.step(3, STEPS, _("Merge"))
    texts = {"base": base, "ours": ours, "theirs": theirs, "migrated": migrated.text}
    merged = three_way(base, ours, theirs, migrated=migrated.text)
    note = migrated.note or merged.migrated_problem
    row.migrate_note = run.masker.mask(note)
    keep(row, texts)
    words = {"added": len(merged.of("added")), "n": len([item for item in merged.items if item.choices])}
    run.line(_("%(added)d keys are new, %(n)d are for you to decide.") % words)
    return {"upgrade": row.pk, "url": reverse("deployment:upgrade", args=[row.pk])}


def _ours(run: Run, row: Upgrade, old: Path) -> str:
    """The operator's file as it lies in the folder that runs; what was deployed where it cannot be read."""
    try:
        text = (old / prepare.CONFIGURATION).read_text()
    except (OSError, UnicodeDecodeError):
        run.line(_("The harbor.yml in %(folder)s cannot be read: the deployed revision counts.") % {"folder": old})
        return row.before.revision.text()
    if text != row.before.revision.text():
        run.line(_("The harbor.yml in %(folder)s is not the deployed revision: the file counts.") % {"folder": old})
    return text


def _base(row: Upgrade, old: Path) -> str:
    """The template that the operator's file began from: the old folder's, else what harborweb keeps of it."""
    try:
        return (old / prepare.TEMPLATE).read_text()
    except (OSError, UnicodeDecodeError):
        return row.before.installer.template() or row.before.revision.template()


def keep(row: Upgrade, texts: dict[str, str]) -> None:
    """Seal base, ours, theirs and migrated into the row."""
    row.texts_sealed = seal(json.dumps(texts), PURPOSE)
    row.save()


def texts(row: Upgrade) -> dict[str, str]:
    """base, ours, theirs and migrated; empty while the job is not done."""
    found: dict[str, str] = json.loads(unseal(row.texts_sealed, PURPOSE)) if row.texts_sealed else {}
    return found
