"""A key comes live: from its comment, in its own line, or on a new line where the template has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from harborweb.configuration.fields import REQUIRED_WITH
from harborweb.configuration.text import comments, writing
from harborweb.configuration.text.comments import Commented
from harborweb.configuration.text.reading import BOM, Entry, Path, TextProblem, Tree

if TYPE_CHECKING:
    from harborweb.configuration.text.document import Document

# Tracing on without an exporter stops prepare; of the two, this one comes live when none was chosen.
EXPORTERS = (("trace", "otel"), ("trace", "jaeger"))
JAEGER = ("endpoint", "agent_host")  # exactly one of them


def spoken(found: Commented) -> Entry | None:
    """What YAML reads in the line of a commented key; None where it is no YAML by itself."""
    try:
        tree = Tree(found.bare.strip())
    except TextProblem:
        return None
    entry = tree.entries.get((found.path[-1],))
    return entry if entry and not tree.root_flow and next(iter(tree.entries)) == entry.path else None


def brought(document: Document, paths: Sequence[Path], template: Document) -> Document:
    """`document` with all `paths` live, those that stand in comments with the values that stand there.

    Raises TextProblem where one of them has no place.
    """
    wanted = [path[:depth] for path in paths for depth in range(1, len(path) + 1)]
    missing = [path for path in dict.fromkeys(wanted) if path not in document.tree.entries]
    blocks = {path[:-1] for path in wanted}
    for path in missing:
        _refuse_no_block(document, path)
    after = document
    with suppress(TextProblem):  # where a comment stands in an odd place, its key comes on a new line
        spoken_of = [path for path in missing if path in document.commented]
        after = document.checked(_uncommented(document, spoken_of, blocks), spoken_of) if spoken_of else document
    for path in missing:
        if path not in after.tree.entries:
            _refuse_no_block(after, path)
            after = _added(after, path, template)
    return after


def with_company(before: Document, after: Document, path: Path, template: Document, *, whole: bool = False) -> Document:
    """`after` with the keys live that prepare needs in the blocks that came live between `before` and `after`:
    those around `path`, and with `whole` those below it too."""
    result = after
    blocks = [path[:depth] for depth in range(1, len(path) + whole)]
    seen: set[Path] = set()
    while blocks:
        block = blocks.pop(0)
        if block in seen or before.kind(".".join(block)) == "mapping":
            continue
        seen.add(block)
        company = [one for one in _company(result, block, path) if one not in result.tree.entries]
        company = [one for one in company if one in result.commented or template.knows(".".join(one))]
        if not whole:
            company = [one for one in company if one[: len(path)] != path]
        if company:
            result = result.checked(_filled(brought(result, company, template), company, template), company)
            blocks += [one[:depth] for one in company for depth in range(1, len(one) + 1)]
    return result


def companions() -> frozenset[Path]:
    """All keys that come live with a block."""
    keys = {tuple(key.split(".")) for keys in REQUIRED_WITH.values() for key in keys}
    return frozenset(keys | {(*EXPORTERS[1], name) for name in JAEGER})


def _company(document: Document, block: Path, path: Path) -> list[Path]:
    company = [tuple(key.split(".")) for key in REQUIRED_WITH.get(".".join(block), ())]
    if block == ("trace",) and not any(one in document.tree.entries for one in EXPORTERS):
        company.append(EXPORTERS[0])
    if block == EXPORTERS[1] and not any((*block, name) in document.tree.entries for name in JAEGER):
        company.append((*block, JAEGER["agent" in path[-1]]))
    return company


def _filled(document: Document, company: Iterable[Path], template: Document) -> Document:
    """New lines of `company` without a value get the template's."""
    for path in company:
        key = ".".join(path)
        value = template.suggested(key) if template.suggested(key) is not None else template.get(key)
        entry = document.tree.entries[path]
        if value is not None and entry.kind == "scalar" and document.lines[document.tree.line(entry.start) - 1] in (
            new_line(document, path), new_line(document, path).rstrip("\r\n"),
        ):  # fmt: skip
            position = entry.key_end + 1
            document = document.with_text(
                f"{document.text[:position]} {writing.scalar(value)}{document.text[position:]}"
            )
    return document


def new_line(document: Document, path: Path) -> str:
    """The line of `path` without a value, indented as it stands."""
    entry = document.tree.entries[path]
    return f"{' ' * document.tree.column(entry.key_start)}{writing.name(path[-1])}:{document.line_end}"


def _refuse_no_block(document: Document, path: Path) -> None:
    parent = document.tree.entries.get(path[:-1])
    if parent is None:
        return
    holds_keys = parent.kind == "mapping" or (parent.kind == "scalar" and parent.value is None and not parent.flow)
    if parent.alias or not holds_keys:
        raise TextProblem(
            _("%(parent)s is no block of keys, so %(key)s has no place.")
            % {"parent": ".".join(path[:-1]), "key": path[-1]},
            _("Write it as a block in an editor, then import the file."),
            line=document.tree.line(parent.key_start),
            key=".".join(path),
        )


def _uncommented(document: Document, paths: Sequence[Path], blocks: set[Path]) -> Document:
    """The lines of `paths` without their comment signs, indented below their blocks."""
    lines: dict[int, str] = {}
    indents: dict[Path, int] = {}
    for path in paths:
        found = document.commented[path]
        indents[path] = indent = _child_indent(document, path[:-1], found, indents)
        body = found.bare.lstrip(" ")
        name, _colon, rest = body.partition(":")
        whole = not rest.strip() or rest.strip().startswith("#") if path in blocks else spoken(found) is not None
        if not whole:  # a sentence, or a value of several lines: it stays a comment
            body = f"{name}: # {rest.strip()}{rest[len(rest.rstrip()) :].lstrip(' ')}"
        mark = BOM if document.lines[found.index].startswith(BOM) else ""
        lines[found.index] = mark + " " * indent + body
    return document.with_lines(lines) if lines else document


def _child_indent(document: Document, parent: Path, found: Commented | None, indents: dict[Path, int]) -> int:
    for entry in document.tree.children(parent):
        if not entry.inner and not entry.flow:
            return document.tree.column(entry.key_start)
    for path, indent in indents.items():
        if path[:-1] == parent:
            return indent
    if not parent:
        return 0
    own = indents[parent] if parent in indents else document.tree.column(document.tree.entries[parent].key_start)
    if found is None:
        found = next((one for one in document.commented.values() if one.path[:-1] == parent), None)
    return found.indent if found and found.indent > own + 1 else own + unit(document)


def unit(document: Document) -> int:
    """By how many spaces this file indents."""
    for entry in document.tree.entries.values():
        if len(entry.path) == 2 and not entry.inner and not entry.flow:
            return document.tree.column(entry.key_start) or 2
    return 2


def _added(document: Document, path: Path, template: Document) -> Document:
    """`path` as an empty key on a new line."""
    parent = document.tree.entries.get(path[:-1])
    if (parent is None and document.tree.root_flow) or (parent is not None and parent.start < parent.end
                                                        and document.text[parent.begin] == "{"):  # fmt: skip
        return _added_in_braces(document, path, parent)
    indent = _child_indent(document, path[:-1], None, {})
    line = f"{' ' * indent}{writing.name(path[-1])}:"
    position = _position(document, path, template)
    before, after = document.lines[:position], document.lines[position:]
    if before and not before[-1].endswith("\n"):
        return document.with_text("".join(before) + document.line_end + line)
    return document.with_text("".join([*before, line + document.line_end, *after]))


def _added_in_braces(document: Document, path: Path, parent: Entry | None) -> Document:
    start, end = (parent.begin, parent.end) if parent else (document.text.index("{"), document.tree.root_end)
    inside = document.text[start + 1 : end - 1]
    if "\n" in inside or "#" in inside:
        raise TextProblem(
            _("%(key)s would come into a block in braces that harborweb does not edit.") % {"key": ".".join(path)},
            _("Write one key per line in an editor, then import the file."),
            line=document.tree.line(start),
            key=".".join(path),
        )
    comma = ", " if inside.strip().rstrip(",") else ""
    inside = inside.rstrip().removesuffix(",") if comma else inside.strip()
    text = f"{document.text[: start + 1]}{inside}{comma}{writing.name(path[-1])}: null{document.text[end - 1 :]}"
    return document.with_text(text)


def _position(document: Document, path: Path, template: Document) -> int:
    """The number of the line (from 0) before which `path` comes."""
    spot = None
    if path in template.tree.entries or path in template.commented:
        spot = _between_neighbours(document, path, template)
    return bounds(document, path[:-1])[1] if spot is None else spot


def _between_neighbours(document: Document, path: Path, template: Document) -> int | None:
    """Between the keys that stand around `path` in the template and are here too: behind the comment that stands above
    it there, behind a comment that belongs to no key, or right behind the key before it. None where neither is here.
    """
    order = siblings(template, path[:-1])
    mine = order.index(path)
    places = {one: index for one in siblings(document, path[:-1]) if (index := _index(document, one)) is not None}
    before = next((one for one in reversed(order[:mine]) if one in places), None)
    behind = [one for one in order[mine + 1 :] if one in places]
    after = next((one for one in behind if before is None or places[one] > places[before]), None)
    first, end = bounds(document, path[:-1])
    low = _end(document, before) + 1 if before else first
    high = places[after] if after else end
    if low > high or (not before and not after and not path[:-1]):
        return None
    top = (_index(template, order[mine - 1]) or 0) if mine else (_index(template, path[:-1]) or 0) if path[:-1] else -1
    for number in range((_index(template, path) or 0) - 1, top, -1):
        said = template.lines[number].strip()
        for index in range(low, high):
            if said.strip("# ") and document.lines[index].strip() == said:
                return _past_the_same(document, index + 1, template, number + 1)
    if after is None:  # nothing follows: the comments left are this key's
        return high
    return _behind_a_stray_comment(document, low, high, before is not None or bool(path[:-1]))


def _past_the_same(document: Document, index: int, template: Document, number: int) -> int:
    """Past the lines that are empty, or empty comments, in both."""
    while number < len(template.lines) and index < len(document.lines) and not template.lines[number].strip("# \r\n"):
        if document.lines[index].strip() != template.lines[number].strip():
            break
        index, number = index + 1, number + 1
    return index


def _behind_a_stray_comment(document: Document, low: int, high: int, anchored: bool) -> int:
    """Behind the last comment between the lines that has a blank line (or nothing) below it."""
    own = high
    while own > low and document.lines[own - 1].strip():
        own -= 1  # the comment right above the next key is the next key's
    stray = own
    while stray > low and not document.lines[stray - 1].strip():
        stray -= 1
    if stray > low and document.lines[stray - 1].strip().startswith("#"):
        return stray
    return low if anchored else own


def siblings(document: Document, block: Path) -> list[Path]:
    """The keys directly below `block`, live and commented, in the order of their lines."""
    found = [one for one in (*document.tree.entries, *document.commented) if one[:-1] == block and one]
    return sorted((one for one in found if not one[-1].isdigit()), key=lambda one: _index(document, one) or 0)


def _index(document: Document, path: Path) -> int | None:
    line = document.line(".".join(path))
    return None if line is None else line - 1


def _end(document: Document, path: Path) -> int:
    """The last line (from 0) of a key and all below it, live or commented."""
    entry = document.tree.entries.get(path)
    if entry is not None:
        return last_line(document, entry)
    return max(one.index for one in document.commented.values() if one.path[: len(path)] == path)


def bounds(document: Document, block: Path) -> tuple[int, int]:
    """The lines in which keys of `block` may stand: the first, and the one behind the last."""
    if not block:
        return 0, next((n for n, line in enumerate(document.lines) if line.startswith("...")), len(document.lines))
    entry = document.tree.entries[block]
    last, column = last_line(document, entry), document.tree.column(entry.key_start)
    while last + 1 < len(document.lines):  # comments in the block's own comment layer
        line = document.lines[last + 1]
        inner = comments.strip_layer(line)
        if not line[column:].startswith("#") or line[:column].strip() or not inner[: column + 1].isspace():
            break
        last += 1
    return document.tree.line(entry.key_start), last + 1


def last_line(document: Document, entry: Entry) -> int:
    """The last line (from 0) of a block, commented keys that belong to it included."""
    last = comments.block_end(document.text, document.lines, document.tree, entry)
    mine = [one.index for one in document.commented.values() if one.path[: len(entry.path)] == entry.path]
    return max([last, *mine])
