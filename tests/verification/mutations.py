"""Valid inputs, changed where it hurts: members, types, base64 inside, DER, single bytes."""

import base64
import binascii
import copy
import json
from typing import Any

from hypothesis import strategies as st

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
DEEPEST = 12
# What parsers stumble over, whatever it is given for.
AWKWARD: list[Any] = [
    None, True, 0, -1, 2**53 + 1, 2**63, -(2**63) - 1, 1e308, "", " ", "\0", "\ud800", "=", "AA==", "A" * 5000, [], {},
    "sha256:" + "0" * 64, "sha256:" + "G" * 64, "2026-13-45T25:61:61Z", "0001-01-01T00:00:00.000Z", "*", "\u202e", "١٢",
]  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """`good` with pieces replaced, cut, repeated or flipped, or something else altogether."""
    data = bytearray(good)
    for _number in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        if draw(st.booleans()) and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        else:
            data[at : at + draw(st.integers(0, 12))] = draw(st.binary(max_size=8))
    return draw(st.sampled_from([bytes(data), bytes(data) + bytes(data), bytes(data[: len(data) // 2])]))


def _spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything inside a JSON value, as far as people would nest one."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    found = [(*path, name) for name, _inner in pairs]
    if len(path) < DEEPEST:
        found += [spot for name, inner in pairs for spot in _spots(inner, (*path, name))]
    return found


@st.composite
def reshaped(draw: st.DrawFn, good: bytes) -> bytes:
    """The JSON of `good` after some changes at any depth."""
    document = json.loads(good)
    for _number in range(draw(st.integers(1, 3))):
        spots = _spots(document)
        if not spots:
            break
        *way, last = draw(st.sampled_from(spots))
        holder = document
        for name in way:
            holder = holder[name]
        _change(draw, document, holder, last)
    text = json.dumps(document)
    if draw(st.integers(0, 9)) == 0:  # a member twice, or names of another letter case
        text = text.replace('"', draw(st.sampled_from(['"', '""', "'"])), 1) + draw(st.sampled_from(["", " ", "{}"]))
    return text.encode("utf-8", "surrogatepass")


def _change(draw: st.DrawFn, document: Any, holder: Any, last: Any) -> None:
    """One change at one place."""
    how = draw(st.sampled_from(["value", "awkward", "away", "double", "name", "inside", "elsewhere", "deep"]))
    value = holder[last]
    if how == "value":
        holder[last] = draw(json_values)
    elif how == "awkward":
        holder[last] = copy.deepcopy(draw(st.sampled_from(AWKWARD)))
    elif how == "away":
        del holder[last]
    elif how == "double" and isinstance(holder, list):
        holder.extend(copy.deepcopy(value) for _number in range(draw(st.integers(1, 40))))
    elif how == "name" and isinstance(holder, dict):
        holder[draw(st.sampled_from([last.upper(), last + " ", last[:-1], "x"]))] = holder.pop(last)
    elif how == "inside" and isinstance(value, str):
        holder[last] = draw(_within(value))
    elif how == "elsewhere":
        others = _spots(document)
        found = document
        for name in draw(st.sampled_from(others)):
            found = found[name]
        holder[last] = json.loads(json.dumps(found))
    elif how == "deep":
        for _level in range(draw(st.sampled_from([1, 12, 70]))):
            value = [value]
        holder[last] = value


@st.composite
def _within(draw: st.DrawFn, text: str) -> str:
    """Text with other bytes inside its base64 where it is base64, else with other characters."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        data = b""
    if data and draw(st.booleans()):
        inner = reshaped(data) if draw(st.booleans()) and isinstance(_loaded(data), dict) else damaged(data)
        return base64.b64encode(draw(inner)).decode()
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.text(max_size=3)) + text[at + draw(st.integers(0, 3)) :]


def anything(good: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that may be hostile in every way; mostly almost right ones."""
    return reshaped(good) | reshaped(good) | damaged(good) | st.binary(max_size=200)


def objects(good: Any) -> st.SearchStrategy[Any]:
    """A JSON object as a reader gets it once the text is read."""
    loaded = reshaped(json.dumps(good).encode()).map(_loaded)
    return loaded.filter(lambda value: isinstance(value, dict))


def _loaded(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
