"""Keys that stand in comments: `# external_url: …`, or `#   # otel:` inside a commented block."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harborweb.configuration.text.reading import BOM, Entry, Path, Tree

KEY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z_][\w-]*):(?=\s|$)(?P<rest>.*)", re.DOTALL)
SENTENCE = re.compile(r"[^\s'\"\[{|>&!*#][^#\n]*?[^,\s#]\s+[^\s#]")  # no value looks so, and most prose does
LAYER = re.compile(r"( *)#( ?)")
LAYERS = re.compile(r"[ #]*# ?")


@dataclass(frozen=True)
class Commented:
    """A key in a comment: its path, the number of its line from 0, and the line without its comment signs."""

    path: Path
    index: int
    bare: str
    indent: int
    holds_block: bool


NO_PLACE = Commented((), -1, "", 0, holds_block=True)


def strip_layer(line: str, *, space: bool = True) -> str:
    """`line` without its first comment sign, and without one space after it when `space`."""
    return LAYER.sub(r"\1" if space else r"\1\2", line, count=1)


def bare(line: str) -> str:
    """`line` without any comment sign before its first word."""
    signs = LAYERS.match(line)
    return re.sub("# ?", "", signs[0]) + line[signs.end() :] if signs else line


def find(lines: Sequence[str], tree: Tree) -> dict[Path, Commented]:
    """The commented keys of a text by path; where one stands twice, the first.

    A commented key belongs to the nearest key above it that is indented less, live or
    commented; the live keys are YAML's word, so prose that looks like a key ("Note: …")
    misleads no further than the next live key.
    """
    live = {
        tree.line(entry.key_start) - 1: entry
        for entry in tree.entries.values()
        if entry.key_start < entry.key_end and not entry.flow
    }
    found: dict[Path, Commented] = {}
    stack: list[tuple[int, Path, bool, Commented | None]] = []
    inside = _text_lines(tree)
    for index, line in enumerate(lines):
        if entry := live.get(index):
            stack = _stack(tree, entry.path)
            continue
        line = line.removeprefix(BOM)
        if index in inside or not line.lstrip(" ").startswith("#"):
            continue
        match = KEY.match(bare(line))
        if match is None or SENTENCE.match(match["rest"].lstrip()):
            continue
        indent = len(match["indent"])
        while stack and (stack[-1][0] >= indent or not stack[-1][2]):
            stack.pop()
        if not stack and indent:
            continue
        parent = stack[-1][3] if stack else None
        if parent is not None and parent is not NO_PLACE and found[parent.path] is not parent:
            if found[parent.path].holds_block:
                parent = NO_PLACE
            else:  # the block, not the sentence above that began with its name
                found[parent.path] = parent
        path = (*(stack[-1][1] if stack else ()), match["key"])
        rest = match["rest"].strip()
        block = not rest or rest.startswith("#")
        one = Commented(path, index, bare(line), indent, block)
        if path in tree.entries or parent is NO_PLACE:
            stack.append((indent, path, block, NO_PLACE))  # a copy: the block itself stands elsewhere
            continue
        stack.append((indent, path, block, one))
        found.setdefault(path, one)
    return found


def _stack(tree: Tree, path: Path) -> list[tuple[int, Path, bool, Commented | None]]:
    """The live key `path` and those around it, as (indent, path, may hold keys)."""
    stack: list[tuple[int, Path, bool, Commented | None]] = []
    for depth in range(1, len(path) + 1):
        entry = tree.entries[path[:depth]]
        if entry.key_start == entry.key_end:  # a list item
            continue
        column = entry.key_start - tree.starts[tree.line(entry.key_start) - 1]
        holds = entry.kind == "mapping" or entry.value is None
        stack.append((column, entry.path, holds, None))
    return stack


def _text_lines(tree: Tree) -> set[int]:
    """Lines (from 0) that belong to a value of several lines, where # is no comment."""
    lines: set[int] = set()
    for entry in tree.entries.values():
        if entry.kind == "scalar" and not entry.alias and entry.style in ("|", ">", "'", '"'):
            lines.update(range(tree.line(entry.start), tree.line(max(entry.start, entry.end - 1))))
    return lines


def block_end(text: str, lines: Sequence[str], tree: Tree, entry: Entry) -> int:
    """The last line (from 0) of an entry's block, with the comments in it that are indented deeper than its key."""
    indent = entry.key_start - tree.starts[tree.line(entry.key_start) - 1]
    last = tree.line(entry.key_start) - 1
    for other in tree.entries.values():
        if other.path[: len(entry.path)] != entry.path or other.alias:
            continue
        last = max(last, tree.line(other.key_start) - 1)
        raw = text[other.start : other.end].rstrip()
        # YAML ends a block mapping or list only where the next key begins: not where its last value ends.
        if raw and (other.kind == "scalar" or raw[0] in "{["):
            last = max(last, tree.line(other.start + len(raw) - 1) - 1)
    for number in range(last + 1, len(lines)):
        line = lines[number]
        if line.strip() and not (line.lstrip(" ").startswith("#") and line[: indent + 1].isspace()):
            break
        if line.strip():
            last = number
    return last


def list_end(text: str, lines: Sequence[str], tree: Tree, entry: Entry) -> int:
    """The last line (from 0) of a list, or of an empty key, with the commented items behind it."""
    last = block_end(text, lines, tree, entry)
    return max([last, *items_behind(lines, last, tree.column(entry.key_start))])


def items_behind(lines: Sequence[str], last: int, indent: int) -> Iterator[int]:
    """The lines (from 0) of commented items directly behind the line `last`, indented at least so far."""
    for number in range(last + 1, len(lines)):
        inner = bare(lines[number]) if lines[number].lstrip(" ").startswith("#") else ""
        if not inner.lstrip(" ").startswith("- ") or len(inner) - len(inner.lstrip(" ")) < indent:
            return
        yield number


def commented_ends(lines: Sequence[str], found: Commented) -> tuple[int, int, int]:
    """Where the commented block of `found` may end, widest first."""
    outer = len(lines[found.index]) - len(lines[found.index].lstrip(" "))
    narrow = wide = found.index
    gap = False
    for number in range(found.index + 1, len(lines)):
        line = lines[number]
        if not line.strip():
            gap = True
            continue
        if not line[outer:].startswith("#") or line[:outer].strip():
            break
        inner = strip_layer(line)
        deeper = len(inner) - len(inner.lstrip(" ")) > found.indent
        if not deeper and KEY.match(inner) and not inner.lstrip(" ").startswith("#"):
            break
        if deeper:
            wide = number
            narrow = narrow if gap else number
    return (wide, narrow, found.index)
