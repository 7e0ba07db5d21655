"""What the checks of the machine are given, and the sheet on which each writes what it finds."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from harborweb.configuration.faults import Fault
from harborweb.configuration.text.document import Document
from harborweb.deployment import wanted
from harborweb.masking import Masker
from harborweb.tools import engine

MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
SIGNS = {"error": "✗", "warning": "!", "unknown": "?", "fine": "✓"}
ORDER = {"error": 0, "warning": 1, "unknown": 2, "fine": 3}


@dataclass(frozen=True)
class Finding:
    """One sentence about the machine and one key.

    `state` is error (prepare or compose would stop), warning (look at it), fine, or unknown (could not be looked
    at from here, which is no fault).
    """

    state: str
    check: str  # the title of the check that found it
    key: str
    line: int | None
    message: str
    why: str = ""
    advice: str = ""

    def fault(self) -> Fault:
        """The finding as the rules of a harbor.yml write theirs; only for errors and warnings."""
        return Fault(self.state, self.key, self.line, self.message, self.why, self.advice)

    def said(self) -> str:
        """As a line of a log."""
        key = f"{self.key}: " if self.key else ""
        return " ".join(part for part in (SIGNS[self.state], key + self.message, self.why, self.advice) if part)

    def masked(self, masker: Masker) -> "Finding":
        """Without the secrets that the other side's answer may repeat."""
        return replace(
            self, message=masker.mask(self.message), why=masker.mask(self.why), advice=masker.mask(self.advice)
        )


@dataclass
class Sheet:
    """The findings of one check, and the document whose lines they name."""

    check: str
    document: Document
    findings: list[Finding] = field(default_factory=list)

    def error(self, key: str, message: str, why: str = "", advice: str = "") -> None:
        """prepare or compose itself would stop here."""
        self._add("error", key, message, why, advice)

    def warning(self, key: str, message: str, why: str = "", advice: str = "") -> None:
        """Someone should look at it."""
        self._add("warning", key, message, why, advice)

    def fine(self, key: str, message: str) -> None:
        """Looked at, and as it should be."""
        self._add("fine", key, message, "", "")

    def unknown(self, key: str, message: str, why: str = "", advice: str = "") -> None:
        """Cannot be known from here; no fault."""
        self._add("unknown", key, message, why, advice)

    def _add(self, state: str, key: str, message: str, why: str, advice: str) -> None:
        self.findings.append(Finding(state, self.check, key, self._line(key), message, why, advice))

    def _line(self, key: str) -> int | None:
        """The line of `key`, or of the nearest block above it that is there."""
        parts = key.split(".") if key else []
        for depth in range(len(parts), 0, -1):
            if self.document.has(".".join(parts[:depth])):
                return self.document.line(".".join(parts[:depth]))
        return None


@dataclass(frozen=True)
class Machine:
    """What all checks are given: the text, what it wants, and the folder of the installer where it is known."""

    document: Document
    wishes: wanted.Wanted
    installer: Path | None
    replaces: Path | None = None  # the folder whose containers make way, where that is another one

    @classmethod
    def of(cls, text: str, installer: Path | None, replaces: Path | None = None) -> "Machine":
        """For a harbor.yml; raises TextProblem where YAML cannot read it."""
        return cls(Document(text), wanted.read(text), installer, replaces)

    @cached_property
    def files_hidden(self) -> bool:
        """Whether the files and ports here are not those of Harbor's machine: we run in one of its containers, or
        the engine is another machine's."""
        host = os.environ.get("DOCKER_HOST", "")
        if host and not host.startswith("unix:"):
            return True
        if not any(mark.exists() for mark in MARKS):
            return False
        try:
            with engine.connect(timeout=2) as client:
                return engine.holds_us(client)
        except engine.EngineError:
            return False

    def word(self, key: str) -> str:
        """The value of a key as text; empty when it has none."""
        value = self.document.get(key)
        return "" if value is None else str(value).strip()

    def on(self, key: str, default: bool = False) -> bool:
        """Whether a switch is on: prepare takes any text for yes, "false" too; the registry's drivers read the word."""
        value = self.document.get(key)
        if value is None:
            return default
        return str(value).lower() in {"true", "yes", "on", "1"} if key.startswith("storage_service.") else bool(value)

    def number(self, key: str, default: int) -> int | None:
        """A whole number; None where something else stands."""
        text = self.word(key) or str(default)
        return int(text) if text.isascii() and text.lstrip("-").isdigit() and len(text) < 12 else None


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, warnings, what could not be seen, what is fine; each in the order of the text."""
    return sorted(findings, key=lambda finding: (ORDER[finding.state], finding.line or 0))
