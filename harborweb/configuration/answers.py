"""What the operator answered, written into the text. Pure: a state and answers in, a state out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as attribute

from django.utils.translation import gettext as _

from harborweb.configuration.document import Document, read
from harborweb.configuration.faults import Fault
from harborweb.configuration.fields import BY_KEY, FIELDS, Field, Tls, parse
from harborweb.configuration.reading import TextProblem, Value
from harborweb.configuration.rules import check
from harborweb.configuration.rules_address import ends_at

TLS = "tls"


@dataclass(frozen=True)
class State:
    """A draft without its row: where it began, how it stands, and what was typed that cannot stand in it."""

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

    def offered(self, field: Field) -> bool:
        """Whether the wizard may ask for this: an installer's prepare reads only the keys of its template."""
        return not self.from_installer or self.document.knows(field.key) or read(self.template).knows(field.key)

    def may_hold_tls(self) -> bool:
        """Whether Harbor can hold the certificate itself: its template has the block for it."""
        return self.offered(BY_KEY["https.certificate"])

    def before(self, field: Field) -> Value:
        """The value when the draft began; of a block that was commented out, the value in the comment."""
        return value_of(self.first, field)

    def now(self, field: Field) -> Value:
        """The value as it stands."""
        return value_of(self.document, field)

    def changed(self, field: Field) -> bool:
        """Whether the answer differs from where the draft began."""
        return field.key in self.typed or self.before(field) != self.now(field)

    def changed_keys(self) -> list[str]:
        """The keys whose answers differ from where the draft began, the choice of TLS among them."""
        keys = [TLS] if self.tls is not ends_at(self.first) else []
        return keys + [field.key for field in FIELDS if self.tls in field.only and self.changed(field)]

    def faults(self) -> tuple[Fault, ...]:
        """Everything wrong with this draft, errors first."""
        verdict = check(self.text, template=self.template if self.from_installer else None, tls=self.tls)
        pending = [
            _unwritten(self.document, key, raw)
            for key, raw in self.typed.items()
            if key != TLS and self.tls in BY_KEY[key].only
        ]
        unwritten = {fault.key for fault in pending}
        return (*pending, *(fault for fault in verdict.faults if fault.key not in unwritten))


def value_of(document: Document, field: Field) -> Value:
    """The value of a field; of a block that is commented out as a whole, the value in the comment."""
    if document.has(field.key):
        return document.get(field.key)
    return document.suggested(field.key) if field.block and not document.has(field.block) else None


def shown(value: Value) -> str:
    """A value as it stands in an input."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def answered(state: State, answers: Mapping[str, str]) -> State:
    """`state` with these answers (key → as typed; `tls` → where TLS ends) written into its text.

    An answer that no harbor.yml can hold is kept in `typed`, so that nothing typed is lost;
    `faults` names it. An empty secret means: as it was.
    """
    if TLS in answers:
        state = _tls_chosen(state, answers[TLS])
    for key, raw in answers.items():
        field = BY_KEY.get(key)
        if field is None or state.tls not in field.only or not state.offered(field):
            continue
        as_it_was = raw.strip() == shown(state.now(field)) and (state.document.has(key) or not raw.strip())
        if (field.secret and raw == "") or (as_it_was and key not in state.typed):
            continue
        state = _one(state, field, raw)
    return state


def undone(state: State, key: str) -> State:
    """`state` with one answer back as it was when the draft began, byte for byte."""
    if key == TLS:
        if not state.first.has("https") and state.document.has("https"):
            for field in FIELDS:
                if field.block == "https" and state.document.has(field.key):
                    state = undone(state, field.key)
        state = _tls_chosen(state, ends_at(state.first).value)
        return replace(state, typed={name: raw for name, raw in state.typed.items() if name != TLS})
    field = BY_KEY[key]
    document = state.document
    first = state.first
    if first.has(field.block or key) or not field.block:
        text = document.revert(key, first).text
    else:  # the block was a comment when the draft began and is live now
        text = document.set(key, state.before(field)).text
    return replace(state, text=text, typed={name: raw for name, raw in state.typed.items() if name != key})


def _one(state: State, field: Field, raw: str) -> State:
    typed = {name: value for name, value in state.typed.items() if name != field.key}
    document, first = state.document, state.first
    try:
        value = parse(field, raw)
        if value is None and field.optional:
            if document.has(field.key):
                document = document.unset(field.key) if first.has(field.key) else document.revert(field.key, first)
        elif first.has(field.key) and first.get(field.key) == value and document.has(field.key):
            document = document.revert(field.key, first)
        else:
            document = document.set(field.key, value)
    except TextProblem:
        typed[field.key] = raw
    return replace(state, text=document.text, typed=typed)


def _tls_chosen(state: State, choice: str) -> State:
    if choice not in set(Tls):
        return state
    document = state.document
    if choice == Tls.HARBOR and state.may_hold_tls():
        if not document.has("https") and document.knows("https"):
            document = document.enable("https")
    elif document.kind("https") == "mapping":
        document = document.disable("https")
    return replace(state, text=document.text, typed={**state.typed, TLS: choice})


def _unwritten(document: Document, key: str, raw: str) -> Fault:
    """The fault of an answer that could not be written: found by trying again."""
    try:
        document.set(key, parse(BY_KEY[key], raw))
    except TextProblem as problem:
        return Fault("error", key, document.line(key), problem.message, "", problem.advice)
    return Fault("error", key, document.line(key), _("This answer is not written yet."), "", _("Save this page."))


def carried(old: State, new: State) -> State:
    """`new` with the answers that `old` had given, as far as `new` has their keys."""
    answers = {
        field.key: shown(old.now(field)) for field in FIELDS if old.document.has(field.key) and old.changed(field)
    }
    if old.tls is not ends_at(new.document):
        answers[TLS] = old.tls.value
    return answered(new, answers)
