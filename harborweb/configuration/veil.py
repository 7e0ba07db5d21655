"""A harbor.yml as it may be shown: every line where it was, every secret as three dots."""

import re
from collections.abc import Collection

from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import Entry

DOTS = "•••"
SECRET = re.compile(
    r"passw|secret|token|accesskey|access_key|accountkey|account_key|keydata|credential|passphrase", re.I
)
# A word and what is said of it: `password: …`. No step back anywhere: a line may be a megabyte long.
SAID = re.compile(r"(?<![\w.-])([\w.-]++)[\"']?+[ \t]*+[:=][ \t]*+(?![\s#])")
TO_AT = re.compile(r"(?<!\S)\S*@")
IN_URL = re.compile(r"(://[^\s/:@]*+:).+@\Z")
SHORT = 6  # shorter secrets are not looked for outside their own place


def is_secret(path: tuple[str, ...]) -> bool:
    """Whether the key `path`, or a block around it, names a secret."""
    return any(SECRET.search(part) for part in path)


def secret_values(document: Document) -> set[str]:
    """The texts of the live secrets of `document` that are long enough to be looked for elsewhere, also as written."""
    entries = _secrets(document)
    known = {entry.content for entry in entries if len(entry.content) >= SHORT}
    return known | {document.text[entry.start : entry.end] for entry in entries if len(entry.content) >= SHORT}


def masked_lines(document: Document, also: Collection[str] = ()) -> list[str]:
    """The lines of `document`, without their ends, secrets masked; and the texts in `also`, another text's secrets.

    Masked are: live keys that name a secret, wherever YAML has them; such keys in comments;
    passwords in URLs; and every other place where a live secret's text occurs.
    """
    entries = _secrets(document)
    lines = _without_values(document, entries)
    known = secret_values(document).union(also)
    shown = (DOTS, *(f"*{entry.anchor}" for entry in document.tree.entries.values() if entry.anchor))
    masked = []
    for line in lines:
        line = line.rstrip("\r\n")
        for secret in sorted(known, key=len, reverse=True):
            line = line.replace(secret, DOTS)
        masked.append(without_passwords(_without_said(line, shown)))
    return masked


def without_passwords(text: str) -> str:
    """`text` with dots for the passwords in its URLs."""
    return TO_AT.sub(lambda found: IN_URL.sub(rf"\1{DOTS}@", found[0]), text)


def masked(document: Document) -> str:
    """The whole text with its secrets masked."""
    return "\n".join(masked_lines(document)) + "\n"


def _without_said(line: str, shown: tuple[str, ...]) -> str:
    """`line` without a secret that YAML sees no key for: in a comment (`# password: …`), also in the middle of a
    sentence, and where a blank is missing (`password:…`), which makes a text of key and value. A live key's value
    is one of `shown` by now, and what stands behind it stays.
    """
    comment = line.find("#")
    for said in SAID.finditer(line):
        if not SECRET.search(said[1]) or said.end() >= len(line):
            continue
        if line.startswith(shown, said.end()) and not 0 <= comment < said.start():
            continue
        return line[: said.end()] + DOTS
    return line


def _secrets(document: Document) -> list[Entry]:
    """Every place where a secret's value stands, also one with a harmless name that a secret key refers to."""
    scalars = [entry for entry in document.tree.entries.values() if entry.kind == "scalar" and entry.content != ""]
    referred = {entry.content for entry in scalars if entry.alias and is_secret(entry.path)}
    return [
        entry
        for entry in scalars
        if not entry.alias and (is_secret(entry.path) or (entry.anchor and entry.content in referred))
    ]


def _without_values(document: Document, entries: list[Entry]) -> list[str]:
    """The lines with the values of `entries` replaced; a value of several lines is dots on each of them."""
    lines = list(document.lines)
    for entry in sorted(entries, key=lambda entry: entry.start, reverse=True):
        raw = document.text[entry.start : entry.end]
        first = document.tree.line(entry.start) - 1
        last = document.tree.line(entry.start + len(raw.rstrip()) - 1) - 1
        begins = [0, *document.tree.starts[1:]]  # a byte order mark belongs to its line
        column = entry.start - begins[first]
        end = entry.end - begins[last]
        if first == last:
            lines[first] = lines[first][:column] + DOTS + lines[first][column + len(raw.rstrip()) :]
            continue
        lines[first] = lines[first][:column] + DOTS
        for number in range(first + 1, last + 1):
            rest = lines[number][end:] if number == last and entry.style in ("'", '"') else ""
            lines[number] = DOTS + rest
    return lines
