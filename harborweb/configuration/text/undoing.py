"""The way back: a key returns to its comment, or to how it stood before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from harborweb.configuration.text import blocks, bringing, comments, replacing
from harborweb.configuration.text.comments import Commented
from harborweb.configuration.text.reading import Entry, Path, holds

if TYPE_CHECKING:
    from harborweb.configuration.text.document import Document


def unset(document: Document, path: Path, template: Document) -> Document:
    """`document` with the live key `path` (a block: with all its keys) as a comment again.

    With it go the blocks around it that the template has in comments and in which nothing is left but what had come
    live with them, unchanged.
    """
    entry = blocks.own_line(document, path)
    if entry.kind == "mapping" and path not in template.commented:
        return blocks.disabled(document, path)
    gone = [path]
    for depth in range(len(path) - 1, 0, -1):
        block = path[:depth]
        if block not in template.commented or not _only_company(document, block, gone, template):
            break
        gone.append(block)
    top = gone[-1]
    going = [one for one in document.tree.entries.values() if one.path == path or one.path[: len(top)] == top]
    going = [one for one in going if not one.inner] if len(gone) > 1 else [
        one for one in document.tree.entries.values() if one.path[: len(path)] == path and not one.inner
    ]  # fmt: skip
    lines: dict[int, str] = {}
    prefixes: dict[Path, str] = {}
    for one in going:
        blocks.own_line(document, one.path)
        _to_comment(document, one, template, prefixes, lines)
    after = document.checked(document.with_lines(lines), [top])
    if top in after.tree.entries:
        raise replacing.odd(document, entry)
    return after


def _only_company(document: Document, block: Path, gone: Collection[Path], template: Document) -> bool:
    company = bringing.companions()
    for entry in document.tree.entries.values():
        path = entry.path
        if path[: len(block)] != block or entry.kind == "mapping" or any(path[: len(one)] == one for one in gone):
            continue
        if path not in company or not _as_suggested(entry, template):
            return False
    return True


def _as_suggested(entry: Entry, template: Document) -> bool:
    found = template.commented.get(entry.path)
    theirs = bringing.spoken(found) if found else None
    return theirs is not None and holds(entry, theirs.value) and entry.content == theirs.content


def _came_along(entry: Entry, base: Document, outline: Document) -> bool:
    """Whether a key stands as it does when it comes live with its block."""
    if entry.path in base.commented:
        return _as_suggested(entry, base)
    theirs = outline.tree.entries.get(entry.path)
    return holds(theirs, entry.value) if theirs else _as_suggested(entry, outline)


def _to_comment(
    document: Document, entry: Entry, template: Document, prefixes: dict[Path, str], lines: dict[int, str]
) -> None:
    """Write the lines of one key, without the keys below it, as comments into `lines`."""
    number, place = document.tree.place(entry.key_start)
    column = document.tree.column(entry.key_start)
    line = document.lines[number]
    theirs = template.commented.get(entry.path)
    prefix = _prefix(document, entry, theirs, template, prefixes)
    prefixes[entry.path] = prefix
    head = line[: place - column]  # a byte order mark
    lines[number] = head + prefix + line[place:]
    last = _last(document, entry)
    said = bringing.spoken(theirs) if theirs is not None and entry.kind != "mapping" else None
    if theirs is not None and said is not None:
        raw = document.text[entry.start : entry.end].rstrip()
        value_end = entry.start + len(raw)
        rest = document.lines[last][document.tree.place(value_end)[1] :] if entry.kind == "scalar" or entry.flow or (
            raw.startswith("[")
        ) else ""  # fmt: skip
        comment = theirs.bare.lstrip(" ").rstrip("\r\n")
        ending = document.lines[last][len(document.lines[last].rstrip("\r\n")) :]
        if comment[said.end :].strip() == rest.strip() or not rest:
            lines[number] = head + prefix + comment + ending
        else:
            lines[number] = head + prefix + comment[: said.end] + rest
        lines.update(dict.fromkeys(range(number + 1, last + 1), ""))
        return
    if entry.kind == "mapping":
        return
    for index in range(number + 1, last + 1):
        more = document.lines[index]
        if more.strip() and (entry.kind == "scalar" or not more.lstrip(" ").startswith("#")):
            lines[index] = prefix + (more[column:] if not more[:column].strip() else more.lstrip(" "))


def _last(document: Document, entry: Entry) -> int:
    """The last line (from 0) of a scalar or list."""
    last = document.tree.place(entry.key_start)[0]
    for other in document.tree.entries.values():
        if other.path[: len(entry.path)] == entry.path and other.kind == "scalar" and other.end > other.start:
            raw = document.text[other.start : other.end].rstrip()
            last = max(last, document.tree.place(other.start + max(0, len(raw) - 1))[0])
    if entry.kind != "scalar" and document.text[entry.begin : entry.begin + 1] in ("[", "{"):
        last = max(last, document.tree.place(entry.end - 1)[0])
    return last


def _prefix(
    document: Document, entry: Entry, theirs: Commented | None, template: Document, prefixes: dict[Path, str]
) -> str:
    """What stands before the key in its comment: as the template has it, else as its commented neighbours have it."""
    column, parent = document.tree.column(entry.key_start), entry.path[:-1]
    if theirs is not None and theirs.indent == column:
        return _peeled(document, template, parent, _signs(template.lines[theirs.index])) if parent not in prefixes \
            else _signs(template.lines[theirs.index])  # fmt: skip
    layers = _signs(template.lines[theirs.index]).count("#") if theirs else 0
    if layers and parent in prefixes:  # indented otherwise than the template
        outer, above = document.tree.entries[parent], template.commented.get(parent)
        more = layers - (_signs(template.lines[above.index]).count("#") if above else 0)
        deeper = column - document.tree.column(outer.key_start)
        return prefixes[parent] + " " * deeper + "# " * more
    here = document.tree.place(entry.key_start)[0]
    beside = [one for one in document.commented.values() if one.path[:-1] == parent and one.indent == column]
    beside = [one for one in beside if _signs(document.lines[one.index]).count("#") == layers] or beside
    if beside:
        nearest = min(beside, key=lambda one: abs(one.index - here))
        return _signs(document.lines[nearest.index])
    if parent in prefixes:
        outer = document.tree.entries[parent]
        return prefixes[parent] + " " * (column - document.tree.column(outer.key_start))
    return " " * column + "# "


def _signs(line: str) -> str:
    found = comments.LAYERS.match(line)
    return (found[0] if found else "") + line[found.end() if found else 0 :][
        : _spaces(line, found.end() if found else 0)
    ]


def _spaces(line: str, start: int) -> int:
    rest = line[start:]
    return len(rest) - len(rest.lstrip(" "))


def _peeled(document: Document, template: Document, parent: Path, signs: str) -> str:
    """`signs` without the outer layers that somebody took off the whole block."""
    for one in document.commented.values():
        if one.path[:-1] == parent and one.path in template.commented:
            theirs = _signs(template.lines[template.commented[one.path].index])
            ours = _signs(document.lines[one.index])
            for _layer in range(theirs.count("#") - ours.count("#")):
                signs = comments.strip_layer(signs)
            return signs
    return signs


# --- back to how it stood


def reverted(document: Document, path: Path, base: Document, outline: Document) -> Document:
    """`document` with `path` as it stands in `base`: its line, its comment, or nowhere; blocks that had come live only
    for it go back too."""
    for depth in range(1, len(path)):
        if path[:depth] in base.tree.entries and path[:depth] not in document.tree.entries:
            path = path[:depth]  # the block went with it
            break
    key = ".".join(path)
    gone = [path]
    after = _block_back(document, path, base) if "mapping" in (document.kind(key), base.kind(key)) else \
        _line_back(document, path, base)  # fmt: skip
    for depth in range(len(path) - 1, 0, -1):
        block = path[:depth]
        if base.kind(".".join(block)) == "mapping" or block not in after.tree.entries:
            continue
        left = [one for one in after.tree.entries.values() if one.path[:depth] == block and one.kind != "mapping"]
        left = [one for one in left if one.path != block]
        company = bringing.companions()
        if not all(one.path in company and _came_along(one, base, outline) for one in left):
            break
        for one in [*reversed(left), *_blocks_below(after, block), after.tree.entries[block]]:
            gone.append(one.path)
            after = _line_back(after, one.path, base)
    return document.checked(after, gone)


def _blocks_below(document: Document, block: Path) -> list[Entry]:
    return [
        one for one in reversed(document.tree.entries.values())
        if one.path[: len(block)] == block and one.path != block and one.kind == "mapping"
    ]  # fmt: skip


def _line_back(document: Document, path: Path, base: Document) -> Document:
    """The lines of one key as `base` has them."""
    key = ".".join(path)
    mine, theirs = _stretch(document, path), _stretch(base, path)
    if mine is None and theirs is None:
        return document
    if mine is None:
        return _inserted(document, path, base)
    entry, old = document.tree.entries.get(path), base.tree.entries.get(path)
    if entry and old and (entry.flow or old.flow):  # other keys share the line
        return document.with_text(
            document.text[: entry.start] + base.text[old.start : old.end] + document.text[entry.end :]
        )
    first, last = mine
    if theirs is None:
        if entry and entry.flow and not entry.inner:
            return _out_of_braces(document, entry)
        if entry:
            blocks.own_line(document, path)
        text = "".join([*document.lines[:first], *document.lines[last + 1 :]])
        if last + 1 == len(document.lines) and not document.lines[-1].endswith("\n"):
            text = text.removesuffix(document.line_end)
        return document.with_text(text)
    lines = base.lines[theirs[0] : theirs[1] + 1]
    if key in replacing.SHELL_KEYS:
        first -= _lifted(document, first, lines)
    return document.with_lines({**dict.fromkeys(range(first, last + 1), ""), first: "".join(lines)})


def _out_of_braces(document: Document, entry: Entry) -> Document:
    before, after = document.text[: entry.key_start], document.text[entry.end :]
    if before.rstrip().endswith(","):
        before = before.rstrip().removesuffix(",")
    elif after.lstrip().startswith(","):
        after = after.lstrip().removeprefix(",").lstrip(" ")
    return document.with_text(before + after)


def _lifted(document: Document, first: int, lines: list[str]) -> bool:
    """Whether the comment that stood behind the value now stands above the line."""
    above = document.lines[first - 1].strip() if first else ""
    return bool(above.startswith("#") and lines[-1].strip().endswith(" " + above))


def _stretch(document: Document, path: Path) -> tuple[int, int] | None:
    """The first and last line (from 0) of a key by itself, live or in a comment."""
    entry = document.tree.entries.get(path)
    if entry is None:
        found = document.commented.get(path)
        if found is None:
            return None
        return found.index, max([found.index, *comments.items_behind(document.lines, found.index, found.indent)])
    first = document.tree.place(entry.key_start)[0]
    if entry.kind == "mapping":
        return first, first
    if entry.kind == "scalar" or entry.flow:
        return first, _last(document, entry)
    return first, max(_last(document, entry), *_commented_items(document, entry, first))


def _commented_items(document: Document, entry: Entry, first: int) -> Iterator[int]:
    yield first
    end = comments.list_end(document.text, document.lines, document.tree, entry)
    for number in range(first + 1, end + 1):
        if comments.bare(document.lines[number]).lstrip(" ").startswith("- "):
            yield number


def _inserted(document: Document, path: Path, base: Document) -> Document:
    """A key that has no line any more comes back where `base` has it."""
    key = ".".join(path)
    if path not in base.tree.entries:
        return document
    if base.kind(key) == "sequence":
        return document.set_items(key, base.items(key), base)
    return document.set(key, base.get(key), base)


def _block_back(document: Document, path: Path, base: Document) -> Document:
    """A whole block as `base` has it: every difference between the texts that lies in it is taken back."""
    mine, theirs = _reach(document, path), _reach(base, path)
    if mine is None or theirs is None:
        after = document
        below = [one for one in document.tree.entries if one[: len(path)] == path]
        for one in sorted(below, key=len, reverse=True):
            if not document.tree.entries[one].inner:
                after = _line_back(after, one, base)
        return after
    if path in base.tree.entries and path not in document.tree.entries:
        mine = (1, 0)  # a comment of that name may be another one
    pieces: list[str] = []
    for how, a, b, c, d in SequenceMatcher(None, document.lines, base.lines, autojunk=False).get_opcodes():
        if how == "replace" and b - a == d - c:
            for mine_at, base_at in zip(range(a, b), range(c, d), strict=True):
                back = mine[0] <= mine_at <= mine[1] or theirs[0] <= base_at <= theirs[1]
                pieces.append(base.lines[base_at] if back else document.lines[mine_at])
            continue
        back = how != "equal" and ((b > a and mine[0] <= a <= mine[1]) or (d > c and theirs[0] <= c <= theirs[1]))
        pieces += base.lines[c:d] if back else document.lines[a:b]
    return document.with_text("".join(pieces))


def _reach(document: Document, path: Path) -> tuple[int, int] | None:
    entry = document.tree.entries.get(path)
    if entry is not None:
        return document.tree.place(entry.key_start)[0], bringing.bounds(document, path)[1] - 1
    found = document.commented.get(path)
    if found is None:
        return None
    below = [one.index for one in document.commented.values() if one.path[: len(path)] == path]
    return found.index, max(comments.commented_ends(document.lines, found)[0], *below, found.index)
