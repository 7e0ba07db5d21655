"""What is wrong with the text of a harbor.yml by itself, and how it is mended: only when somebody asks for it.

A repair leaves what prepare reads as it is (odd blanks excepted: there prepare reads what nobody meant).
"""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import BOM, STRANGE_BREAK, TextProblem, Tree, leaves
from harborweb.configuration.text.replacing import SHELL_KEYS, for_the_shell, unreadable

CRLF, BYTE_ORDER_MARK, BREAKS, BLANKS, TAB = "crlf", "bom", "breaks", "blanks", "tab"
DUPLICATE, TRAILING_COMMENT, QUOTES = "duplicate", "trailing_comment", "quotes"
KINDS = (BREAKS, BYTE_ORDER_MARK, CRLF, BLANKS, TAB, DUPLICATE, TRAILING_COMMENT, QUOTES)  # in this order

BLANK = re.compile("[\xa0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]")
ODD_BLANK = re.compile(rf"^\s*{BLANK.pattern}|(?<=:){BLANK.pattern}")
QUOTED = re.compile(r"""'(?:[^'\n]|'')*'|"(?:[^"\\\n]|\\.)*\"""")
HEADER = re.compile(r"( *)[^#\n]*[:-] +[|>][-+0-9]*\s*(#.*)?")
WIDTHS = (2, 4, 8, 1, 3)


@dataclass(frozen=True)
class Flaw:
    """One flaw: its kind, the line (from 1) it stands on, what it means and what to do."""

    kind: str
    line: int
    message: str
    advice: str
    key: str = ""


def flaws(text: str) -> list[Flaw]:
    """Everything that `repair` could mend in `text`, in the order of the lines; also in a text YAML cannot read."""
    found = [*_at_sight(text)]
    clean = _without(text, (BREAKS, BYTE_ORDER_MARK, CRLF))
    found += _tabs(clean)
    found += _twice(_tried(clean, _tabless))
    with suppress(TextProblem):  # what YAML cannot read is said elsewhere, with its line
        found += _shell(Document(_tried(_tried(clean, _tabless), _once)))
    return sorted(found, key=lambda flaw: flaw.line)


def repair(text: str, kinds: Collection[str]) -> str:
    """`text` without the flaws of these kinds, and with every other byte as it was.

    Raises TextProblem where it cannot be mended without changing what prepare reads.
    """
    after = _without(text, [kind for kind in KINDS if kind in kinds])
    if BLANKS not in kinds:
        _refuse_another_reading(text, after)
    return after


def _without(text: str, kinds: Collection[str]) -> str:
    for kind in kinds:
        text = _REPAIRS[kind](text)
    return text


def _refuse_another_reading(before: str, after: str) -> None:
    try:
        old = leaves(Tree(_without(before, (BREAKS,)), tolerant=True))
    except TextProblem:
        return  # nothing could be read before
    if old != leaves(Tree(after, tolerant=True)):
        raise TextProblem(_("This cannot be mended without changing what prepare reads."), _("Mend it in an editor."))


def _at_sight(text: str) -> Iterator[Flaw]:
    if text.startswith(BOM):
        yield Flaw(
            BYTE_ORDER_MARK, 1, _("The file begins with a byte order mark."),
            _("prepare reads past it, other programs may not."),
        )  # fmt: skip
    for found in STRANGE_BREAK.finditer(text):
        yield Flaw(
            BREAKS, text.count("\n", 0, found.start()) + 1,
            _("This line holds a line break that editors do not show."), _("It becomes an ordinary line break."),
        )  # fmt: skip
    if count := text.count("\r\n"):
        line = text.count("\n", 0, text.index("\r\n")) + 1
        yield Flaw(
            CRLF, line,
            ngettext("%(number)s line ends with CRLF, as on Windows, first line %(line)s.",
                     "%(number)s lines end with CRLF, as on Windows, first line %(line)s.", count)
            % {"number": count, "line": line},
            _("prepare’s shell takes the CR for a part of the data folder’s name. They become LF."),
        )  # fmt: skip
    for number, row in enumerate(text.removeprefix(BOM).split("\n"), 1):
        if ODD_BLANK.search(row):
            yield Flaw(
                BLANKS, number, _("This line holds a blank that is no ordinary space."),
                _("YAML takes it for a letter. It becomes a space."),
            )  # fmt: skip


def _tabs(text: str) -> Iterator[Flaw]:
    for number in _tab_lines(text):
        yield Flaw(
            TAB, number + 1, _("A tab stands on this line, and YAML allows only spaces between its words."),
            _("It becomes spaces."),
        )  # fmt: skip


def _tab_lines(text: str) -> list[int]:
    """The lines (from 0) with a tab that YAML does not allow; none when YAML can read the text."""
    if "\t" not in text:
        return []
    try:
        Tree(text, tolerant=True)
    except TextProblem:
        pass
    else:
        return []
    found, inside = [], -1
    for number, line in enumerate(text.split("\n")):
        depth = len(line) - len(line.lstrip(" "))
        if inside >= 0 and (depth > inside or not line.strip()):
            continue
        header = HEADER.fullmatch(line)
        inside = len(header[1]) if header else -1
        bare = QUOTED.sub("", line)
        if "\t" in (bare if not bare.lstrip().startswith("#") else bare[: bare.index("#")]).partition(" #")[0]:
            found.append(number)
    return found


def _tabless(text: str) -> str:
    numbers = _tab_lines(text)
    if not numbers:
        return text
    for width in WIDTHS:
        lines = text.split("\n")
        for number in numbers:
            lines[number] = _spaced(lines[number], width)
        after = "\n".join(lines)
        try:
            Tree(after, tolerant=True)
        except TextProblem:
            continue
        return after
    raise TextProblem(
        _("The tabs of this file cannot be replaced so that YAML can read it."),
        _("Replace them by spaces in an editor."),
        line=numbers[0] + 1,
    )


def _spaced(line: str, width: int) -> str:
    body = line.lstrip(" \t")
    indent = line[: len(line) - len(body)].expandtabs(width)
    kept = [found.span() for found in QUOTED.finditer(body)]
    words = [
        " " if char == "\t" and not any(start <= place < end for start, end in kept) else char
        for place, char in enumerate(body)
    ]
    rest = "".join(words)
    return (indent + rest).rstrip(" ") if line.rstrip("\r").endswith("\t") else indent + rest


def _twice(text: str) -> Iterator[Flaw]:
    try:
        tree = Tree(text, tolerant=True)
    except TextProblem:
        return
    for one in tree.twice:
        key, first = ".".join(one.path), tree.line(one.first.key_start)
        yield Flaw(
            DUPLICATE, one.line,
            _("The key %(key)s stands here a second time, first on line %(line)s.") % {"key": key, "line": first},
            _("prepare takes the last one without a word. The one on line %(line)s becomes a comment.")
            % {"line": first},
            key,
        )  # fmt: skip


def _once(text: str) -> str:
    """`text` with the earlier one of keys that stand twice as a comment."""
    tree = Tree(text, tolerant=True)
    lines = text.split("\n")
    for one in tree.twice:
        first, place = tree.place(one.first.key_start)
        indent = tree.column(one.first.key_start)
        if one.first.inner or one.first.flow or lines[first][place - indent : place].strip():
            raise TextProblem(
                _("The key %(key)s stands twice on line %(line)s.") % {"key": ".".join(one.path), "line": first + 1},
                _("Delete one of the two in an editor."),
                line=first + 1,
                key=".".join(one.path),
            )
        for number in range(first, one.last):
            line, at = lines[number], place if number == first else indent
            if line.strip() and not line.lstrip(" ").startswith("#"):
                lines[number] = f"{line[:at]}# {line[at:]}"
    return "\n".join(lines)


def _shell(document: Document) -> Iterator[Flaw]:
    for key in SHELL_KEYS & set(document.keys()):
        entry = document.tree.entries[document.path(key)]
        if entry.kind != "scalar" or entry.value is None or not unreadable(document, key):
            continue
        line = document.tree.line(entry.key_start)
        quoted = entry.style in ("'", '"')
        rest = document.text[entry.end :].partition("\n")[0]
        if rest.strip().startswith("#"):
            yield Flaw(
                TRAILING_COMMENT, line, _("A comment stands behind the path on line %(line)s.") % {"line": line},
                _("prepare takes the last word of this line. The comment comes above it."), key,
            )  # fmt: skip
        if quoted:
            yield Flaw(
                QUOTES, line, _("The path on line %(line)s stands in quotes.") % {"line": line},
                _("prepare’s shell takes them for a part of the path. They go."), key,
            )  # fmt: skip


def _readable(text: str) -> str:
    document = Document(text)
    for flaw in _shell(document):
        path = document.path(flaw.key)
        return for_the_shell(document, path, document.get(flaw.key)).text
    return text


def _tried(text: str, how: Callable[[str], str]) -> str:
    try:
        return how(text)
    except TextProblem:
        return text


def _blankless(text: str) -> str:
    head, lines = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    fixed = []
    for line in lines.split("\n"):
        if ODD_BLANK.search(line):
            body = line.lstrip()
            body = body.lstrip("\u200b\ufeff")
            indent = re.sub("[\u200b\ufeff]", "", line[: len(line) - len(body)])
            body = re.sub(rf"(?<=:){BLANK.pattern}+", " ", body)
            line = BLANK.sub(" ", indent) + body
        fixed.append(line)
    return head + "\n".join(fixed)


_REPAIRS: dict[str, Callable[[str], str]] = {
    BREAKS: lambda text: STRANGE_BREAK.sub("\n", text),
    BYTE_ORDER_MARK: lambda text: text.removeprefix(BOM),
    CRLF: lambda text: text.replace("\r\n", "\n"),
    BLANKS: _blankless,
    TAB: _tabless,
    DUPLICATE: _once,
    TRAILING_COMMENT: _readable,
    QUOTES: _readable,
}
