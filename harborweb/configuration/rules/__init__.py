"""What prepare would refuse, and what it should have refused. Pure: text in, faults out; no file, no network.

Sources: Harbor's prepare as observed (facts), and its source. An error is what makes prepare stop or what surely
cannot work; everything else is a warning. `check` is the door; the rules stand beside it, a file for a few blocks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.configuration.faults import Fault, Sheet, shown_value
from harborweb.configuration.fields import NEWEST, Tls
from harborweb.configuration.rules import address, blocks, entrance, rendered, storage, unknown, values, watching
from harborweb.configuration.rules.storage import shell_reads
from harborweb.configuration.text.document import read
from harborweb.configuration.text.reading import BOM, TextProblem
from harborweb.configuration.veil import DOTS, is_secret

__all__ = ["Verdict", "check", "refused", "shell_reads"]

KNOWN_RELEASES = frozenset({"2.11", "2.12", "2.13", "2.14", "2.15"})

Rule = Callable[[Sheet], None]


@dataclass(frozen=True)
class Verdict:
    """All faults of a text, worst first, and what they come to."""

    faults: tuple[Fault, ...]

    @property
    def word(self) -> str:
        """refused, warned or ok."""
        if any(fault.severity == "error" for fault in self.faults):
            return "refused"
        return "warned" if self.faults else "ok"

    def record(self) -> dict[str, object]:
        """The verdict as tools want it (issue 4, JSON)."""
        return {"verdict": self.word, "problems": [fault.record() for fault in self.faults]}

    def plus(self, faults: list[Fault]) -> "Verdict":
        """This verdict and what else was found."""
        return _ordered([*self.faults, *faults])


def check(text: str, *, template: str | None = None, tls: Tls | None = None) -> Verdict:
    """Judge a harbor.yml. With `template`, only keys that it has can be missing; without, those of Harbor 2.15.

    `tls` is where the operator says TLS ends; without it, the text itself tells.
    """
    try:
        document = read(text)
        known = read(template) if template is not None else None
    except TextProblem as problem:
        return refused(problem)
    sheet = Sheet(document, known, tls)
    for rule in RULES:
        rule(sheet)
    return _ordered(sheet.faults)


def refused(problem: TextProblem) -> Verdict:
    """The verdict on a text that cannot be read."""
    advice = problem.advice or _("Mend this line in an editor.")
    return Verdict((Fault("error", problem.key, problem.line, problem.message, "", advice),))


def _ordered(faults: list[Fault]) -> Verdict:
    return Verdict(tuple(sorted(faults, key=lambda fault: (fault.severity != "error", fault.line or 0))))


def _version(sheet: Sheet) -> None:
    key = "_version"
    known = sheet.template.get(key) if sheet.template else f"{NEWEST}.0"
    value = sheet.get(key)
    if value is None:
        if known is not None:
            why = _("Harbor’s upgrade goes by it.")
            sheet.warning(key, _("_version is missing."), why, _("Copy that line from the template."))
    elif known is not None and not _same_release(str(value), str(known)):
        sheet.warning(
            key,
            _("This file is for Harbor %(one)s, the installer for %(other)s.")
            % {"one": shown_value(value), "other": known},
            _("Keys may have come or gone between the two."),
            _("Start from the template of the installer, or let an upgrade carry this file over."),
        )
    elif not any(_same_release(str(value), release) for release in KNOWN_RELEASES):
        what, why = _("_version %(version)s is unknown."), _("harborweb knows the keys of 2.11 to 2.15.")
        sheet.warning(key, what % {"version": shown_value(value)}, why, _("Look at every key twice."))


def _same_release(one: str, other: str) -> bool:
    """Whether two versions are of the same minor release; patches never change the template."""
    return re.split(r"[.]", one.removeprefix("v"))[:2] == re.split(r"[.]", other.removeprefix("v"))[:2]


def _byte_order_mark(sheet: Sheet) -> None:
    if sheet.document.text.startswith(BOM):
        sheet.warning(
            "", _("The file begins with a byte order mark."), _("prepare reads past it, other programs may not."),
            _("Save it as UTF-8 without BOM."), line=1,
        )  # fmt: skip


def _dots(sheet: Sheet) -> None:
    """Dots shown in place of a secret that came back as the secret, from a file that harborweb had masked."""
    for path, entry in sheet.document.tree.entries.items():
        if entry.content == DOTS and is_secret(path):
            sheet.error(
                ".".join(path),
                _("The dots are no password."),
                _("They stand for a hidden one."),
                _("Type the password itself."),
            )


# The order matters in one way only: the general rules come last and are silent about keys of which something was said.
RULES: tuple[Rule, ...] = (
    *address.RULES, *entrance.RULES, *storage.RULES, *blocks.RULES, *watching.RULES, *rendered.RULES,
    _version, _byte_order_mark, _dots, *unknown.RULES, *values.RULES,
)  # fmt: skip
