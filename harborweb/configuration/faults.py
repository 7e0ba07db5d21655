"""One fault of a harbor.yml, and the sheet on which the rules write them."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from harborweb.configuration.document import Document
from harborweb.configuration.fields import Tls


@dataclass(frozen=True)
class Fault:
    """What is wrong with a key: what, why, what to do; `use` is the one value that is surely right."""

    severity: str  # error: it would not run or not be reachable; warning: look at it
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


@dataclass
class Sheet:
    """A document under examination and the faults found so far."""

    document: Document
    template: Document | None = None
    tls: Tls | None = None
    faults: list[Fault] = field(default_factory=list)

    def error(
        self, key: str, message: str, why: str = "", advice: str = "", *, use: str = "", line: int | None = None
    ) -> None:
        """It would not run, or nobody could reach it."""
        self.faults.append(Fault("error", key, line or self._line(key), message, why, advice, use))

    def warning(self, key: str, message: str, why: str = "", advice: str = "", *, line: int | None = None) -> None:
        """Someone should look at it."""
        self.faults.append(Fault("warning", key, line or self._line(key), message, why, advice))

    def _line(self, key: str) -> int | None:
        """The line of `key`, or of the block it is missing from."""
        parts = key.split(".")
        for depth in range(len(parts), 0, -1):
            part = ".".join(parts[:depth])
            if part and self.document.has(part):
                return self.document.line(part)
        return self.document.line(key) if key else None

    def expected(self, key: str) -> bool:
        """Whether prepare reads `key` without a default: all such keys, or those that the template has."""
        return self.template is None or self.template.has(key)

    def needed(self, key: str) -> bool:
        """Whether there is something to judge at `key`; writes the fault when a key that must be there is not."""
        if self.document.has(key):
            return True
        if self.expected(key):
            self.error(
                key,
                _("%(key)s is missing.") % {"key": key},
                _("prepare stops without it."),
                _("Bring the line back as it is in the template."),
            )
        return False

    def empty(self, key: str, message: str, why: str) -> None:
        """An answer that must be given is not."""
        self.error(key, message, why, _("Fill it in."))

    def port(self, key: str) -> None:
        """`key` must be a port."""
        value = self.document.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
            return
        if value is None and self.document.kind(key) == "scalar":
            self.empty(key, _("The port is empty."), _("Harbor would not know where to listen."))
            return
        shown = {"value": value if value is not None else "…"}
        why = _("Ports are whole numbers from 1 to 65535.")
        self.error(key, _("%(value)s is no port.") % shown, why, _("Write a number, for example 8080."))

    def one_of(self, key: str, allowed: tuple[str, ...]) -> None:
        """`key` must be one of these words."""
        value = self.document.get(key)
        if value not in allowed:
            self.error(
                key,
                _("%(value)s is not allowed for %(key)s.") % {"value": "…" if value is None else value, "key": key},
                "",
                _("Choose one of: %(allowed)s.") % {"allowed": ", ".join(allowed)},
            )
