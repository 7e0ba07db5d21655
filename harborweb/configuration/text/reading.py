"""Where every key of a YAML text stands. ruamel.yaml reads here; it never writes.

prepare reads harbor.yml with PyYAML, so what a value is (`values`), and what stops the reading, follows PyYAML.
"""

import bisect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from harborweb.configuration.text.syntax import COLLECTIONS, MOST, TOO_MANY, Node, compose
from harborweb.configuration.text.values import MERGE, NULL, TAG, TEXT, Plain, Value, construct
from harborweb.errors import Problem

__all__ = ["BOM", "LARGEST", "TAG", "Entry", "Path", "TextProblem", "Tree", "Value", "leaves"]

Path = tuple[str, ...]
# Breaks that YAML knows and no editor shows; they would make our line numbers and prepare's differ.
STRANGE_BREAK = re.compile("\r(?!\n)|[\x85\u2028\u2029]")
# What PyYAML's reader refuses wherever it stands, in comments too.
REFUSED = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
BOM = "\ufeff"
DEEP = re.compile(r"(?:[\[{]\s*){50}")
LARGEST = 256 * 1024  # characters; a harbor.yml has some 15,000
# What YAML names in a complaint may be a password that begins with *, & or !
NAMED = re.compile(r"\b(alias|anchor|handle|tag|directive|prefix)( name)? '.*'", re.DOTALL)


class TextProblem(Problem):
    """A harbor.yml that cannot be read or edited, with the line and key it is about."""

    def __init__(self, message: str, advice: str = "", *, line: int | None = None, key: str = "") -> None:
        super().__init__(message, advice, field=key)
        self.line = line
        self.key = key


@dataclass(frozen=True)
class Entry:
    """One key (or list item) of the text: offsets of its name and of its value, and what YAML makes of it.

    What is reached through an alias or a merge has no place of its own: there, all offsets are the alias's.
    """

    path: Path
    key_start: int
    key_end: int
    start: int
    end: int
    kind: str  # scalar, mapping, sequence
    tag: str
    content: str  # of a scalar, as YAML unescapes it
    style: str  # of a scalar: "", ', ", |, >
    flow: bool  # stands inside { } or [ ]
    alias: bool  # *name: the value stands elsewhere
    value: Value = None  # of a scalar, as PyYAML reads it
    begin: int = -1  # where the value begins behind its anchor and tag
    anchor: str = ""

    @property
    def inner(self) -> bool:
        """Whether it is a list item, or reached through an alias: there is no name of its own in the text."""
        return self.key_start == self.key_end


@dataclass(frozen=True)
class Twice:
    """A key that stands twice in one block: the earlier one, the last line of its block, and the line of the later."""

    path: Path
    first: Entry
    last: int
    line: int


@dataclass
class Tree:
    """Every entry of a text by its path, in the order of the text.

    Reading raises TextProblem naming the line where YAML, or prepare, would stumble; with `tolerant`, keys that
    stand twice are gathered in `twice` instead, and the last one counts, as in PyYAML.
    """

    text: str
    tolerant: bool = False
    entries: dict[Path, Entry] = field(default_factory=dict)
    twice: list[Twice] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the text."""
        text = self.text
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]
        if text.startswith(BOM):
            self.starts[0] = 1
        self._refuse_at_sight()
        self._busy: set[int] = set()
        root = compose(text, self.starts, self._stumbled)
        if root is None:
            raise TextProblem(_("This harbor.yml is empty."), _("Start from the template of an installer."), line=1)
        if root.kind != "mapping":
            raise TextProblem(
                _("This is no harbor.yml: its top level is not a list of keys with values."),
                _("Start from the template of an installer."),
                line=1,
            )
        self._value(root, (), root.start)
        self.root_flow = root.flow
        self.root_end = root.end
        try:
            self._mapping(root, (), None)
        except RecursionError as error:
            raise TextProblem(_("The blocks of this file are nested too deep."), line=1) from error

    def line(self, offset: int) -> int:
        """The number of the line, counted from 1, that holds the character at `offset`."""
        return max(1, bisect.bisect_right(self.starts, offset))

    def column(self, offset: int) -> int:
        """How many characters stand before `offset` on its line."""
        return offset - self.starts[self.line(offset) - 1]

    def place(self, offset: int) -> tuple[int, int]:
        """The number of the line (from 0) and the place in it; a byte order mark belongs to its line."""
        number = self.line(offset) - 1
        return number, offset - (self.starts[number] if number else 0)

    def children(self, path: Path) -> Iterator[Entry]:
        """The entries directly below `path`."""
        for entry in self.entries.values():
            if len(entry.path) == len(path) + 1 and entry.path[:-1] == path:
                yield entry

    def _refuse_at_sight(self) -> None:
        text = self.text
        if len(text) > LARGEST:
            raise TextProblem(
                _("This text is larger than %(most)s KB.") % {"most": LARGEST // 1024},
                _("A harbor.yml has some 15 KB. Look whether this is the right file."),
                line=1,
            )
        if strange := STRANGE_BREAK.search(text):
            raise TextProblem(
                _("This line holds a line break that editors do not show."),
                _("Save the file with ordinary line ends (LF)."),
                line=self.line(strange.start()),
            )
        if refused := REFUSED.search(text):
            raise TextProblem(
                _("A character here is not allowed in YAML."),
                _("Delete it, or write it as an escape in double quotes."),
                line=self.line(refused.start()),
            )
        if deep := DEEP.search(text):  # reading it would take minutes and then fail
            raise TextProblem(_("The blocks of this file are nested too deep."), line=self.line(deep.start()))

    def _stumbled(self, why: str, offset: int) -> Exception:
        line = self.line(offset) if offset >= 0 else None
        if why == TOO_MANY:
            return self._too_many(line)
        if why == "nested too deep":
            return TextProblem(_("The blocks of this file are nested too deep."), line=1)
        if "\t" in why or "'\\t'" in why:
            return TextProblem(
                _("A tab stands on this line, and YAML allows only spaces between its words."),
                _("Replace it by spaces."),
                line=line,
            )
        return TextProblem(
            _("YAML cannot read this line: %(why)s.") % {"why": NAMED.sub(r"\1", why)},
            _("Look at its indentation, quotes and colons, and at the line before it."),
            line=line,
        )

    @staticmethod
    def _too_many(line: int | None) -> TextProblem:
        return TextProblem(
            _("This text has more than %(most)s keys.") % {"most": MOST},
            _("A harbor.yml has some 100. Look whether this is the right file."),
            line=line,
        )

    def _mapping(self, node: Node, path: Path, through: int | None) -> None:
        """Enter the pairs of a mapping; `through` is the offset of the alias it was reached by, if by one."""
        mine: set[str] = set()
        for name, child in node.pairs:
            if name.kind != "scalar":
                raise TextProblem(_("A key here is not a word."), line=self.line(name.start))
            if name.tag == MERGE:
                continue
            here = (*path, name.content)
            if name.tag != TAG + "value":  # as a key, = is text
                self._value(name, here, name.start)
            if name.content in mine:
                self._second(here, name)
            mine.add(name.content)
            self._entry(here, child, (name.start, name.end) if through is None else None, node.flow, through)
        for word, child in node.merged(self._stumbled).items():
            if word not in mine:
                self._entry((*path, word), child, None, node.flow, node.start if through is None else through)

    def _second(self, here: Path, name: Node) -> None:
        first = self.entries[here]
        if self.tolerant:
            below = [entry for path, entry in self.entries.items() if path[: len(here)] == here]
            ends = [len(self.text[: entry.end].rstrip()) for entry in below if entry.kind == "scalar" or entry.flow]
            last = max([first.key_end, *ends, *(entry.key_end for entry in below)])
            self.twice.append(Twice(here, first, self.line(last - 1), self.line(name.start)))
            for entry in below:
                del self.entries[entry.path]
            return
        raise TextProblem(
            _("The key %(key)s stands here a second time, first on line %(line)s.")
            % {"key": ".".join(here), "line": self.line(first.key_start)},
            _("Delete one of the two: prepare takes the last one without a word."),
            line=self.line(name.start),
            key=".".join(here),
        )

    def _entry(self, path: Path, node: Node, name: tuple[int, int] | None, flow: bool, through: int | None) -> None:
        """Enter `node` under `path`; `name` is where its key stands, None for an item or what an alias brings."""
        if len(self.entries) >= MOST:
            raise self._too_many(self.line(node.start))
        real = node.target or node
        start, end = (node.start, node.end) if through is None else (through, through)
        if name and start == end and ":" in self.text[name[1] : start + 1]:
            # An empty value: YAML places it where the next word stands, we behind the colon.
            colon = self.text.index(":", name[1]) + 1
            start = end = colon
        name = name or (start, start)
        begin = max(node.begin, start) if through is None and node.end > node.start else start
        self.entries[path] = Entry(
            path, *name, start, end, real.kind, real.tag, real.content, real.style, flow,
            real is not node or through is not None, self._value(real, path, start), begin, node.anchor,
        )  # fmt: skip
        if id(real) in self._busy:  # a list that holds itself
            return
        self._busy.add(id(real))
        inside = through if real is node else through or start
        if real.kind == "mapping":
            self._mapping(real, path, inside)
        for number, item in enumerate(real.items):
            self._entry((*path, str(number)), item, None, real.flow, inside)
        self._busy.discard(id(real))

    def _value(self, node: Node, path: Path, offset: int) -> Value:
        if node.kind != "scalar":
            if node.tag != COLLECTIONS[node.kind]:
                raise self._stumbled(_("prepare does not know what %(tag)s is") % {"tag": node.tag}, offset)
            return None
        try:
            return construct(node.tag, node.content)
        except ValueError as error:
            raise TextProblem(
                _("prepare stops at the value of %(key)s: it looks like a date, a number or a mark and is none.")
                % {"key": ".".join(path)},
                _("Put it in quotes."),
                line=self.line(offset),
                key=".".join(path),
            ) from error


def leaves(tree: Tree) -> Mapping[Path, tuple[str, str, str]]:
    """What YAML reads, flat: comparing two of these tells which keys an edit changed."""
    return {
        path: (entry.kind, entry.tag if entry.kind == "scalar" else "", entry.content)
        for path, entry in tree.entries.items()
    }


def holds(entry: Entry | None, value: Value) -> bool:
    """Whether YAML reads exactly `value` in this scalar."""
    if entry is None or entry.kind != "scalar":
        return False
    if isinstance(value, Plain):
        return entry.tag != TEXT and entry.content == value
    if isinstance(value, str):
        return entry.tag == TEXT and entry.value == value
    if value is None:
        return entry.tag == NULL
    same = type(entry.value) is type(value) and entry.value == value
    return same or (value != value and entry.value != entry.value)  # .nan is not equal to itself
