"""What the wizard's pages show of a draft: sections, questions, the diff beside them. No request, no database."""

from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.configuration.answers import TLS, State, shown
from harborweb.configuration.diff import Diff, compare
from harborweb.configuration.document import read
from harborweb.configuration.faults import Fault
from harborweb.configuration.fields import BY_SECTION, FIELDS, SECTIONS, Field, Section, Tls, of_section
from harborweb.configuration.rules_address import ends_at


@dataclass(frozen=True)
class Question:
    """One field as the page shows it."""

    field: Field
    raw: str  # never the value of a secret
    filled: bool
    changed: bool
    changed_from: str
    faults: tuple[Fault, ...]
    locked: str  # why it cannot be answered; empty when it can
    usual: bool = False  # a secret that is the template's

    @property
    def id(self) -> str:
        """The id of its input."""
        return "id_" + self.field.key.replace(".", "_")

    @property
    def errors(self) -> list[Fault]:
        """What has to be mended."""
        return [fault for fault in self.faults if fault.severity == "error"]


@dataclass(frozen=True)
class Stop:
    """A section in the rail with its state: a problem outranks a change."""

    section: Section
    problems: int
    changes: int
    state: str  # default, set
    current: bool = False

    @property
    def words(self) -> str:
        """The state in words."""
        if self.problems:
            return ngettext("%(count)s problem", "%(count)s problems", self.problems) % {"count": self.problems}
        if self.changes:
            return ngettext("%(count)s changed", "%(count)s changed", self.changes) % {"count": self.changes}
        return _("default") if self.state == "default" else _("set")


@dataclass
class Wizard:
    """A draft's state, ready to be shown."""

    state: State
    name: str = "address"

    @property
    def section(self) -> Section:
        """The section on the page."""
        return BY_SECTION[self.name]

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """All faults, errors first."""
        return self.state.faults()

    @property
    def errors(self) -> list[Fault]:
        """The faults that forbid to save a revision."""
        return [fault for fault in self.faults if fault.severity == "error"]

    @property
    def warnings(self) -> list[Fault]:
        """The faults that someone should look at."""
        return [fault for fault in self.faults if fault.severity == "warning"]

    @cached_property
    def changes(self) -> list[str]:
        """The keys that differ from where the draft began."""
        return self.state.changed_keys()

    @cached_property
    def diff(self) -> Diff:
        """From where the draft began to how it stands."""
        return compare(self.state.first, self.state.document, self.errors, after=0)

    @property
    def tls(self) -> Tls:
        """Where TLS ends."""
        return self.state.tls

    @property
    def tls_changed(self) -> bool:
        """Whether that was chosen otherwise than the draft began."""
        return TLS in self.changes

    @property
    def tls_choices(self) -> list[tuple[str, str, str, str]]:
        """The three places where TLS can end: value, title, explanation, why it is not offered."""
        lacking = "" if self.state.may_hold_tls() else _("The installer’s template has no https block.")
        return [
            (Tls.HARBOR.value, _("In Harbor"), _("Harbor’s nginx holds certificate and key."), lacking),
            (
                Tls.PROXY.value,
                _("At a reverse proxy in front of Harbor"),
                _("The proxy holds the certificate and talks http to Harbor."),
                "",
            ),
            (
                Tls.NOWHERE.value,
                _("Nowhere"),
                _("Plain http. Every docker client must list this registry as insecure."),
                "",
            ),
        ]

    @property
    def tls_before(self) -> str:
        """The title of the place where TLS ended when the draft began."""
        before = ends_at(self.state.first)
        return next(title for value, title, _help, _lacking in self.tls_choices if value == before)

    def questions(self) -> list[Question]:
        """The questions of this section that count with the choice of TLS."""
        return [self._question(field) for field in of_section(self.name) if self.tls in field.only]

    def idle(self) -> list[Question]:
        """Those that do not count with it."""
        return [self._question(field) for field in of_section(self.name) if self.tls not in field.only]

    def rail(self) -> list[Stop]:
        """All sections with their states."""
        return [self._stop(section) for section in SECTIONS]

    def following(self) -> Section | None:
        """The section after this one."""
        names = [section.name for section in SECTIONS]
        place = names.index(self.name) + 1
        return SECTIONS[place] if place < len(SECTIONS) else None

    def problem_sections(self) -> list[Section]:
        """The sections with problems in them."""
        return [stop.section for stop in self.rail() if stop.problems]

    def elsewhere(self) -> list[Fault]:
        """Errors that no question of the wizard asks for."""
        keys = {field.key for field in FIELDS if self.tls in field.only}
        return [fault for fault in self.errors if fault.key not in keys]

    def _question(self, field: Field) -> Question:
        state = self.state
        value, before = state.now(field), state.before(field)
        typed = state.typed.get(field.key)
        raw = "" if field.secret else typed if typed is not None else shown(value)
        changed = state.changed(field)
        origin = "" if field.secret or not changed else shown(before) or _("empty")
        locked = ""
        if not state.offered(field):
            locked = _("The installer’s template has no key %(key)s, so its prepare would not read it.")
            locked %= {"key": field.key}
        usual = field.secret and shown(value) == shown(field.default)
        faults = tuple(fault for fault in self.faults if fault.key == field.key)
        return Question(field, raw, value not in (None, ""), changed, origin, faults, locked, usual)

    def _stop(self, section: Section) -> Stop:
        fields = [field for field in of_section(section.name) if self.tls in field.only]
        keys = {field.key for field in fields}
        problems = sum(fault.key in keys for fault in self.errors)
        changes = sum(key in keys or (key == TLS and section.name == "https") for key in self.changes)
        template = read(self.state.template)
        same = all(self.state.now(field) == template.get(field.key) for field in fields if template.has(field.key))
        return Stop(section, problems, changes, "default" if same else "set", section.name == self.name)
