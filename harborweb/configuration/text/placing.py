"""Take keys with their comments from one harbor.yml's text into another's, where the first has them.

Used when a new version's template brings new keys: they arrive as they stand there (a commented one stays
commented), indented as the operator's file is, and nothing that was there changes a byte.
"""

import re
from dataclasses import dataclass

from harborweb.configuration.text import comments
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import Path, TextProblem, leaves

WORDS = re.compile(r"""["'\[{]?[^\s]*["'\]},]*(\s*#.*)?""", re.DOTALL)  # a value, not a sentence


@dataclass(frozen=True)
class Place:
    """Where a key stands: the number of its line from 0, the last line of its block, live or in a comment."""

    index: int
    last: int
    live: bool


def places(document: Document) -> dict[Path, Place]:
    """Every key of `document` by path, live and commented, in the order of the lines.

    Sentences in comments that begin like a key ("Note: if the count is 0") are left out, and so are list items.
    """
    found: dict[Path, Place] = {}
    for entry in document.tree.entries.values():
        if entry.key_start < entry.key_end and not entry.flow:
            index = document.tree.line(entry.key_start) - 1
            last = comments.block_end(document.text, document.lines, document.tree, entry)
            found[entry.path] = Place(index, last, live=True)
    for path, one in document.commented.items():
        if path not in found and WORDS.fullmatch(comments.KEY.fullmatch(one.bare)["rest"].strip()):  # type: ignore[index]
            found[path] = Place(one.index, comments.commented_ends(document.lines, one)[1], live=False)
    return dict(sorted(found.items(), key=lambda pair: pair[1].index))


def place(target: Document, source: Document, path: Path) -> Document:
    """`target` with the key `path` (and all below it) of `source`, comments and all; raises TextProblem where it has
    no place. What YAML reads of every other key is the same afterwards."""
    theirs, ours = places(source), places(target)
    if path not in theirs or path in ours:
        raise TextProblem(".".join(path), key=".".join(path))
    lines = _fitted(source, target, path, theirs, ours)
    position = _position(path, theirs, ours, target)
    before, after = target.lines[:position], target.lines[position:]
    if before and not before[-1].endswith("\n"):
        before[-1] += target.line_end
    lines = [line.rstrip("\r\n") + target.line_end for line in lines]
    if len(path) == 1:
        if before and before[-1].strip():
            lines.insert(0, target.line_end)
        if after and after[0].strip():
            lines.append(target.line_end)
    result = Document("".join([*before, *lines, *after]))
    _check(target, result, path)
    return result


def _check(before: Document, after: Document, path: Path) -> None:
    """Nothing but `path` came; a block around it may have been empty before."""
    old, new = leaves(before.tree), leaves(after.tree)
    for other in old.keys() | new.keys():
        if old.get(other) == new.get(other) or other[: len(path)] == path:
            continue
        was_empty = path[: len(other)] == other and other in old and old[other][1].endswith(":null")
        if not was_empty:
            raise TextProblem(f"{'.'.join(path)} / {'.'.join(other)}", key=".".join(path))


def chunk(document: Document, path: Path, found: dict[Path, Place]) -> list[str]:
    """The lines of a key and its block, with the comment above it."""
    last = max(one.last for other, one in found.items() if other[: len(path)] == path)
    return document.lines[_lead(document, path, found) : last + 1]


def _lead(document: Document, path: Path, found: dict[Path, Place]) -> int:
    """The first line of the comment right above the key `path`."""
    taken = {
        line for other, one in found.items() if path[: len(other)] != other
        for line in range(one.index, one.last + 1)
    } | {one.index for one in found.values()}  # fmt: skip
    index = found[path].index
    while index > 0 and document.lines[index - 1].lstrip(" ").startswith("#") and index - 1 not in taken:
        index -= 1
    return index


def _fitted(
    source: Document, target: Document, path: Path, theirs: dict[Path, Place], ours: dict[Path, Place]
) -> list[str]:
    """The lines to add, in the indentation of `target` and with the comment signs they need there."""
    lines, above = chunk(source, path, theirs), path[:-1]
    if not above:
        return lines
    if above not in ours:
        raise TextProblem(".".join(above), key=".".join(path))
    if not theirs[above].live and not ours[above].live:
        return lines
    if not theirs[above].live:  # a commented block that the operator made live: its new key stays a comment there
        lines = [comments.strip_layer(line) for line in lines]
    indent = _indent_below(target, above, ours)
    was = min(len(line) - len(line.lstrip(" ")) for line in lines if line.strip())
    lines = [" " * indent + line[was:] if line.strip() else line for line in lines]
    if ours[above].live and theirs[above].live:
        return lines
    return [_commented(line, indent if ours[above].live else 0) for line in lines]


def _commented(line: str, indent: int) -> str:
    if not line.strip() or (line[indent:].startswith("#") and indent):
        return line
    return f"{line[:indent]}# {line[indent:]}"


def _indent_below(document: Document, above: Path, found: dict[Path, Place]) -> int:
    """How far the keys below `above` are indented in `document`; its comment signs do not count."""
    for live in (True, False):
        for path, one in found.items():
            if path[:-1] == above and one.live == live:
                return _indent(document, path, one)
    return _indent(document, above, found[above]) + 2


def _indent(document: Document, path: Path, one: Place) -> int:
    line = document.lines[one.index] if one.live else document.commented[path].bare
    return len(line) - len(line.lstrip(" "))


def _position(path: Path, theirs: dict[Path, Place], ours: dict[Path, Place], target: Document) -> int:
    """The line before which `path` goes: behind the nearest key above it in the template that is here, else before
    the nearest below it, else at the end of its block."""
    above = path[:-1]
    siblings = [other for other in theirs if len(other) == len(path) and other[:-1] == above]
    at = siblings.index(path)
    for other in reversed(siblings[:at]):
        if other in ours:
            return 1 + max(one.last for inner, one in ours.items() if inner[: len(other)] == other)
    for other in siblings[at + 1 :]:
        if other in ours:
            return _lead(target, other, ours)
    return ours[above].index + 1 if above else len(target.lines)
