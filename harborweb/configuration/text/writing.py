"""How one value is written so that YAML reads back exactly what was set."""

import json
import math
import re
from collections.abc import Sequence

from django.utils.translation import gettext as _

from harborweb.configuration.text.values import TEXT, Plain, Value, resolve
from harborweb.errors import Problem

# Careful on purpose: what is not surely plain is quoted.
PLAIN = re.compile(r"[^\W_0-9][\w ./@+:=%$~!?&*-]*|[\w/.][\w./@+:=%$~!?&*-]*")
# Characters YAML prints only as escapes, and the breaks in PyYAML's eyes.
ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# Readers of YAML 1.1 and 1.2 differ on these, and on numbers like 1e3, 0o17 or 1_0: quoted, all read text.
WORDS = re.compile(r"y|n|yes|no|on|off|true|false|null|~", re.IGNORECASE)
NUMBER = re.compile(r"[-+.]?[0-9][0-9_.:eExXoOa-fA-F+-]*|[-+]?\.(inf|nan)", re.IGNORECASE)
ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){2,}(:[0-9]+)?")  # and versions
LONGEST_NAME = 128


def scalar(value: Value, style: str = "", *, flow: bool = False) -> str:
    """`value` as it stands behind `key: `, in the quotes of `style` (', " or none) where they are possible.

    Text is quoted only where YAML (1.1 as PyYAML reads it, or 1.2) would take the plain form for something else.
    Raises Problem for text that no YAML file can hold.
    """
    if value is None:
        return "null" if flow else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _real(value)
    if isinstance(value, int | Plain):
        return str(value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Problem(_("This text holds half a character."), _("Type it again.")) from error
    if ESCAPED.search(value) or style == '"':
        return _double(value)
    plain = value.replace(",", "") if not flow and not value.startswith(",") else value  # a comma is one of [ ] and { }
    if style != "'" and not (flow and ":" in value) and reads_plain(plain):
        return value
    return "'" + value.replace("'", "''") + "'"


def kept_style(style: str, content: str) -> str:
    """The quotes to keep for another value: those that somebody chose, not those that the old value needed."""
    needed = bool(ESCAPED.search(content)) if style == '"' else not reads_plain(content)
    return "" if needed else style.strip("|>")


def name(word: str) -> str:
    """`word` as the name of a key; raises Problem for what cannot be one."""
    if not word or word != word.strip() or len(word) > LONGEST_NAME or ESCAPED.search(word):
        raise Problem(_("This cannot be the name of a key."), _("Names are words; a dot stands between block and key."))
    return scalar(word, flow=True)


def flow_list(values: Sequence[Value]) -> str:
    """`values` as a list in one line."""
    return "[" + ", ".join(scalar(value, flow=True) for value in values) + "]"


def _real(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    digits, sign, power = repr(value).partition("e")
    if sign and "." not in digits:  # PyYAML takes 1e+20 for text
        digits += ".0"
    return digits + sign + power


def _double(value: str) -> str:
    quoted = json.dumps(value, ensure_ascii=False)
    return ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def reads_plain(value: str) -> bool:
    """Whether YAML reads the bare `value` as this very text."""
    if not PLAIN.fullmatch(value) or value != value.strip() or ": " in value or value.endswith(":"):
        return False
    if WORDS.fullmatch(value) or resolve(value) != TEXT:
        return False
    return bool(ADDRESS.fullmatch(value)) or not NUMBER.fullmatch(value)
