"""One check at a time, on a harbor.yml of a few lines."""

from pathlib import Path
from typing import Any

from harborweb.deployment import wanted
from harborweb.deployment.host.findings import Finding, Machine, Sheet
from harborweb.masking import Masker


def findings(look: Any, text: str, installer: Path | None = None) -> list[Finding]:
    """What the check `look` writes about `text`."""
    machine = Machine.of(text, installer)
    sheet = Sheet("test", machine.document)
    look(machine, sheet)
    return [one.masked(Masker(wanted.secrets(text))) for one in sheet.findings]


def faults(look: Any, text: str, installer: Path | None = None) -> list[tuple[str, str]]:
    """(state, key) of every error and warning."""
    return [(one.state, one.key) for one in findings(look, text, installer) if one.state in {"error", "warning"}]


def the_one(look: Any, text: str, installer: Path | None = None) -> Finding:
    """The only error or warning."""
    found = [one for one in findings(look, text, installer) if one.state in {"error", "warning"}]
    assert len(found) == 1, found
    return found[0]
