"""What the operator answered, written into the text. Pure: a state and answers in, a state out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as attribute
from functools import cached_property, lru_cache

from django.utils.translation import gettext as _

from harborweb.configuration import switches
from harborweb.configuration.faults import Fault
from harborweb.configuration.fields import BY_BLOCK, BY_KEY, FIELDS, REQUIRED_WITH, Field, Kind, Source, Tls
from harborweb.configuration.fields import of_section as fields_of
from harborweb.configuration.rules import check
from harborweb.configuration.rules.address import ends_at
from harborweb.configuration.switches import BY_SWITCH, SWITCHES, TLS, Switch
from harborweb.configuration.text.document import Document, read
from harborweb.configuration.text.reading import TextProblem, Value
from harborweb.configuration.veil import DOTS, IN_URL, TO_AT
from harborweb.configuration.written import changed_text, undone_text

CHOICES = frozenset(BY_SWITCH)  # answers that are no key of harbor.yml
NOTHING = "\0"  # the answer that takes a secret away; an empty one means: as it was
REPAIR = "repair"  # in `typed`: the draft's version before a repair, so that it can be taken back

Answer = Value | tuple[Value, ...]


@dataclass(frozen=True)
class State:
    """A draft without its row: where it began, how it stands, and what was typed that cannot stand in it.

    `typed` also keeps the answers of a choice that is not the present one, for when it is chosen again.
    """

    base: str
    template: str
    text: str
    typed: Mapping[str, str] = attribute(default_factory=dict)
    from_installer: bool = False

    @property
    def document(self) -> Document:
        """The text, read."""
        return read(self.text)

    @property
    def first(self) -> Document:
        """The text when the draft began, read."""
        return read(self.base)

    @property
    def tls(self) -> Tls:
        """Where TLS ends: as chosen, otherwise as the text tells."""
        chosen = self.typed.get(TLS)
        return Tls(chosen) if chosen else ends_at(self.document)

    def choice(self, name: str) -> str:
        """The present answer of a switch."""
        if name == TLS:
            return self.tls.value
        return self.typed.get(name) or BY_SWITCH[name].stands(self.document)

    def first_choice(self, name: str) -> str:
        """Its answer when the draft began."""
        return ends_at(self.first).value if name == TLS else BY_SWITCH[name].stands(self.first)

    def counts(self, field: Field) -> bool:
        """Whether prepare goes by this key, as the choices stand."""
        place = switches.place(field.key)
        return place is None or self.choice(place[0].name) in place[1]

    def offered(self, field: Field) -> bool:
        """Whether the wizard may ask for this: an installer's prepare reads only the keys of its template.

        A key that no template shows (a driver's parameter, say) is read where its outermost block is known.
        """
        if not self.from_installer:
            return True
        key = field.key if field.source is Source.TEMPLATE else field.key.split(".")[0]
        return self.document.knows(key) or read(self.template).knows(key)

    def may_choose(self, switch: Switch, value: str) -> bool:
        """Whether the template has the blocks for this choice."""
        chosen = switch.choice(value)
        if chosen is None or not self.from_installer:
            return chosen is not None
        known = (self.document, read(self.template))
        outer = {path if _in_template(path) else path.split(".")[0] for path in chosen.on}
        return all(any(document.knows(path) for document in known) for path in outer)

    def before(self, field: Field) -> Answer:
        """The value when the draft began; of a block that was commented out, the value in the comment."""
        return values(self.base)[field.key]

    def now(self, field: Field) -> Answer:
        """The value as it stands."""
        return values(self.text)[field.key]

    def changed(self, field: Field) -> bool:
        """Whether the answer differs from where the draft began."""
        return field.key in self.typed or self.before(field) != self.now(field)

    @cached_property
    def changes(self) -> tuple[str, ...]:
        """The keys whose answers differ from where the draft began, the choices first."""
        names = [name for name in BY_SWITCH if self.choice(name) != self.first_choice(name)]
        keys = [f.key for f in FIELDS if switches.asked(f.key) and self.changed(f) and self.counts(f)]
        return (*names, *keys)

    def changed_keys(self) -> list[str]:
        """`changes` as a list."""
        return list(self.changes)

    def faults(self) -> tuple[Fault, ...]:
        """Everything wrong with this draft, errors first."""
        verdict = check(self.text, template=self.template if self.from_installer else None, tls=self.tls)
        pending = list(_unwritten(self))
        unwritten = {fault.key for fault in pending}
        known = [*pending, *(fault for fault in verdict.faults if fault.key not in unwritten)]
        return (*_empty_choices(self, {fault.key for fault in known}), *known)


def _in_template(path: str) -> bool:
    known = BY_BLOCK.get(path) or BY_KEY.get(path)
    return known is None or known.source is Source.TEMPLATE


@lru_cache(maxsize=16)
def values(text: str) -> Mapping[str, Answer]:
    """The value of every field in a text, read once."""
    document = read(text)
    return {field.key: value_of(document, field) for field in FIELDS}


def value_of(document: Document, field: Field) -> Answer:
    """The value of a field; of a key that would become live with its block, the value in the comment."""
    key = field.key
    if document.has(key):
        if field.kind is Kind.LIST and document.kind(key) == "sequence":
            return tuple(document.items(key))
        if field.kind is Kind.MAPPING:
            return tuple(f"{name}: {shown(document.get(f'{key}.{name}'))}" for name in document.keys(key))
        return document.get(key)
    if any(key in REQUIRED_WITH.get(block, ()) and not document.has(block) for block in switches.BLOCKS):
        return document.suggested(key)
    return None


def shown(value: Answer) -> str:
    """A value as it stands in an input; items of a list on lines of their own."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "\n".join(shown(item) for item in value)
    return "" if value is None else str(value)


def veiled(text: str) -> str:
    """`text` as it may be shown in an input: a password inside a URL as dots."""
    return TO_AT.sub(lambda found: IN_URL.sub(rf"\1{DOTS}@", found[0]), text)


def unveiled(raw: str, now: str) -> str:
    """What was typed, with the password of `now` where the dots for it were left standing."""
    if DOTS not in raw:
        return raw
    password = IN_URL.search(now[: now.rfind("@") + 1])
    return raw.replace(DOTS, password[0].partition("://")[2].partition(":")[2][:-1], 1) if password else raw


def effective(field: Field, value: Answer) -> Answer:
    """What Harbor goes by: the default where nothing is said."""
    return field.default if value is None and field.kind in (Kind.BOOLEAN, Kind.CHOICE) else value


def answered(state: State, answers: Mapping[str, str]) -> State:
    """`state` with these answers (key → as typed; a switch's name → its choice) written into its text.

    An answer that no harbor.yml can hold is kept in `typed`, so that nothing typed is lost; `faults` names it.
    An empty secret means: as it was. Answers that do not count with the choices are not written.
    """
    for name in BY_SWITCH:
        if name in answers:
            state = chosen(state, BY_SWITCH[name], answers[name])
    for key, raw in answers.items():
        field = BY_KEY.get(key)
        if field is None or not switches.asked(key) or not state.counts(field) or not state.offered(field):
            continue
        raw = raw if field.secret else unveiled(raw, state.typed.get(key) or shown(state.now(field)))
        if (field.secret and raw == "") or (key not in state.typed and _as_it_was(state, field, raw)):
            continue
        state = _one(state, field, "" if raw == NOTHING else raw)
    return state


def _as_it_was(state: State, field: Field, raw: str) -> bool:
    now = state.now(field)
    if field.kind in (Kind.BOOLEAN, Kind.CHOICE) and not state.document.has(field.key):
        return raw == shown(effective(field, now))
    if field.kind in (Kind.LIST, Kind.MAPPING):
        return _lines(raw) == _lines(shown(now))
    if state.document.kind(field.key) not in ("", "scalar"):
        return True
    return raw.strip() == shown(now) and (state.document.has(field.key) or not raw.strip())


def _lines(raw: str) -> list[str]:
    return sorted(line.strip() for line in raw.splitlines() if line.strip())


def chosen(state: State, switch: Switch, value: str) -> State:
    """`state` with this choice; answers of the choice before are kept in `typed` and come back with it."""
    if value == state.choice(switch.name) or not state.may_choose(switch, value):
        return state
    before, template = state.document, read(state.template)
    typed = {key: raw for key, raw in state.typed.items() if key != switch.name}
    try:
        after = switches.turned(before, switch, value, state.first, template)
    except TextProblem:
        return replace(state, typed={**typed, switch.name: value})
    typed |= _taken_away(before, after, switch, state.first)
    if switch.name == TLS:
        typed[TLS] = value
    state = replace(state, text=after.text, typed=typed)
    for key in [key for key in typed if key in BY_KEY]:
        place = switches.place(key)
        if place is not None and place[0] is switch and state.counts(BY_KEY[key]):
            state = _one(state, BY_KEY[key], typed[key])
    return state


def _taken_away(before: Document, after: Document, switch: Switch, first: Document) -> dict[str, str]:
    """The answers that were live and would not come back by themselves with their block."""
    taken = {}
    for field in FIELDS:
        place = switches.place(field.key)
        if place is None or place[0] is not switch or not before.has(field.key) or after.has(field.key):
            continue
        value = value_of(before, field)
        if first.has(field.key):
            as_it_comes = value == value_of(first, field)
        else:
            as_it_comes = value == after.suggested(field.key) and field.key in REQUIRED_WITH.get(field.block, ())
        if value is not None and switches.asked(field.key) and not as_it_comes:
            taken[field.key] = shown(value)
    return taken


def undone(state: State, name: str) -> State:
    """`state` with one answer (a key or a switch) back as it was when the draft began, byte for byte."""
    if name in BY_SWITCH:
        return _switched_back(state, BY_SWITCH[name])
    field = BY_KEY[name]
    rest = {key: raw for key, raw in state.typed.items() if key != name}
    if state.before(field) == state.now(field) and state.first.has(name) == state.document.has(name):
        return replace(state, typed=rest)  # it was typed and is not written
    text = undone_text(state.document, state.first, read(state.template), field)
    return replace(state, text=_chosen_still(state, field, text), typed=rest)


def _chosen_still(state: State, field: Field, text: str) -> str:
    """`text` with the choice that `field` belongs to as it was: a block is not turned off by one of its keys."""
    place = switches.place(field.key)
    if place is None or place[0].name == TLS:
        return text
    switch, now = place[0], state.choice(place[0].name)
    if switch.name in state.typed:  # it could not be written
        return text
    return switches.turned(read(text), switch, now, state.first, read(state.template)).text


def _switched_back(state: State, switch: Switch) -> State:
    before = state.document
    after = switches.back(before, switch, state.first, read(state.template))
    typed = {**state.typed, **_taken_away(before, after, switch, state.first)}
    return replace(state, text=after.text, typed={key: raw for key, raw in typed.items() if key != switch.name})


def undone_section(state: State, name: str) -> State:
    """`state` with all answers of one section as they were when the draft began."""
    for switch in switches.of_section(name):
        if state.choice(switch.name) != state.first_choice(switch.name) or switch.name in state.typed:
            state = _switched_back(state, switch)
    for field in fields_of(name):
        if state.changed(field) or state.first.has(field.key) != state.document.has(field.key):
            state = undone(state, field.key)
    return state


def begun_again(state: State) -> State:
    """`state` as the draft began."""
    return replace(state, text=state.base, typed={})


def _one(state: State, field: Field, raw: str) -> State:
    typed = {name: value for name, value in state.typed.items() if name != field.key}
    try:
        text = changed_text(state.document, state.first, read(state.template), field, raw)
        text = _chosen_still(state, field, text)
    except TextProblem:
        return replace(state, typed={**typed, field.key: raw})
    return replace(state, text=text, typed=typed)


def _unwritten(state: State) -> Iterator[Fault]:
    """The faults of answers that could not be written: found by trying again."""
    document, first, template = state.document, state.first, read(state.template)
    for key, raw in state.typed.items():
        switch, field = BY_SWITCH.get(key), BY_KEY.get(key)
        try:
            if switch is not None and key != TLS:
                switches.turned(document, switch, raw, first, template)
            elif field is not None and state.counts(field):
                changed_text(document, first, template, field, raw)
            else:
                continue
        except TextProblem as problem:
            line = problem.line or document.line(key)
            yield Fault("error", key, line, problem.message, "", problem.advice)
            continue
        yield Fault("error", key, document.line(key), _("This answer is not written yet."), "", _("Save this page."))


def _empty_choices(state: State, named: set[str]) -> Iterator[Fault]:
    """Keys that a choice stands for and that say nothing: Sentinel without the name of its master."""
    document = state.document
    for switch in SWITCHES:
        choice = switch.choice(state.choice(switch.name))
        for key in choice.on if choice else ():
            if key in BY_KEY and key not in named and document.has(key) and document.get(key) in (None, ""):
                yield Fault(
                    "error", key, document.line(key), _("%(label)s is empty.") % {"label": BY_KEY[key].label},
                    _("This choice stands for it."), _("Fill it in, or choose otherwise."),
                )  # fmt: skip


def carried(old: State, new: State) -> State:
    """`new` with the answers that `old` had given, as far as `new` has their keys."""
    answers = {name: old.choice(name) for name in BY_SWITCH if old.choice(name) != new.choice(name)}
    answers |= {
        field.key: shown(old.now(field)) for field in FIELDS if old.document.has(field.key) and old.changed(field)
    }
    return answered(new, answers)


__all__ = [
    "CHOICES", "NOTHING", "REPAIR", "SWITCHES", "TLS", "Answer", "State", "answered", "begun_again", "carried",
    "effective", "shown", "undone", "undone_section", "unveiled", "value_of", "values", "veiled",
]  # fmt: skip
