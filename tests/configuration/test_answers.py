"""Every answer becomes exactly its line, every choice exactly its block, and undoing gives the first bytes."""

import difflib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harborweb.configuration import switches
from harborweb.configuration.answers import (
    State,
    answered,
    begun_again,
    carried,
    effective,
    shown,
    undone,
    undone_section,
)
from harborweb.configuration.fields import FIELDS, SECTIONS, Field, Kind
from harborweb.configuration.switches import BY_SWITCH, SWITCHES
from harborweb.configuration.text.document import Document
from harborweb.configuration.wizard import Wizard
from tests import parts

ODD = {
    Kind.TEXT: "a # b: 'c'", Kind.PASSWORD: ' x: "y" #\\ ', Kind.HOST: "xn--bcher-kva.example", Kind.PORT: "65535",
    Kind.URL: "https://u:p%40@h.example:8443", Kind.PATH: "/srv/a-b_c.d", Kind.NUMBER: "7", Kind.FRACTION: "0.25",
    Kind.DURATION: "1h0m0.5s", Kind.HOURS: "999h", Kind.SIZE: "12345k", Kind.MAPPING: "team: 007\nyes: no # really",
}  # fmt: skip


def odd(field: Field, now: str) -> str:
    """An answer that differs from what is there, as a form sends it."""
    if field.kind is Kind.BOOLEAN:
        return "false" if now == "true" else "true"
    if field.kind is Kind.CHOICE:
        return next(choice for choice in field.choices if choice != now)
    if field.kind is Kind.LIST:
        return "\n".join(field.choices[1:])
    return ODD[field.kind]


@pytest.fixture(scope="module")
def begun() -> State:
    """A draft of the real template."""
    template = parts.shared("harbor.yml-2.15.tmpl").read_text()
    return State(template, template, template, {}, from_installer=True)


def ready(state: State, field: Field) -> State:
    """`state` with the choice that makes `field` count."""
    place = switches.place(field.key)
    return answered(state, {place[0].name: sorted(place[1])[0]}) if place else state


ASKED = [field for field in FIELDS if switches.asked(field.key)]


@pytest.mark.parametrize("field", ASKED, ids=lambda field: field.key)
def test_an_answer_changes_its_line_alone_and_undo_gives_it_back(begun: State, field: Field) -> None:
    before = ready(begun, field)
    raw = odd(field, shown(effective(field, before.now(field))))
    after = answered(before, {field.key: raw})
    assert after.typed.keys() <= before.typed.keys(), [fault.message for fault in after.faults()]
    assert _said(after.document, field) == _wanted(field, raw)
    changed = [line for line in difflib.ndiff(before.text.splitlines(), after.text.splitlines()) if line[0] in "+-"]
    names = {field.name, *field.key.split("."), *_company(field)}
    for line in changed:
        assert any(name in line for name in names) or field.kind in (Kind.MAPPING, Kind.LIST), changed
    assert answered(after, {field.key: raw}) == after
    assert undone(after, field.key).text == before.text
    assert begun_again(after).text == begun.text


def _company(field: Field) -> list[str]:
    """The keys that come live along with a block."""
    return [other.name for other in FIELDS if other.block == field.block]


def _said(document: Document, field: Field) -> Any:
    if field.kind is Kind.LIST:
        return document.items(field.key)
    if field.kind is Kind.MAPPING:
        return {name: document.get(f"{field.key}.{name}") for name in document.keys(field.key)}
    return document.get(field.key)


def _wanted(field: Field, raw: str) -> Any:
    if field.kind in (Kind.PORT, Kind.NUMBER):
        return int(raw)
    if field.kind is Kind.FRACTION:
        return float(raw)
    if field.kind is Kind.BOOLEAN:
        return raw == "true"
    if field.kind is Kind.LIST:
        return raw.splitlines()
    if field.kind is Kind.MAPPING:
        return {"team": "007", "yes": "no # really"}
    return raw


CHOSEN = [(switch, choice) for switch in SWITCHES for choice in switch.choices]


@pytest.mark.parametrize(("switch", "choice"), CHOSEN, ids=[f"{s.name}-{c.value}" for s, c in CHOSEN])
def test_a_choice_turns_its_block_on_and_off_byte_for_byte(
    begun: State, switch: switches.Switch, choice: switches.Choice
) -> None:
    first = begun.choice(switch.name)
    elsewhere = answered(begun, {"hostname": "registry.example", "trivy.timeout": "9m"})
    on = answered(elsewhere, {switch.name: choice.value})
    assert on.choice(switch.name) == choice.value
    for path in choice.on:
        assert on.document.has(path), path
    for other in switch.choices:
        for path in other.on:
            assert on.document.has(path) == (path in choice.on), path
    assert answered(on, {switch.name: first}).text == elsewhere.text
    assert undone(on, switch.name).text == elsewhere.text
    assert undone_section(on, switch.section).text == elsewhere.text
    assert undone_section(undone_section(undone(on, switch.name), "address"), "scanner").text == begun.text


@pytest.mark.parametrize(("switch", "choice"), CHOSEN, ids=[f"{s.name}-{c.value}" for s, c in CHOSEN])
def test_answers_of_a_block_come_back_when_it_is_chosen_again(
    begun: State, switch: switches.Switch, choice: switches.Choice
) -> None:
    first = begun.choice(switch.name)
    fields = [field for field in ASKED if (switches.place(field.key) or (None, ()))[0] is switch]
    on = answered(begun, {switch.name: choice.value})
    answers = {f.key: odd(f, shown(effective(f, on.now(f)))) for f in fields if on.counts(f)}
    filled = answered(on, answers)
    off = answered(filled, {switch.name: first})
    if first != choice.value and not any(begun.document.has(path) for path in switch.paths):
        assert off.text == begun.text, "a block that is off is the comment it was"
    again = answered(off, {switch.name: choice.value})
    assert Document(again.text).tree.entries.keys() == filled.document.tree.entries.keys()
    for field in fields:
        if again.counts(field):
            assert again.now(field) == filled.now(field), field.key
    assert begun_again(again) == begun


def test_a_block_that_was_live_becomes_a_comment_and_comes_back(begun: State) -> None:
    """An imported harbor.yml with a database of its own: off and on again is the same text, values and all."""
    text = answered(begun, {"database": "external_database", "external_database.harbor.password": "s3cret 'x'"}).text
    live = State(text, text, text)
    off = answered(live, {"database": "internal"})
    assert not off.document.has("external_database")
    assert off.document.knows("external_database.harbor.password")
    assert answered(off, {"database": "external_database"}).text == text
    assert undone(off, "database").text == text


def test_two_storage_drivers_are_never_live_together(begun: State) -> None:
    state = answered(begun, {"storage_service.filesystem.maxthreads": "50"})
    assert state.document.get("storage_service.filesystem.maxthreads") == 50
    for driver in ("s3", "gcs", "azure", "swift", "oss"):
        state = answered(state, {"storage": driver})
        live = [name for name in state.document.keys("storage_service") if name in ("filesystem", "s3", "gcs", "azure")]
        assert live == [driver] if driver in ("s3", "gcs", "azure") else not live
    assert answered(state, {"storage": "filesystem"}).document.get("storage_service.filesystem.maxthreads") == 50


def test_a_secret_of_a_block_that_is_off_is_not_in_the_text(begun: State) -> None:
    state = answered(begun, {"storage": "s3", "storage_service.s3.secretkey": "wJalrXUtnFEMI"})
    assert "wJalrXUtnFEMI" in state.text
    off = answered(state, {"storage": "filesystem"})
    assert "wJalrXUtnFEMI" not in off.text
    assert answered(off, {"storage": "s3"}).text == state.text


def test_another_template_takes_choices_and_answers_over(begun: State) -> None:
    answers = {
        "choose": "", "redis": "sentinel", "external_redis.host": "a:26379,b:26379",
        "external_redis.sentinel_master_set": "mymaster", "proxy.components": "core", "hostname": "r.example",
    }  # fmt: skip
    old = answered(begun, answers)
    newer = begun.text.replace("_version: 2.15.0", "_version: 2.16.0")
    new = carried(old, State(newer, newer, newer, {}, from_installer=True))
    assert new.text == old.text.replace("_version: 2.15.0", "_version: 2.16.0")


def test_what_a_template_lacks_is_not_asked(begun: State) -> None:
    """A template of before 2.13 has no tlsOptions."""
    lines = begun.text.splitlines(keepends=True)
    older = "".join(line for line in lines if "tlsOptions" not in line and "#     enable: false" not in line
                    and "rootCA" not in line)  # fmt: skip
    state = State(older, older, older, {}, from_installer=True)
    wizard = Wizard(state, "redis")
    keys = {question.field.key for question in wizard.questions}
    assert "external_redis.host" in keys and not any("tlsOptions" in key for key in keys)
    assert {field.key for field in wizard.missing()} == {
        "external_redis.tlsOptions.enable", "external_redis.tlsOptions.rootCA",
    }  # fmt: skip
    on = answered(state, {"redis": "external", "external_redis.tlsOptions.enable": "true"})
    assert "tlsOptions" not in on.text


ANSWERS = st.one_of(
    st.sampled_from([("choose", s.name, c.value) for s, c in CHOSEN]),
    st.sampled_from(ASKED).map(lambda field: ("answer", field.key, odd(field, ""))),
    st.sampled_from(ASKED).map(lambda field: ("answer", field.key, "")),
    st.sampled_from(ASKED).map(lambda field: ("undo", field.key, "")),
    st.sampled_from(sorted(BY_SWITCH)).map(lambda name: ("undo", name, "")),
    st.sampled_from(SECTIONS).map(lambda section: ("undo_section", section.name, "")),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(ANSWERS, min_size=1, max_size=8), st.permutations([section.name for section in SECTIONS]))
def test_whatever_was_answered_undoing_every_section_gives_the_first_bytes(
    begun: State, steps: list[tuple[str, str, str]], order: list[str]
) -> None:
    state = begun
    for what, name, value in steps:
        if what == "undo":
            state = undone(state, name)
        elif what == "undo_section":
            state = undone_section(state, name)
        else:
            state = answered(state, {name: value})
        assert Document(state.text)
    for name in order:
        state = undone_section(state, name)
    assert state.text == begun.text
    assert list(state.changes) == []
