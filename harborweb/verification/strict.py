"""Reading what strangers wrote: base64 and JSON with one meaning only.

Every reader raises `Malformed` and nothing else, whatever the bytes are.
"""

import base64
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from harborweb.verification.sentences import Sentence
from harborweb.verification.sentences import sentence as _

MAX_DEPTH = 64
MAX_VALUES = 1_000_000  # a mebibyte of "[]," would cost a hundred times its size in memory
Shape = Mapping[str, type | tuple[type, ...]]  # the types that members may have


class Malformed(Exception):
    """The bytes are not what they should be; `reason` says why, as the end of a finding's sentence."""

    def __init__(self, reason: Sentence) -> None:
        super().__init__(str(reason))
        self.reason = reason


def decode_base64(text: object, what: str) -> bytes:
    """The bytes of standard, padded base64; CR and LF are skipped as Go (and so cosign) does, nothing else is.

    `what` names the field in the reason. Raises Malformed, also for an empty value.
    """
    if not isinstance(text, str) or not text:
        raise Malformed(_("%(what)s is missing or empty.", what=what))
    whole = text.replace("\r", "").replace("\n", "")
    try:
        if len(whole) % 4:  # Python takes padding where there is nothing to pad, Go does not
            raise ValueError(what)
        data = base64.b64decode(whole, validate=True)
    except ValueError as error:
        raise Malformed(_("%(what)s is not base64.", what=what)) from error
    if not data:
        raise Malformed(_("%(what)s is missing or empty.", what=what))
    return data


class _Twice(Exception):
    """An object holds the same name twice."""


class _TooLarge(Exception):
    """A number is too large."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Twice
    return value


def _unique_folded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.casefold() for name, _value in pairs}) != len(pairs):
        raise _Twice
    return dict(pairs)


def _constant(name: str) -> Any:
    raise ValueError(name)


def _number(text: str) -> int | float:
    if math.isinf(float(text)):  # Go has no such number; Python would read infinity or a long integer
        raise _TooLarge
    return int(text) if text.lstrip("-").isdigit() else float(text)


_EXACT, _FOLDED = (
    json.JSONDecoder(object_pairs_hook=one, parse_constant=_constant, parse_float=_number, parse_int=_number)
    for one in (_unique, _unique_folded)
)


def load_json(data: bytes, what: str, *, folded: bool = False) -> Any:
    """The value of a JSON text in UTF-8 without BOM, at most 64 deep, no name twice in an object,
    at most a million values.

    `folded` also refuses names that differ only in case: Go's encoding/json, with which cosign reads
    payloads and manifests, takes them for one. NaN, lone surrogates and bytes behind the value are
    refused. Raises Malformed.
    """

    if sum(map(data.count, (b"[", b"{", b","))) > MAX_VALUES:
        raise Malformed(_("%(what)s holds more than %(limit)s values.", what=what, limit=MAX_VALUES))
    try:
        value = (_FOLDED if folded else _EXACT).decode(data.decode("utf-8"))
    except _Twice as error:
        raise Malformed(_("%(what)s holds the same name twice.", what=what)) from error
    except _TooLarge as error:
        raise Malformed(_("%(what)s holds a number that is too large.", what=what)) from error
    except UnicodeDecodeError as error:
        raise Malformed(_("%(what)s is not UTF-8.", what=what)) from error
    except RecursionError as error:
        raise Malformed(_("%(what)s is nested deeper than %(limit)s.", what=what, limit=MAX_DEPTH)) from error
    except ValueError as error:
        raise Malformed(_("%(what)s is not JSON.", what=what)) from error
    # Nothing is nested deeper than there are brackets, and only an escape makes text that is no Unicode.
    if data.count(b"[") + data.count(b"{") >= MAX_DEPTH or b"\\u" in data:
        _check(value, what)
    return value


def _check(value: Any, what: str) -> None:
    """Refuse nesting beyond the limit and text that is no Unicode (a lone surrogate)."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise Malformed(_("%(what)s is nested deeper than %(limit)s.", what=what, limit=MAX_DEPTH))
        if isinstance(item, str) and not item.isascii():
            try:
                item.encode("utf-8")
            except UnicodeEncodeError as error:
                raise Malformed(_("%(what)s is not Unicode text.", what=what)) from error
        waiting.extend((inner, depth + 1) for inner in _inside(item))


def _inside(item: Any) -> Iterator[Any]:
    if isinstance(item, dict):
        yield from item.keys()
        yield from item.values()
    elif isinstance(item, list):
        yield from item


def fields(value: object, what: str, types: Shape, *, only: bool = False) -> dict[str, Any]:
    """`value` as an object whose members named in `types`, where present and not null, have that type.

    Missing and null members come back as None, so every name in `types` is in the result; `only`
    refuses members that `types` does not name. A bool is no int, nor is what needs more than 64 bits. Raises Malformed.
    """
    if not isinstance(value, dict):
        raise Malformed(_("%(what)s is not an object.", what=what))
    if only and (unknown := [name for name in value if name not in types]):
        raise Malformed(_("%(what)s has an unknown member %(name)s.", what=what, name=unknown[0]))
    for name, kind in types.items():
        member = value.get(name)
        sound = isinstance(member, kind) and not isinstance(member, bool)
        if isinstance(member, int) and not -(2**63) <= member < 2**63:
            sound = False
        if member is not None and not sound:
            raise Malformed(_("%(what)s has a member %(name)s of the wrong type.", what=what, name=name))
    return {**dict.fromkeys(types), **value}
