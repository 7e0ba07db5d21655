"""What the wizard's pages show of a draft: sections, choices, questions, the diff beside them. No request, no database.

A page's parts come in the order of the table of fields: questions, and choices with the questions that count with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _

from harborweb.configuration import switches
from harborweb.configuration.answers import REPAIR, State, effective, shown, values, veiled
from harborweb.configuration.diff import Diff, compare
from harborweb.configuration.faults import Fault
from harborweb.configuration.fields import (
    BY_KEY,
    BY_SECTION,
    SECTIONS,
    Field,
    Kind,
    Section,
    of_section,
)
from harborweb.configuration.questions import Decision, Group, Option, Part, Question, Stop
from harborweb.configuration.switches import SWITCHES, Switch
from harborweb.configuration.text.outline import OUTLINE
from harborweb.configuration.text.repairs import Flaw, flaws

OPEN_AT_FIRST = 8  # questions of one choice; optional ones beyond are a click further


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

    @property
    def changes(self) -> list[str]:
        """The keys and choices that differ from where the draft began."""
        return self.state.changed_keys()

    @cached_property
    def flaws(self) -> list[Flaw]:
        """What is wrong with the text itself: line ends, a byte order mark and the like."""
        return flaws(self.state.text)

    @property
    def repaired(self) -> bool:
        """Whether such were repaired here, so that it can be taken back."""
        return REPAIR in self.state.typed

    @cached_property
    def diff(self) -> Diff:
        """From where the draft began to how it stands."""
        return compare(self.state.first, self.state.document, self.errors, after=0)

    @cached_property
    def parts(self) -> list[Part]:
        """This section's questions and decisions, in order."""
        return list(self._parts(self.name))

    @property
    def questions(self) -> list[Question]:
        """All questions on the page, also of choices that are not taken."""
        own = [part.question for part in self.parts if part.question]
        return own + [question for part in self.parts if part.decision for question in part.decision.questions]

    @property
    def wrong_here(self) -> bool:
        """Whether something on this page has to be mended."""
        keys = {field.key for field in of_section(self.name)} | {s.name for s in switches.of_section(self.name)}
        return any(fault.key in keys for fault in self.errors)

    @property
    def changed_here(self) -> int:
        """How many answers on this page differ from where the draft began."""
        return next(stop.changes for stop in self.rail if stop.current)

    def missing(self) -> list[Field]:
        """The keys of this section that the installer's template does not have."""
        return [field for field in of_section(self.name) if not self.state.offered(field)]

    @cached_property
    def rail(self) -> list[Stop]:
        """All sections with their states."""
        return [self._stop(section) for section in SECTIONS]

    def following(self) -> Section | None:
        """The next section that the template has keys for."""
        names = [section.name for section in SECTIONS]
        later = self.rail[names.index(self.name) + 1 :]
        return next((stop.section for stop in later if stop.state != "absent"), None)

    def question(self, field: Field) -> Question:
        """One field as it stands."""
        state = self.state
        value, before = state.now(field), state.before(field)
        typed = state.typed.get(field.key)
        raw = "" if field.secret else veiled(typed if typed is not None else shown(effective(field, value)))
        changed = state.counts(field) and state.changed(field)
        origin = "" if field.secret or not changed else self._in_words(field, before)
        faults = tuple(fault for fault in self.faults if fault.key == field.key)
        filled = value not in (None, "") or bool(typed)
        usual = field.secret and value is not None and self._of_template(field)
        return Question(
            field, raw, filled, changed, origin, faults, usual, "default" if self._of_template(field) else "set",
            self._suggestion(field), _locked(state, field),
        )  # fmt: skip

    def decision(self, switch: Switch, fields: list[Field]) -> Decision:
        """One switch with the questions of its choices."""
        state = self.state
        now, first = state.choice(switch.name), state.first_choice(switch.name)
        lacking = _("The installer’s template has no keys for this.")
        options = tuple(
            Option(choice, choice.value == now, "" if state.may_choose(switch, choice.value) else lacking)
            for choice in switch.choices
        )
        origin = switch.choice(first) if now != first else None
        own = {switch.name, *switch.keys, *(path for path in switch.paths if path not in BY_KEY)}
        faults = tuple(fault for fault in self.faults if fault.key in own)
        return Decision(switch, options, str(origin.title) if origin else "", faults, tuple(self._groups(fields)))

    def _parts(self, name: str) -> Iterator[Part]:
        fields = [f for f in of_section(name) if switches.asked(f.key) and self.state.offered(f)]
        asked = [switch for switch in switches.of_section(name) if self._may_be_asked(switch)]
        waiting = list(asked)
        for field in fields:
            for switch in [switch for switch in waiting if _begins(switch, field)]:
                waiting.remove(switch)
                yield Part(decision=self.decision(switch, _belonging(switch, fields)))
            place = switches.place(field.key)
            if place is None or (place[0] not in asked and self.state.counts(field)):
                yield Part(question=self.question(field))
        for switch in waiting:
            yield Part(decision=self.decision(switch, _belonging(switch, fields)))

    def _may_be_asked(self, switch: Switch) -> bool:
        return any(self.state.may_choose(switch, choice.value) for choice in switch.choices if choice.on)

    def _groups(self, fields: list[Field]) -> Iterator[Group]:
        groups: dict[frozenset[str], list[Question]] = {}
        for field in fields:
            place = switches.place(field.key)
            if place is not None:
                groups.setdefault(place[1], []).append(self.question(field))
        for values_, questions in sorted(
            groups.items(), key=lambda group: len(group[0])
        ):  # what is special comes first
            switch = switches.place(questions[0].field.key)[0]  # type: ignore[index]  # it has one: see above
            places = [n for n, choice in enumerate(switch.choices, 1) if choice.value in values_]
            more = [q for n, q in enumerate(questions) if n >= OPEN_AT_FIRST and q.quiet]
            if len(more) < 3:
                more = []
            first = tuple(question for question in questions if question not in more)
            yield Group(" ".join(["when", *(f"when-{n}" for n in places)]), first, tuple(more))

    def _of_template(self, field: Field) -> bool:
        """Whether the answer is what the template, or Harbor itself, has anyway."""
        now = self.state.now(field)
        template = self.state.template if self.state.from_installer else OUTLINE
        return now in (None, field.default, values(template)[field.key]) or not self.state.counts(field)

    def _suggestion(self, field: Field) -> str:
        if field.secret:
            return ""
        if field.default is not None and not isinstance(field.default, tuple):
            return _("%(value)s, the default") % {"value": shown(field.default)}
        return field.placeholder

    def _in_words(self, field: Field, value: object) -> str:
        if field.kind is Kind.BOOLEAN:
            return _("on") if effective(field, value) is True else _("off")  # type: ignore[arg-type]
        return veiled(shown(value)).replace("\n", ", ") or _("empty")  # type: ignore[arg-type]

    def _stop(self, section: Section) -> Stop:
        fields = [field for field in of_section(section.name) if self.state.offered(field)]
        keys = {field.key for field in fields}
        names = {switch.name for switch in switches.of_section(section.name)}
        paths = {path for switch in SWITCHES if switch.name in names for path in switch.paths}
        problems = sum(fault.key in keys | names | paths for fault in self.errors)
        changes = sum(key in keys | names for key in self.changes)
        same = all(self._of_template(field) for field in fields)
        word = "absent" if not fields else "default" if same else "set"
        return Stop(section, problems, changes, word, section.name == self.name)


def _locked(state: State, field: Field) -> str:
    if field.key == "_version":
        return _("harborweb leaves this to the installer’s template and to upgrades.")
    kind = state.document.kind(field.key)
    usual = {Kind.LIST: "sequence", Kind.MAPPING: "mapping"}.get(field.kind, "scalar")
    if kind in ("", "scalar", usual):
        return ""
    return _("It stands as a block in this harbor.yml (line %(line)s), which harborweb does not edit.") % {
        "line": state.document.line(field.key)
    }


def _belonging(switch: Switch, fields: list[Field]) -> list[Field]:
    found = []
    for field in fields:
        place = switches.place(field.key)
        if place is not None and place[0] is switch:
            found.append(field)
    return found


def _begins(switch: Switch, field: Field) -> bool:
    """Whether a switch is asked before this field: the first of its own, or of the block it is about."""
    place = switches.place(field.key)
    if place is not None:
        return place[0] is switch
    return field.key.split(".")[0] in {path.split(".")[0] for path in switch.paths}
