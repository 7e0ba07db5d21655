"""Whole blocks go into comments, line by line, and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from harborweb.configuration.text import comments, replacing
from harborweb.configuration.text.reading import BOM, Entry, Path, TextProblem

if TYPE_CHECKING:
    from harborweb.configuration.text.document import Document


def own_line(document: Document, path: Path) -> Entry:
    """The entry of a live key that stands at the beginning of a line of its own; raises TextProblem for another."""
    entry = document.tree.entries.get(path)
    key = ".".join(path)
    if entry is None:
        raise TextProblem(_("%(key)s is not set in this harbor.yml.") % {"key": key}, key=key)
    number, place = document.tree.place(entry.key_start)
    before = document.lines[number][:place].lstrip("\ufeff")
    if entry.inner or entry.flow or before.strip() or entry.anchor:
        raise replacing.odd(document, entry)
    return entry


def disabled(document: Document, path: Path) -> Document:
    """`document` with the whole block commented out, line by line; raises TextProblem where it would not come back."""
    entry = own_line(document, path)
    first, place = document.tree.place(entry.key_start)
    indent = document.tree.column(entry.key_start)
    last = comments.block_end(document.text, document.lines, document.tree, entry)
    lines = {
        number: f"{line[:at]}# {line[at:]}"
        for number, line in enumerate(document.lines)
        if line.strip() and first <= number <= last and (at := place if number == first else indent) >= 0
    }
    try:
        after = document.checked(document.with_lines(lines), [path])
        same = enabled(after, path).text == document.text
    except TextProblem:
        same = False
    if not same:
        raise TextProblem(
            _("This block cannot be commented out and brought back unchanged."),
            _("Comment it out in an editor, then import the file."),
            line=first + 1,
            key=".".join(path),
        )
    return after


def _without_sign(line: str, space: bool) -> str:
    mark = BOM if line.startswith(BOM) else ""
    return mark + comments.strip_layer(line.removeprefix(BOM), space=space)


def enabled(document: Document, path: Path) -> Document:
    """`document` with the comment signs taken from the whole block of the commented `path`."""
    found, key = document.commented.get(path), ".".join(path)
    if found is None:
        raise TextProblem(_("There is no commented %(key)s to bring back.") % {"key": key}, key=key)
    signs = comments.LAYER.match(document.lines[found.index].removeprefix(BOM))
    space = bool(signs and signs[2])
    for last in comments.commented_ends(document.lines, found):
        lines = {number: _without_sign(document.lines[number], space) for number in range(found.index, last + 1)}
        try:
            after = document.checked(document.with_lines(lines), [path])
        except TextProblem:
            continue
        if path in after.tree.entries:
            return after
    raise TextProblem(
        _("The commented block of %(key)s is no YAML once its comment signs are taken away.") % {"key": key},
        _("Mend it in an editor, then import the file."),
        line=found.index + 1,
        key=key,
    )
