"""Files that prepare renders, as they may be compared and shown: without what rotates, and without secrets.

Pure: bytes in, bytes or lines out. Which values rotate on every run: facts on prepare.
"""

import re
from collections.abc import Collection
from pathlib import PurePosixPath
from urllib.parse import quote

from harborweb.configuration.diff import Diff, Sides
from harborweb.configuration.veil import DOTS, SECRET, without_passwords

ROTATES = (
    "CORE_SECRET", "JOBSERVICE_SECRET", "CSRF_KEY", "REGISTRY_CREDENTIAL_PASSWORD", "REGISTRY_HTTP_SECRET",
)  # fmt: skip
_ROTATING = re.compile(rb"(?m)^([ \t]*(?:" + "|".join(ROTATES).encode() + rb")[ \t]*=).*$")
_ASSIGNED = re.compile(rb"(?m)^([ \t]*+([\w.-]++)[ \t]*+[=:][ \t]*+)([\w+/=-]{16,}+)[ \t]*+$")
_MADE = re.compile(rb"SECRET|CSRF|CREDENTIAL|TOKEN", re.IGNORECASE)
_HASHED = re.compile(rb"(?m)^([^:=\r\n]+[:=]).*$")  # htpasswd: a new salt on every run
_NAMED = re.compile(r"(?<![\w.-])([\w.-]++)([\"']?+[ \t]*+[:=][ \t]*+)(?=[^\s#])")
_BLOCK = re.compile(r"^[|>][+-]?\d?\s*$")
_SENT = re.compile(r"\b(Basic|Bearer)([ \t]++)[\w+/=.~-]{8,}", re.IGNORECASE)
_PEM = re.compile(r"-----(BEGIN|END) [A-Z ]*PRIVATE KEY-----")
_PASSWD = "passwd"  # noqa: S105 - the name of a file
SHORT = 4  # shorter secrets are not looked for outside their own place


def steady(path: str, data: bytes, known: Collection[str] | None = None) -> bytes:
    """`data` with empty values where prepare writes another one on every run, so that two runs are equal.

    With `known`, the secrets that harbor.yml holds, every other value that looks made up and whose name says that it
    is a secret counts as one that prepare makes: installers of other versions have other names for them.
    """
    if PurePosixPath(path).name == _PASSWD:
        return _HASHED.sub(rb"\1", data)
    data = _ROTATING.sub(rb"\1", data)
    if known is None:
        return data
    chosen = {secret.encode() for secret in known}

    def made(found: "re.Match[bytes]") -> bytes:
        return found[1] if _MADE.search(found[2]) and found[3] not in chosen else found[0]

    return _ASSIGNED.sub(made, data)


def differing(before: dict[str, bytes], now: dict[str, bytes], known: Collection[str] | None = None) -> list[str]:
    """The paths of files that are there once only, or say another thing beside what rotates (see `steady`)."""
    return [
        path
        for path in sorted(before.keys() | now.keys())
        if path not in before
        or path not in now
        or (before[path] != now[path] and steady(path, before[path], known) != steady(path, now[path], known))
    ]


def compare(path: str, before: bytes | None, now: bytes | None, secrets: Collection[str]) -> Diff | None:
    """What differs in one file, veiled; what rotates does not count. None for a file that is no text."""
    texts = []
    for data in (before or b"", now or b""):
        try:
            texts.append((steady(path, data, secrets).decode(), data.decode()))
        except UnicodeDecodeError:
            return None
    lines = [_lines(steadied) for steadied, _text in texts]
    shown = [veiled(path, text, secrets) for _steadied, text in texts]
    return Sides(lines[0], lines[1], shown[0], shown[1]).diff(before=3)


def veiled(path: str, text: str, secrets: Collection[str]) -> list[str]:
    """The lines of a rendered file, secrets as dots: by their names, as private keys, in URLs, and wherever one of
    `secrets` stands, also as URLs write it.
    """
    known = {one for secret in secrets if len(secret) >= SHORT for one in (secret, quote(secret, safe=""))}
    longest = sorted(known, key=len, reverse=True)
    passwd = PurePosixPath(path).name == _PASSWD
    shown: list[str] = []
    inside = -1  # how far the secret block above is indented; -1: none
    pem = False
    for whole in _lines(text):
        line = whole.rstrip("\r\n")
        mark = _PEM.search(line)
        if pem or mark:
            pem = mark is None or mark[1] == "BEGIN"
            shown.append(_PEM.sub(DOTS, line) if mark else DOTS)
            continue
        indent = len(line) - len(line.lstrip())
        if inside >= 0 and (indent > inside or not line.strip()):
            shown.append(line[:indent] + DOTS if line.strip() else line)
            continue
        inside = -1
        line, block = _named(line)
        if block:
            inside = indent
        if passwd and ":" in line:
            line = line.partition(":")[0] + ":" + DOTS
        for secret in longest:
            line = line.replace(secret, DOTS)
        shown.append(_SENT.sub(rf"\1\2{DOTS}", without_passwords(line)))
    return shown


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _named(line: str) -> tuple[str, bool]:
    """`line` without the value of a name that tells of a secret; whether that value is the block below."""
    for found in _NAMED.finditer(line):
        if not (SECRET.search(found[1]) or found[1] in ROTATES) or found[1].upper().endswith(("_FILE", "_PATH")):
            continue
        rest = line[found.end() :]
        if _BLOCK.match(rest):
            return line, True
        end = '"' if rest.startswith('"') else "'" if rest.startswith("'") else ""
        closing = rest.find(end, 1) if end else -1
        return line[: found.end()] + DOTS + (rest[closing + 1 :] if closing > 0 else ""), False
    return line, False
