"""Whatever is edited in whatever order: YAML reads what was set, all else stays, undoing gives the first bytes."""

import math
import random
from functools import cache, lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from harborweb.configuration.fields import FIELDS
from harborweb.configuration.text.bringing import companions
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.errors import Problem
from tests import parts

NOWHERE = ["new_key", "http.extra", "log.local.more", "brand.new.block", "proxy.sock", "storage_service.s3.bucket",
           "trace.otel.headers", "external_redis.more"]  # fmt: skip
LISTS = ["proxy.components", "jobservice.job_loggers", "proxy.no_proxy", "new_list", "trivy.github_token", "hostname"]
ODD = ["yes", "No", "on", "y", "N", "0123", "1e3", "12:30", "2001-01-01", "2001-99-99", "null", "~", "", " ", "a #b",
       "a: b", "#", "- a", "[x]", "{a}", "*a", "&a", "!a", "%a", "@a", "`", "|", ">", "'", '"', "it's", "a\nb", "a\tb",
       "\t", "密码", "🔑", "x" * 300, "=", "<<", "...", "---", "C:\\data", "\u2028", "\x07", ".5", "+1", "1_0", "0x1f",
       "0o17", "1.2.3.4", "2.15.0", "trailing ", ":x", "x:", "?", "? x", "-", "a,b", "a, b", ",a", "::1", "[::1]",
       ".inf", ".nan", "1.", "0b1", "1:2:3", "Pa$$w0rd&<#x>", "reg.example.com:8433"]  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(ODD), st.text(max_size=20), st.text("ab:# -'\"{}[],&*!|>%@`\\\n\t1.0yesno~", max_size=8),
    st.integers(-(2**63), 2**63), st.booleans(), st.none(), st.floats(allow_nan=True),
)  # fmt: skip
ITEMS = st.lists(st.sampled_from(["core", "jobservice", "trivy", "STD_OUTPUT", "FILE", "DB", "x", "a: b", "", 1, None]),
                 max_size=4)  # fmt: skip
SHAPES = ["as it is", "CRLF", "byte order mark", "no last line end", "four spaces"]
SETTINGS = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a failing sequence is short enough; shrinking takes minutes
)  # fmt: skip


@cache
def template(shape: str = SHAPES[0]) -> str:
    text = parts.shared("harbor.yml-2.15.tmpl").read_bytes().decode()
    match shape:
        case "CRLF":
            return text.replace("\n", "\r\n")
        case "byte order mark":
            return "\ufeff" + text
        case "no last line end":
            return text.removesuffix("\n")
        case "four spaces":
            return "\n".join(_wider(line) for line in text.split("\n"))
    return text


def _wider(line: str) -> str:
    signs = len(line) - len(line.lstrip("# "))
    return "".join(one * 2 if one == " " and line[:place].strip("# ") == "" and line[place - 1 : place] != "#" else one
                   for place, one in enumerate(line[:signs])) + line[signs:]  # fmt: skip


@cache
def keys() -> list[str]:
    """Every scalar of the template, live and commented, and some that are nowhere."""
    document = Document(template())
    live = [path for path, entry in document.tree.entries.items() if entry.kind == "scalar" and not entry.inner]
    return [".".join(path) for path in (*live, *document.commented)] + NOWHERE


def read(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    return yaml.load(text)


@lru_cache(maxsize=4)
def flat(text: str) -> dict[tuple[str, ...], Any]:
    """What YAML reads, by path: an own look, not the document's."""
    found: dict[tuple[str, ...], Any] = {}

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, dict):
            found[path] = {}
            for key, inner in value.items():
                walk(inner, (*path, str(key)))
        else:
            found[path] = value

    walk(read(text), ())
    return found


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and bool(one == other)


def others(before: str, after: str, key: str) -> dict[tuple[str, ...], tuple[Any, Any]]:
    """What YAML reads differently, but for `key`, the blocks around it, and what comes and goes with a block."""
    one, two, mine = flat(before), flat(after), tuple(key.split("."))
    changed = {path: (one.get(path, "—"), two.get(path, "—")) for path in one.keys() | two.keys()}
    company = {path[:depth] for path in companions() for depth in range(1, len(path) + 1)}
    return {
        path: pair
        for path, pair in changed.items()
        if not (same(*pair) or path[: len(mine)] == mine or mine[: len(path)] == path)
        and not (path in company and "—" in pair)
    }


SET = st.tuples(st.just("set"), st.sampled_from(range(1000)), VALUES)
LIST = st.tuples(st.just("items"), st.sampled_from(LISTS), ITEMS)
UNSET = st.tuples(st.just("unset"), st.sampled_from(range(1000)), st.none())


@SETTINGS
@given(st.sampled_from(SHAPES), st.lists(st.one_of(SET, SET, LIST, UNSET), min_size=1, max_size=6), st.randoms())
def test_edits_do_what_they_say_and_nothing_else(shape: str, edits: list[Any], chance: random.Random) -> None:
    first = document = Document(template(shape))
    touched: list[str] = []
    for how, what, value in edits:
        before = document
        live = [".".join(path) for path, entry in document.tree.entries.items() if not entry.inner]
        key = what if how == "items" else keys()[what % len(keys())] if how == "set" else live[what % len(live)]
        try:
            match how:
                case "set":
                    document = document.set(key, value)
                case "items":
                    document = document.set_items(key, value)
                case _:
                    document = document.unset(key)
        except Problem as problem:  # half a character, a value where a block stands
            assert problem.message
            continue
        touched.append(key)
        found = read(document.text)
        for name in key.split(".") if how != "unset" else ():
            found = found[name]
        if how == "set":
            assert same(found, value)
            assert document.set(key, value).text == document.text
        elif how == "items":
            assert isinstance(found, list)
            assert len(found) == len(value)
            assert all(map(same, found, value))
        else:
            assert not document.has(key)
        assert others(before.text, document.text, key) == {}
        assert document.revert(key, before).text == before.text
    left = list(dict.fromkeys(touched))
    chance.shuffle(left)
    for key in left:
        document = document.revert(key, first)
    assert document.text == first.text


@SETTINGS
@given(st.sampled_from(SHAPES[:4]), st.sampled_from(range(1000)), st.one_of(VALUES, ITEMS))
def test_a_shell_undoes_it_too(shape: str, number: int, value: Any) -> None:
    """Setting the old value again, or unsetting what stood in a comment, gives the first bytes."""
    first = Document(template(shape))
    key = keys()[number % (len(keys()) - len(NOWHERE))]
    try:
        after = first.set_items(key, value) if isinstance(value, list) else first.set(key, value)
    except Problem:
        return
    back = after.set(key, first.get(key)) if first.has(key) else after.unset(key)
    assert back.text == first.text


def test_every_known_key_is_set_and_undone() -> None:
    first = Document(template())
    for field in FIELDS:
        value = field.choices[0] if field.choices else "/some/where"
        after = first.set_items(field.key, [value]) if first.kind(field.key) == "sequence" else \
            first.set(field.key, value)  # fmt: skip
        assert others(first.text, after.text, field.key) == {}
        assert after.revert(field.key, first).text == first.text
        found = read(after.text)
        for name in field.key.split("."):
            found = found[name]
        assert found in (value, [value])


@SETTINGS
@given(st.lists(st.sampled_from(["https", "database", "log", "proxy", "cache", "trivy", "log.local"]), max_size=4),
       st.lists(SET, max_size=4))  # fmt: skip
def test_blocks_go_and_come_back(blocks: list[str], edits: list[Any]) -> None:
    document = Document(template())
    for _how, what, value in edits:
        try:
            document = document.set(keys()[what % len(keys())], value)
        except Problem:
            continue
    edited = document.text
    gone = []
    for block in blocks:
        if document.has(block):
            document = document.disable(block)
            gone.append(block)
    for block in reversed(gone):
        document = document.enable(block)
    assert document.text == edited


@SETTINGS
@given(st.text("#:- \nab\t'\"{}[]|>&*!%\r\ufeff", max_size=60), VALUES)
def test_reading_anything_ends_in_a_document_or_a_problem(text: str, value: Any) -> None:
    try:
        document = Document(text)
    except TextProblem as problem:
        assert problem.message
        return
    assert document.text == text
    for key in ("a", "b.c", *(".".join(path) for path in list(document.tree.entries)[:4] if all(path))):
        try:
            after = document.set(key, value)
        except Problem as problem:
            assert problem.message
            continue
        found = after.tree.entries[after.path(key)]
        assert same(found.value, value)
        assert after.revert(key, document).text == text or document.has(key) is False


@pytest.mark.parametrize("shape", SHAPES)
def test_saving_without_a_change_is_the_same_text(shape: str) -> None:
    document = Document(template(shape))
    for path, entry in document.tree.entries.items():
        key = ".".join(path)
        if entry.kind == "scalar":
            assert document.set(key, entry.value).text == document.text
        elif entry.kind == "sequence":
            assert document.set_items(key, document.items(key)).text == document.text
