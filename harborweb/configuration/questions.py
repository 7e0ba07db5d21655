"""What a page of the wizard is made of: questions, choices with the questions that go with them, stops of the rail."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from harborweb.configuration.faults import Fault
from harborweb.configuration.fields import BY_BLOCK, Effect, Field, Kind, Section
from harborweb.configuration.switches import Choice, Switch

NEEDS = {
    Effect.RESTART: gettext_lazy("needs a restart"),
    Effect.DOWN_UP: gettext_lazy("needs down and up"),
    Effect.FIRST_START: gettext_lazy("counts at the first start only"),
    Effect.NEVER: gettext_lazy("not after the first start"),
}
GRAVE = (Effect.FIRST_START, Effect.NEVER)


@dataclass(frozen=True)
class Question:
    """One field as the page shows it."""

    field: Field
    raw: str  # never the value of a secret
    filled: bool
    changed: bool
    changed_from: str
    faults: tuple[Fault, ...]
    usual: bool = False  # a secret that is the template's
    state: str = "default"  # default, set
    suggestion: str = ""  # what stands in the comment, or Harbor's default
    locked: str = ""  # why it cannot be answered

    @property
    def id(self) -> str:
        """The id of its input."""
        return "id_" + self.field.key.replace(".", "_")

    @property
    def errors(self) -> list[Fault]:
        """What has to be mended."""
        return [fault for fault in self.faults if fault.severity == "error"]

    @property
    def kind(self) -> str:
        """The template that asks for it: text, boolean, choice, list, mapping, secret."""
        if self.field.secret:
            return "secret"
        word = self.field.kind.value
        return word if word in ("boolean", "choice", "list", "mapping") else "text"

    @property
    def digits(self) -> bool:
        """Whether a phone should offer its keypad."""
        return self.field.kind in (Kind.PORT, Kind.NUMBER)

    @property
    def short(self) -> bool:
        """Whether its input is a narrow one."""
        return self.digits or self.field.kind in (Kind.DURATION, Kind.HOURS, Kind.SIZE, Kind.FRACTION)

    @property
    def on(self) -> bool:
        """Of a boolean: whether it is on."""
        return self.raw == "true"

    @property
    def options(self) -> list[tuple[str, bool]]:
        """The choices of a list or a choice with whether they are taken; values that we do not know come last."""
        taken = self.raw.splitlines() if self.field.kind is Kind.LIST else [self.raw]
        known = [*self.field.choices, *(value for value in taken if value and value not in self.field.choices)]
        return [(value, value in taken) for value in known]

    @property
    def needs(self) -> Promise:
        """What a change of it needs, in a few words."""
        return NEEDS[self.field.effect]

    @property
    def grave(self) -> bool:
        """Whether a change of it does not simply come with the next deployment."""
        return self.field.effect in GRAVE

    @property
    def quiet(self) -> bool:
        """Whether it can wait behind a click: nothing is said and nothing has to be."""
        return self.field.optional and not (self.changed or self.faults or self.filled)


@dataclass(frozen=True)
class Group:
    """Questions that count with the same choices."""

    when: str  # classes: when when-2 when-3
    questions: tuple[Question, ...]
    more: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Option:
    """A choice as the page shows it."""

    choice: Choice
    checked: bool
    lacking: str


@dataclass(frozen=True)
class Decision:
    """A switch as the page shows it, with the questions of its choices."""

    switch: Switch
    options: tuple[Option, ...]
    changed_from: str
    faults: tuple[Fault, ...]
    groups: tuple[Group, ...]

    @property
    def effect(self) -> Effect:
        """What another choice needs, at worst."""
        blocks = [BY_BLOCK[path].effect for path in self.switch.paths if path in BY_BLOCK]
        return max(blocks, key=list(Effect).index, default=Effect.RESTART)

    @property
    def needs(self) -> Promise:
        """The same in a few words."""
        return NEEDS[self.effect]

    @property
    def grave(self) -> bool:
        """Whether another choice does not simply come with the next deployment."""
        return self.effect in GRAVE

    @property
    def id(self) -> str:
        """The id of its box."""
        return f"choose_{self.switch.name}"

    @property
    def live(self) -> list[Question]:
        """The questions of the choice that is taken."""
        taken = next((f"when-{n}" for n, option in enumerate(self.options, 1) if option.checked), "")
        groups = [group for group in self.groups if taken in group.when.split()]
        return [question for group in groups for question in (*group.questions, *group.more)]

    @property
    def questions(self) -> list[Question]:
        """All questions in it."""
        return [question for group in self.groups for question in (*group.questions, *group.more)]


@dataclass(frozen=True)
class Part:
    """A piece of a page: a question, or a decision."""

    question: Question | None = None
    decision: Decision | None = None


@dataclass(frozen=True)
class Stop:
    """A section in the rail with its state: a problem outranks a change."""

    section: Section
    problems: int
    changes: int
    state: str  # default, set, absent
    current: bool = False

    @property
    def words(self) -> str:
        """The state in words."""
        if self.problems:
            return ngettext("%(count)s problem", "%(count)s problems", self.problems) % {"count": self.problems}
        if self.changes:
            return ngettext("%(count)s changed", "%(count)s changed", self.changes) % {"count": self.changes}
        return {"default": _("default"), "set": _("set"), "absent": _("not in this template")}[self.state]
