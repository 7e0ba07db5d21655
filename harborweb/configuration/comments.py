"""Keys that stand in comments: `# external_url: …`, or `#   # otel:` inside a commented block."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harborweb.configuration.reading import Path, Tree

KEY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z_][\w-]*):(?=\s|$)(?P<rest>.*)", re.DOTALL)
LAYER = re.compile(r"( *)#( ?)")


@dataclass(frozen=True)
class Commented:
    """A key in a comment: its path, the number of its line from 0, and the line without its comment signs."""

    path: Path
    index: int
    bare: str
    indent: int
    holds_block: bool


def strip_layer(line: str, *, space: bool = True) -> str:
    """`line` without its first comment sign, and without one space after it when `space`."""
    return LAYER.sub(r"\1" if space else r"\1\2", line, count=1)


def bare(line: str) -> str:
    """`line` without any comment sign before its first word."""
    while line.lstrip(" ").startswith("#"):
        line = strip_layer(line)
    return line


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
    stack: list[tuple[int, Path, bool]] = []
    inside = _text_lines(tree)
    for index, line in enumerate(lines):
        if entry := live.get(index):
            stack = _stack(tree, entry.path)
            continue
        if index in inside or not line.lstrip(" ").startswith("#"):
            continue
        match = KEY.match(bare(line))
        if match is None:
            continue
        indent = len(match["indent"])
        while stack and (stack[-1][0] >= indent or not stack[-1][2]):
            stack.pop()
        if not stack and indent:
            continue
        path = (*(stack[-1][1] if stack else ()), match["key"])
        rest = match["rest"].strip()
        block = not rest or rest.startswith("#")
        stack.append((indent, path, block))
        if path not in tree.entries and path not in found:
            found[path] = Commented(path, index, bare(line), indent, block)
    return found


def _stack(tree: Tree, path: Path) -> list[tuple[int, Path, bool]]:
    """The live key `path` and those around it, as (indent, path, may hold keys)."""
    stack = []
    for depth in range(1, len(path) + 1):
        entry = tree.entries[path[:depth]]
        if entry.key_start == entry.key_end:  # a list item
            continue
        column = entry.key_start - tree.starts[tree.line(entry.key_start) - 1]
        holds = entry.kind == "mapping" or entry.value is None
        stack.append((column, entry.path, holds))
    return stack


def _text_lines(tree: Tree) -> set[int]:
    """Lines (from 0) that belong to a value of several lines, where # is no comment."""
    lines: set[int] = set()
    for entry in tree.entries.values():
        if entry.kind == "scalar" and not entry.alias and entry.style in ("|", ">", "'", '"'):
            lines.update(range(tree.line(entry.start), tree.line(max(entry.start, entry.end - 1))))
    return lines
