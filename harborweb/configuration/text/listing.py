"""A list gets other items: one that goes becomes a comment, one that stands in a comment comes live in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from harborweb.configuration.text import comments, replacing
from harborweb.configuration.text.reading import Entry, Path, TextProblem, Tree, Value, holds
from harborweb.configuration.text.writing import flow_list, scalar

if TYPE_CHECKING:
    from harborweb.configuration.text.document import Document

COMMENTED = re.compile(r"[ #]*#[ #]*(?=-\s)")


@dataclass(frozen=True)
class Row:
    """An item's line, live or in a comment."""

    index: int
    live: bool
    entry: Entry
    indent: int
    body: str  # the line from its dash on


def holds_items(document: Document, path: Path, values: Sequence[Value]) -> bool:
    """Whether YAML reads exactly these items."""
    if document.kind(".".join(path)) != "sequence":
        return False
    items = list(document.tree.children(path))
    return len(items) == len(values) and all(map(holds, items, values))


def replaced(document: Document, path: Path, values: Sequence[Value], template: Document) -> Document:
    """`document` with `values` in the live list (or empty key) `path`; raises TextProblem where it cannot be.

    An item that goes becomes a comment where `template` has it in this list, or where a comment stands behind it.
    """
    entry = document.tree.entries[path]
    if entry.kind == "mapping" or entry.alias or (entry.inner and entry.kind == "sequence"):
        raise replacing.odd(document, entry, advice=_("Write it as a list in an editor, then import the file."))
    rows = [] if entry.flow else _rows(document, path)
    if entry.kind == "scalar":
        entry = replacing.scalar_entry(document, path)
        if entry.flow or entry.inner or not (entry.value is None or rows):
            return _in_place(document, entry, values)
        document = replacing.replaced(document, path, None) if entry.start < entry.end else document
        entry = document.tree.entries[path]
    raw = document.text[entry.begin : entry.end]
    if entry.kind == "sequence" and raw.startswith("["):
        if len(raw) > 2 or not rows or not values:
            return _in_place(document, entry, values)
        start = len(document.text[: entry.begin].rstrip(" "))
        document = document.with_text(document.text[:start] + document.text[entry.end :])
        entry = document.tree.entries[path]
    return _lines(document, entry, rows, values, _offered(template, path))


def _in_place(document: Document, entry: Entry, values: Sequence[Value]) -> Document:
    raw = document.text[entry.begin : entry.end].rstrip()
    if "\n" in raw and "#" in raw:
        raise replacing.odd(document, entry, advice=_("Write it in one line in an editor, then import the file."))
    start, end = entry.begin, entry.begin + len(raw)
    space = "" if document.text[start - 1].isspace() else " "
    return document.with_text(document.text[:start] + space + flow_list(values) + document.text[end:])


def _rows(document: Document, path: Path) -> list[Row]:
    """The lines of the items of a list in lines; raises TextProblem for an item that is no plain line."""
    entry = document.tree.entries[path]
    rows = [] if document.text[entry.begin : entry.begin + 1] == "[" else [
        _row(document, item) for item in document.tree.children(path)
    ]  # fmt: skip
    own = document.tree.column(entry.key_start)
    begin = document.tree.line(entry.key_start)
    last = comments.list_end(document.text, document.lines, document.tree, entry)
    taken = {row.index for row in rows}
    for number in range(begin, last + 1):
        line = document.lines[number]
        if number in taken or not (signs := COMMENTED.match(line)):
            continue
        bare = comments.bare(line)
        indent = len(bare) - len(bare.lstrip(" "))
        if indent >= own and (item := _item(bare)):
            rows.append(Row(number, False, item, rows[0].indent if rows else indent, line[signs.end() :]))
    return sorted(rows, key=lambda row: row.index)


def _item(bare: str) -> Entry | None:
    try:
        tree = Tree(f"items:\n{bare.strip()}")
    except TextProblem:
        return None
    entry = tree.entries.get(("items", "0"))
    return entry if entry and entry.kind == "scalar" and len(tree.entries) == 2 else None


def _row(document: Document, item: Entry) -> Row:
    index = document.tree.line(item.start) - 1
    line = document.lines[index]
    dash = len(line) - len(line.lstrip(" "))
    raw = document.text[item.start : item.end].rstrip()
    plain = item.kind == "scalar" and not item.alias and not item.anchor and "\n" not in raw
    if not plain or not re.match(r" *-\s", line) or line[dash + 1 : document.tree.place(item.start)[1]].strip():
        raise replacing.odd(
            document, item, advice=_("Write one plain word per item in an editor, then import the file.")
        )
    return Row(index, True, item, dash, line[dash:])


def _offered(template: Document, path: Path) -> list[Entry]:
    entry = template.tree.entries.get(path)
    return [row.entry for row in _rows(template, path)] if entry and not entry.flow else []


def _lines(
    document: Document, entry: Entry, rows: list[Row], values: Sequence[Value], offered: list[Entry]
) -> Document:
    kept = _kept(rows, values)
    lines: dict[int, str] = {}
    stay = [row.entry.content for row in rows if row in kept.values() or not row.live]
    for row in rows:
        content = row.entry.content
        if row in kept.values():
            lines[row.index] = " " * row.indent + row.body if not row.live else document.lines[row.index]
        elif row.live and (
            [one.content for one in offered].count(content) > stay.count(content)
            or "#" in document.text[row.entry.end :].partition("\n")[0]
        ):
            stay.append(content)
            lines[row.index] = f"{' ' * row.indent}# {row.body}"
        elif row.live:
            lines[row.index] = ""
    own = document.tree.column(entry.key_start)
    siblings = [row.indent for row in rows if row.live] or [row.indent for row in rows if row.indent >= own]
    indent = siblings[0] if siblings else own + 2
    before = document.tree.line(entry.key_start) - 1
    if not values:
        line = document.lines[before]
        at = document.tree.place(document.text.index(":", entry.key_end) + 1)[1]
        lines[before] = f"{line[:at]} []{line[at:]}"
    for number, value in enumerate(values):
        if number in kept:
            before = kept[number].index
            continue
        base = lines.get(before, document.lines[before])
        if base and not base.endswith("\n"):
            lines[before] = f"{base}{document.line_end}{' ' * indent}- {scalar(value, flow=True)}"
        else:
            lines[before] = f"{base}{' ' * indent}- {scalar(value, flow=True)}{document.line_end}"
    after = document.with_lines(lines)
    if not document.text.endswith("\n") and after.text.endswith("\n"):
        return document.with_text(after.text.removesuffix("\n").removesuffix("\r"))
    return after


def _kept(rows: Sequence[Row], values: Sequence[Value]) -> dict[int, Row]:
    """Which value (by its number) takes which line: as many lines as possible in their order, live ones first."""
    table = [[0] * (len(values) + 1) for _row in range(len(rows) + 1)]
    for i in range(len(rows) - 1, -1, -1):
        for j in range(len(values) - 1, -1, -1):
            match = table[i + 1][j + 1] + 1 + rows[i].live if holds(rows[i].entry, values[j]) else 0
            table[i][j] = max(match, table[i + 1][j], table[i][j + 1])
    found: dict[int, Row] = {}
    i = j = 0
    while i < len(rows) and j < len(values):
        if holds(rows[i].entry, values[j]) and table[i][j] == table[i + 1][j + 1] + 1 + rows[i].live:
            found[j] = rows[i]
            i, j = i + 1, j + 1
        elif table[i][j] == table[i + 1][j]:
            i += 1
        else:
            j += 1
    return found
