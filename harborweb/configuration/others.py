"""Keys of a harbor.yml that harborweb does not know: shown as they stand, never asked, always kept."""

import re
from dataclasses import dataclass

from harborweb.configuration.fields import BY_BLOCK, BY_KEY, FIELDS, Kind
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import Entry
from harborweb.configuration.veil import DOTS, is_secret, masked_lines

# What the names of secrets usually hold, beyond those that every page masks.
TELLING = re.compile(
    r"pwd|pass|secret|token|cred|auth|salt|priv|cert|sas|signature|apikey|api_key|_key$|key$|dsn", re.I
)
RANDOM = re.compile(r"(?=[^\s]*[A-Za-z])(?=[^\s]*\d)[A-Za-z0-9+/=_.-]{20,}")
NAME = re.compile(r"[a-z][a-z0-9_]*")  # of a key in a comment; "Note:" and the like are prose
LONGEST = 200


@dataclass(frozen=True)
class OtherKey:
    """A key we do not know, with the line it stands on and what stands there, veiled where it looks like a secret."""

    key: str
    line: int
    shown: str
    live: bool


def other_keys(document: Document) -> list[OtherKey]:
    """All of them, in the order of the lines; below a key that is unknown itself only that one's line tells."""
    lines = masked_lines(document)
    found = []
    for path, entry in document.tree.entries.items():
        key = ".".join(path)
        if entry.kind == "scalar" and not known(path) and document.kind(".".join(path[:-1])) != "sequence":
            line = document.tree.line(entry.key_start)
            found.append(OtherKey(key, line, _shown(document, entry, lines[line - 1]), live=True))
        elif entry.kind == "sequence" and not known(path):
            line = document.tree.line(entry.key_start)
            items = ", ".join(_veiled(path, str(item)) for item in document.items(key))
            found.append(OtherKey(key, line, items[:LONGEST], live=True))
    for path, commented in document.commented.items():
        if known(path) or not all(NAME.fullmatch(part) for part in path) or commented.holds_block:
            continue
        rest = commented.bare.split(":", 1)[1].strip()
        if " " in rest.split("#")[0].strip():  # a sentence
            continue
        veiled = DOTS if DOTS in lines[commented.index] else _veiled(path, rest)
        found.append(OtherKey(".".join(path), commented.index + 1, veiled[:LONGEST], live=False))
    return sorted(found, key=lambda one: one.line)


def known(path: tuple[str, ...]) -> bool:
    """Whether the wizard asks for this key, or for the block or list it stands in."""
    key = ".".join(path)
    if key in BY_KEY or key in BY_BLOCK or any(field.key.startswith(key + ".") for field in FIELDS):
        return True
    above = [BY_KEY.get(".".join(path[:depth])) for depth in range(1, len(path))]
    return any(field is not None and field.kind in (Kind.LIST, Kind.MAPPING) for field in above)


def _shown(document: Document, entry: Entry, line: str) -> str:
    """The value of a scalar in one line."""
    if DOTS in line:
        return DOTS
    raw = " ".join(document.text[entry.start : entry.end].split())
    return _veiled(entry.path, raw)[:LONGEST]


def _veiled(path: tuple[str, ...], value: str) -> str:
    secret = is_secret(path) or any(TELLING.search(part) for part in path) or RANDOM.fullmatch(value.strip("\"'"))
    return DOTS if value and secret and value not in ("true", "false") else value
