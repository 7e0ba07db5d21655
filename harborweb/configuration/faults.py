"""One fault of a harbor.yml, and the sheet on which the rules write them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from harborweb.configuration.fields import Tls
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import Path

MISSING = object()
SHOWN = 60  # characters


@dataclass(frozen=True)
class Fault:
    """What is wrong with a key: what, why, what to do; `use` is the one value that is surely right."""

    severity: str  # error: prepare refuses it, or Harbor surely cannot work; warning: look at it
    key: str
    line: int | None
    message: str
    why: str
    advice: str
    use: str = ""

    def record(self) -> dict[str, object]:
        """The fault as tools want it (JSON)."""
        message = f"{self.message} {self.why}".strip()
        return {
            "severity": self.severity, "key": self.key, "line": self.line, "message": message, "advice": self.advice,
        }  # fmt: skip


def shown_value(value: object) -> str:
    """A value as a sentence may hold it: one of a few words, or three dots."""
    text = str(value) if isinstance(value, str | int | float) else ""
    return text if 0 < len(text) <= SHOWN and text.isprintable() else "…"


@dataclass
class Sheet:
    """A document under examination and the faults found so far."""

    document: Document
    template: Document | None = None
    tls: Tls | None = None
    faults: list[Fault] = field(default_factory=list)

    # --- reading, as prepare reads

    @cached_property
    def values(self) -> dict[str, Any]:
        """The whole file as prepare sees it, as dicts, lists and scalars; anchors and merges are followed."""
        made: dict[Path, Any] = {(): {}}
        for entry in self.document.tree.entries.values():
            value: Any = {} if entry.kind == "mapping" else [] if entry.kind == "sequence" else entry.value
            made[entry.path] = value
            parent = made[entry.path[:-1]]
            if isinstance(parent, list):
                parent.append(value)
            else:
                parent[entry.path[-1]] = value
        whole: dict[str, Any] = made[()]
        return whole

    def _at(self, key: str) -> Any:
        value: Any = self.values
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                return MISSING
            value = value[part]
        return value

    def has(self, key: str) -> bool:
        """Whether `key` is live, also when its value is empty."""
        return self._at(key) is not MISSING

    def get(self, key: str) -> Any:
        """The value of `key`, a block's as dict or list; None when it is empty or not live."""
        value = self._at(key)
        return None if value is MISSING else value

    def block(self, key: str) -> bool:
        """Whether prepare takes `key` for a block that is there: keys with at least one of them."""
        return isinstance(self.get(key), dict) and bool(self.get(key))

    def on(self, key: str) -> bool:
        """Whether prepare takes `key` for switched on. It goes by Python: any text is, "false" too."""
        return bool(self.get(key))

    # --- writing

    def error(
        self, key: str, message: str, why: str = "", advice: str = "", *, use: str = "", line: int | None = None
    ) -> None:
        """prepare refuses it, or Harbor surely cannot work."""
        self.faults.append(Fault("error", key, line or self.line(key), message, why, advice, use))

    def warning(
        self, key: str, message: str, why: str = "", advice: str = "", *, use: str = "", line: int | None = None
    ) -> None:
        """Someone should look at it."""
        self.faults.append(Fault("warning", key, line or self.line(key), message, why, advice, use))

    def line(self, key: str) -> int | None:
        """The line of `key`, or of the block it is missing from."""
        parts = key.split(".")
        for depth in range(len(parts), 0, -1):
            part = ".".join(parts[:depth])
            if part and self.document.has(part):
                return self.document.line(part)
        return self.document.line(key) if key else None

    def faulty(self, key: str) -> bool:
        """Whether something has been said about `key`."""
        return any(fault.key == key for fault in self.faults)

    # --- what several rules ask

    def expected(self, key: str) -> bool:
        """Whether prepare reads `key` without a default: all such keys, or those that the template has."""
        return self.template is None or self.template.has(key)

    def needed(self, key: str) -> bool:
        """Whether there is something to judge at `key`; writes the fault when a key that must be there is not."""
        if self.has(key):
            return True
        if self.expected(key):
            self.missing(key, _("Bring the line back as it is in the template."))
        return False

    def missing(self, key: str, advice: str = "") -> None:
        """A key that prepare reads without a default is not there."""
        why = _("prepare stops without it.")
        self.error(key, _("%(key)s is missing.") % {"key": key}, why, advice or _("Write it."))

    def empty(self, key: str, message: str, why: str) -> None:
        """An answer that must be given is not."""
        self.error(key, message, why, _("Fill it in."))

    def port(self, key: str) -> int | None:
        """`key` must be a port, quoted or not; the port when it is one."""
        value = self.get(key)
        number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
        if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 65535:
            return number
        if value is None:
            self.empty(key, _("The port is empty."), _("Harbor would not know where to listen."))
            return None
        shown = {"value": shown_value(value)}
        why = _("Ports are whole numbers from 1 to 65535.")
        self.error(key, _("%(value)s is no port.") % shown, why, _("Write a number, for example 8080."))
        return None

    def not_allowed(
        self, key: str, value: object, allowed: tuple[str, ...], why: str = "", *, line: int | None = None
    ) -> None:
        """`value` at `key` is none of the words that it takes."""
        shown = shown_value(value)
        self.error(
            key,
            _("%(value)s is not allowed for %(key)s.") % {"value": shown, "key": key},
            why,
            _("Choose one of: %(allowed)s.") % {"allowed": ", ".join(allowed)},
            line=line,
        )

    def one_of(self, key: str, allowed: tuple[str, ...], why: str = "") -> None:
        """`key` must be one of these words."""
        if self.get(key) not in allowed:
            self.not_allowed(key, self.get(key), allowed, why)
