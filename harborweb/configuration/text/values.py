"""What PyYAML makes of a scalar, as prepare reads harbor.yml: YAML 1.1, with PyYAML's own limits.

`yes` is true, `0123` is 83, `12:30` is 750, `1e3` and `y` are text. The expressions are PyYAML's.
"""

import datetime
import re
from base64 import b64decode
from collections.abc import Callable, Mapping

Value = str | int | float | bool | None
TAG = "tag:yaml.org,2002:"
TEXT = TAG + "str"
NULL = TAG + "null"
MERGE = TAG + "merge"


class Plain(str):
    """A number, date or other value that is no text, as somebody wrote it in YAML: it is written just so."""

    __slots__ = ()


_BOOL = re.compile(r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF")
_NULL = re.compile(r"~|null|Null|NULL|")
_INT = re.compile(
    r"[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+"
)
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_TIMESTAMP = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"|(?P<y>[0-9]{4})-(?P<m>[0-9][0-9]?)-(?P<d>[0-9][0-9]?)(?:[Tt]|[ \t]+)(?P<hour>[0-9][0-9]?):(?P<minute>[0-9]{2})"
    r":(?P<second>[0-9]{2})(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+](?P<zone>[0-9][0-9]?)(?::(?P<rest>[0-9]{2}))?))?"
)
_PLAIN: Mapping[str, re.Pattern[str]] = {
    "bool": _BOOL, "int": _INT, "float": _FLOAT, "timestamp": _TIMESTAMP, "null": _NULL, "merge": re.compile("<<"),
    "value": re.compile("="),
}  # fmt: skip


def resolve(content: str) -> str:
    """The tag that PyYAML gives to a plain scalar."""
    for name, pattern in _PLAIN.items():
        if pattern.fullmatch(content):
            return TAG + name
    return TEXT


def construct(tag: str, content: str) -> Value:
    """The Python value of a scalar; dates and binary stay the text they are written as.

    Raises ValueError where PyYAML stops: `2001-99-99`, `=`, `!!int x`, a tag it does not know.
    """
    maker = _MAKERS.get(tag.removeprefix(TAG))
    if maker is None:
        raise ValueError(tag)
    try:
        value = maker(content)
    except (LookupError, ArithmeticError) as error:
        raise ValueError(content) from error
    if isinstance(value, int) and value.bit_length() > LONGEST:
        raise ValueError(content)
    return value


LONGEST = 4096  # bits: Python writes no whole number of more than 4300 digits, and neither does prepare


def _whole(content: str) -> int:
    text = content.replace("_", "")
    sign, text = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if text.startswith("0b"):
        return sign * int(text[2:], 2)
    if text.startswith("0x"):
        return sign * int(text[2:], 16)
    if text != "0" and text[0] == "0":
        return sign * int(text, 8)
    return sign * int(_sexagesimal(text, int))


def _real(content: str) -> float:
    text = content.replace("_", "").lower()
    sign, text = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text.removeprefix("+"))
    if text in (".inf", ".nan"):
        return sign * float(text[1:])
    return sign * float(_sexagesimal(text, float))


def _sexagesimal(text: str, number: Callable[[str], float]) -> float:
    value: float = 0
    for part in text.split(":"):
        value = value * 60 + number(part)
    return value


def _truth(content: str) -> bool:
    return {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}[content.lower()]


def _date(content: str) -> str:
    found = _TIMESTAMP.fullmatch(content)
    if found is None:
        raise ValueError(content)
    if found["year"]:
        datetime.date(int(found["year"]), int(found["month"]), int(found["day"]))
        return content
    zone = datetime.timezone(datetime.timedelta(hours=int(found["zone"] or 0), minutes=int(found["rest"] or 0)))
    datetime.datetime(
        int(found["y"]), int(found["m"]), int(found["d"]), int(found["hour"]), int(found["minute"]),
        int(found["second"]), tzinfo=zone,
    )  # fmt: skip
    return content


def _binary(content: str) -> str:
    b64decode(content.encode("ascii"))
    return content


_MAKERS: Mapping[str, Callable[[str], Value]] = {
    "str": str, "null": lambda _content: None, "bool": _truth, "int": _whole, "float": _real, "timestamp": _date,
    "binary": _binary,
}  # fmt: skip
