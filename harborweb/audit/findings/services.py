"""What people do with findings: acknowledge them, and take that back."""

from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.accounts.services import person, record
from harborweb.audit.findings.lifecycle import BATCH, log
from harborweb.audit.models import Finding
from harborweb.errors import Problem

State = Finding.State
LONGEST_NOTE = 500


@transaction.atomic
def acknowledge(request: HttpRequest, findings: QuerySet[Finding], note: str) -> int:
    """Take those of `findings` that are open off the first list, with a note; how many there were.

    They stay findings. Raises Problem without a note, or where none is open.
    """
    note = note.strip()[:LONGEST_NOTE]
    if not note:
        raise Problem(
            _("Nothing was acknowledged: there is no note."),
            _("Say why it may wait, and who looks after it."),
            field="note",
        )
    numbers = list(findings.filter(state__in=Finding.ACTIVE).order_by().values_list("pk", flat=True))
    if not numbers:
        raise Problem(_("Nothing was acknowledged: no open finding is chosen."), _("Tick at least one."))
    who, now = person(request).get_username(), timezone.now()
    names: set[str] = set()
    for start in range(0, len(numbers), BATCH):
        some = Finding.objects.filter(pk__in=numbers[start : start + BATCH])
        some.update(
            state=State.ACKNOWLEDGED,
            note=note,
            by=who,
            changed=now,
            known_verdict=F("verdict"),
            known_reason=F("reason"),
        )
        changed = list(some.only("verdict", "reason", "state", "repository", "digest"))
        log(changed, now, who, note)
        names.update(one.repository for one in changed)
    count = ngettext("%(n)d finding", "%(n)d findings", len(numbers)) % {"n": len(numbers)}
    record(request, "acknowledge findings", ", ".join(sorted(names))[:512], f"{count}: {note}")
    return len(numbers)


@transaction.atomic
def reopen(request: HttpRequest, finding: Finding) -> None:
    """Put an acknowledged finding back on the first list."""
    now, who = timezone.now(), person(request).get_username()
    mine = Finding.objects.filter(pk=finding.pk, state=State.ACKNOWLEDGED)
    if mine.update(state=State.REOPENED, changed=now, note="", by="", known_verdict="", known_reason=""):
        finding.refresh_from_db()
        log([finding], now, who)
        record(request, "reopen finding", f"{finding.repository}@{finding.digest}")
