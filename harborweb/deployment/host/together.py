"""Run checks side by side, each with its own limit. A check that never comes back holds nobody up.

Threads of concurrent.futures are waited for when Python ends, and a name server that never answers cannot be
interrupted: so these are plain daemon threads, left behind when their time is over.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from harborweb.deployment.host.findings import Finding, Machine, Sheet

EACH = 3.0  # seconds


class Check(NamedTuple):
    """One look at the machine. `key` is what it is about when it does not come back in time."""

    title: str | Promise
    key: str
    look: Callable[[Machine, Sheet], None]


def run(checks: Sequence[Check], machine: Machine, seconds: float) -> list[Finding]:
    """The findings of all checks: each gets EACH seconds from now, all together at most `seconds`.

    What a check wrote before its time was over counts too.
    """
    until = time.monotonic() + min(EACH, seconds)
    sheets = [Sheet(str(check.title), machine.document) for check in checks]
    threads = [_begun(check, machine, sheet) for check, sheet in zip(checks, sheets, strict=True)]
    found: list[Finding] = []
    for check, thread, sheet in zip(checks, threads, sheets, strict=True):
        thread.join(max(0.0, until - time.monotonic()))
        late = thread.is_alive()
        ours = Sheet(sheet.check, machine.document, list(sheet.findings))  # a late one may go on writing on its own
        if late:
            _say_late(check, ours, min(EACH, seconds))
        found += ours.findings
    return found


def _begun(check: Check, machine: Machine, sheet: Sheet) -> threading.Thread:
    language = translation.get_language()

    def look() -> None:
        with translation.override(language):
            try:
                check.look(machine, sheet)
            except Exception as error:  # noqa: BLE001 - one check that fails must not hide what the others found
                sheet.unknown(
                    check.key,
                    _("This check itself failed: %(error)s.") % {"error": f"{type(error).__name__}: {error}"[:300]},
                )

    thread = threading.Thread(target=look, daemon=True, name=f"host check: {check.title}")
    thread.start()
    return thread


def _say_late(check: Check, sheet: Sheet, seconds: float) -> None:
    sheet.warning(
        check.key,
        _("%(check)s: no answer within %(seconds)g s.") % {"check": check.title, "seconds": seconds},
        _("Something it asked – a name server, a server, a disk – kept silent."),
        _("Look whether names resolve on this machine and whether the other side is reachable, then check again."),
    )
