"""How one value is written so that YAML reads back exactly what was set."""

import json
import re

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode

from harborweb.configuration.reading import TAG, Value
from harborweb.errors import Problem

# Careful on purpose: what is not surely plain is quoted.
PLAIN = re.compile(r"[^\W_0-9][\w ./@+:=%$~!?&*-]*|[\w/.][\w./@+:=%$~!?&*-]*")
# Characters YAML prints only as escapes, and the breaks in PyYAML's eyes.
ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def scalar(value: Value, style: str = "", *, flow: bool = False) -> str:
    """`value` as it stands behind `key: `, in the quotes of `style` (', " or none) where they are possible.

    Text is quoted only where YAML (1.1 as PyYAML reads it, or 1.2) would take the plain form for something else.
    Raises Problem for text that no YAML file can hold.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Problem(_("This text holds half a character."), _("Type it again.")) from error
    if ESCAPED.search(value) or style == '"':
        return _double(value)
    if style != "'" and not (flow and ":" in value) and reads_plain(value):
        return value
    return "'" + value.replace("'", "''") + "'"


def _double(value: str) -> str:
    quoted = json.dumps(value, ensure_ascii=False)
    return ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def reads_plain(value: str) -> bool:
    """Whether YAML reads the bare `value` as this very text."""
    if not PLAIN.fullmatch(value) or value != value.strip() or ": " in value or value.endswith(":"):
        return False
    return all(_resolves_to_text(value, version) for version in ((1, 1), (1, 2)))


def _resolves_to_text(value: str, version: tuple[int, int]) -> bool:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    # PyYAML and others differ on numbers like 1e3, 1_0 or 1:30: what starts like a number is quoted.
    if re.fullmatch(r"[-+.]?[0-9][0-9_.:eExXoOa-fA-F+-]*", value) and not re.fullmatch(r"\d+(\.\d+){3}", value):
        return False
    return bool(yaml.resolver.resolve(ScalarNode, value, (True, False)) == TAG + "str")
