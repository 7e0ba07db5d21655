"""The value of a live key is written over, where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from harborweb.configuration.text.reading import Entry, Path, TextProblem, Value, holds
from harborweb.configuration.text.writing import kept_style, scalar

if TYPE_CHECKING:
    from harborweb.configuration.text.document import Document

# prepare's shell takes the last word of this key's line (facts on prepare): no quotes, no spaces, no comment.
SHELL_KEYS = frozenset({"data_volume"})
BETWEEN = re.compile(r"\s*:(\s+#[^\n]*\n)*\s*")  # what may stand between a key and its value
HEADER = re.compile(r"[|>][-+0-9]*(\s+#[^\n]*)?(?=\r?\n|\Z)")  # of a block scalar, with its comment


def replaced(document: Document, path: Path, value: Value) -> Document:
    """`document` with `value` written over the value of the live scalar `path`.

    Anchors and tags in front of it stay where that is exact. Raises TextProblem where the value cannot be edited.
    """
    entry = scalar_entry(document, path)
    for start in dict.fromkeys((entry.begin, entry.start)):
        after = document.with_text(_written(document, entry, start, value))
        if holds(after.tree.entries.get(path), value):
            return after
    return after


def scalar_entry(document: Document, path: Path) -> Entry:
    """The entry of a live scalar that can be written over; raises TextProblem for one that cannot."""
    entry = document.tree.entries[path]
    between = document.text[entry.key_end : entry.start] if entry.end > entry.start else ":"
    item = entry.inner and not entry.alias and not document.tree.entries[path[:-1]].alias
    if entry.kind != "scalar" and document.text[entry.begin : entry.end] != "[]":
        raise odd(document, entry, _("%(key)s holds more than one value (line %(line)s)."),
                  _("Set its keys or items, each by its own name."))  # fmt: skip
    reached = entry.inner and not item
    if reached or not (item or BETWEEN.fullmatch(between)):
        raise odd(document, entry)
    return entry


def odd(document: Document, entry: Entry, message: str = "", advice: str = "") -> TextProblem:
    """What is said of a key that harborweb does not edit."""
    line, key = document.tree.line(entry.key_start), ".".join(entry.path)
    message = message or _("The value of %(key)s is written in a way that harborweb does not edit (line %(line)s).")
    advice = advice or _("Write it as one plain line in an editor, then import the file.")
    return TextProblem(message % {"key": key, "line": line}, advice, line=line, key=key)


def _written(document: Document, entry: Entry, start: int, value: Value) -> str:
    text = document.text
    raw = text[start : entry.end]
    if not raw.strip():
        return _into_the_empty(text, entry, start, scalar(value, flow=entry.flow))
    header = HEADER.match(raw) if entry.style in ("|", ">") else None
    tail = (header[1] or "") if header else ""
    end = start + len(raw.rstrip())
    written = scalar(
        value, "" if entry.alias else kept_style(entry.style, entry.content), flow=entry.flow or entry.inner
    )
    if not written:  # the key becomes empty: no blank stays behind its colon
        start = len(text[:start].rstrip(" "))
    return text[:start] + written + tail + text[end:]


def _into_the_empty(text: str, entry: Entry, start: int, written: str) -> str:
    """`written` behind a colon that has no value yet."""
    if not written:
        return text
    if start == entry.start and not entry.inner:
        start = text.index(":", entry.key_end) + 1
        start += text[start : start + 1] == " "
    before = " " if text[start - 1 : start] in (":", "-") else ""
    after = " " if text[start : start + 1] and not text[start].isspace() and text[start] not in ",}]" else ""
    return text[:start] + before + written + after + text[start:]


def unreadable(document: Document, key: str) -> bool:
    """Whether prepare's shell reads something else than YAML does."""
    return shell_reads(document.text, key) != str(document.get(key))


def shell_reads(text: str, key: str = "data_volume") -> str:
    """What prepare's shell takes for the key: `grep '^[^#]*data_volume:' | awk '{print $NF}'`; CR is left out here."""
    lines = [line.rstrip("\r") for line in text.split("\n") if re.match(rf"[^#]*{key}:", line)]
    return "\n".join((line.split() or [""])[-1] for line in lines)


def not_for_the_shell(line: int | None, key: str) -> TextProblem:
    """What is said of a value that prepare's shell could not read."""
    return TextProblem(
        _("This path needs quotes, holds a space, or is empty."),
        _("prepare takes the last word of this line as it stands. Use a path of letters, digits, / . _ and -."),
        line=line,
        key=key,
    )


def for_the_shell(document: Document, path: Path, value: Value) -> Document:
    """`value` as the last word of its line, without quotes; a comment behind it comes above the line.

    Raises TextProblem for a value that cannot be read so, or a line that cannot be written so.
    """
    key, word = ".".join(path), "" if value is None else str(value)
    entry = document.tree.entries[path]
    number = document.tree.line(entry.key_start) - 1
    if not word or scalar(value) != word or len(word.split()) != 1:
        raise not_for_the_shell(number + 1, key)
    if document.tree.root_flow or entry.alias:
        raise odd(document, entry)
    entry = scalar_entry(document, path)
    last = (
        document.tree.line(max(entry.start, entry.start + len(document.text[entry.start : entry.end].rstrip()) - 1)) - 1
    )
    if last == number and not entry.style and not entry.anchor and entry.begin == entry.start:
        after = document if holds(entry, value) else replaced(document, path, value)
        if not unreadable(after, key):
            return after
    line = document.lines[last]
    end = line[len(line.rstrip("\r\n")) :]
    rest = document.text[entry.end : sum(map(len, document.lines[: last + 1]))].strip()
    indent = document.lines[number][: document.tree.place(entry.key_start)[1]]
    comment = f"{indent}{rest}{end or document.line_end}" if rest.startswith("#") else ""
    gone = dict.fromkeys(range(number, last + 1), "")
    after = document.with_lines({**gone, number: f"{comment}{indent}{path[-1]}: {word}{end}"})
    if unreadable(after, key):
        raise TextProblem(
            _("prepare’s shell would not read this path as it is meant."),
            _("The word data_volume: stands on another line too. Change that line in an editor, then import the file."),
            line=number + 1,
            key=key,
        )
    return after
