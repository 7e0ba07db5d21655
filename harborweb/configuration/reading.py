"""Where every key of a YAML text stands. ruamel.yaml reads here; it never writes.

prepare reads harbor.yml with PyYAML, which follows YAML 1.1 (`yes` is true, `0123` is 83), so this does too.
"""

import bisect
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from harborweb.errors import Problem

Path = tuple[str, ...]
Value = str | int | float | bool | None
TAG = "tag:yaml.org,2002:"
# Breaks that YAML knows and no editor shows; they would make our line numbers and prepare's differ.
STRANGE_BREAKS = "\x85\u2028\u2029"
BOM = "\ufeff"
DEEP = re.compile(r"(?:[\[{]\s*){50}")


class TextProblem(Problem):
    """A harbor.yml that cannot be read or edited, with the line and key it is about."""

    def __init__(self, message: str, advice: str = "", *, line: int | None = None, key: str = "") -> None:
        super().__init__(message, advice, field=key)
        self.line = line
        self.key = key


@dataclass(frozen=True)
class Entry:
    """One key (or list item) of the text: offsets of its name and of its value, and what YAML makes of it."""

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

    @property
    def value(self) -> Value:
        """The Python value of a scalar, as PyYAML would read it; None for a block."""
        if self.kind != "scalar":
            return None
        return _value(self.tag, self.content)


class Tree:
    """Every entry of a text by its path, in the order of the text."""

    def __init__(self, text: str) -> None:
        """Read `text`; raises TextProblem naming the line where YAML, or prepare, would stumble."""
        self.starts = [0, *(i + 1 for i, char in enumerate(text) if char == "\n")]
        if text.startswith(BOM):
            self.starts[0] = 1
        self.entries: dict[Path, Entry] = {}
        _refuse_strange_breaks(text, self)
        root = _compose(text)
        if root is None:
            raise TextProblem(_("This harbor.yml is empty."), _("Start from the template of an installer."), line=1)
        if not isinstance(root, MappingNode):
            raise TextProblem(
                _("This is no harbor.yml: its top level is not a list of keys with values."),
                _("Start from the template of an installer."),
                line=1,
            )
        self.root_flow = bool(root.flow_style)
        self._seen = {id(root)}  # an alias is the node that was met before; followed, a few lines would be millions
        self._mapping(root, ())

    def line(self, offset: int) -> int:
        """The number of the line, counted from 1, that holds the character at `offset`."""
        return max(1, bisect.bisect_right(self.starts, offset))

    def children(self, path: Path) -> Iterator[Entry]:
        """The entries directly below `path`."""
        for entry in self.entries.values():
            if len(entry.path) == len(path) + 1 and entry.path[:-1] == path:
                yield entry

    def _mapping(self, node: MappingNode, path: Path) -> None:
        for name, child in node.value:
            if not isinstance(name, ScalarNode):
                raise TextProblem(_("A key here is not a word."), line=self.line(name.start_mark.index))
            self._seen.add(id(name))
            here = (*path, str(name.value))
            if here in self.entries:
                raise TextProblem(
                    _("The key %(key)s stands here a second time, first on line %(line)s.")
                    % {"key": ".".join(here), "line": self.line(self.entries[here].key_start)},
                    _("Delete one of the two: prepare takes the last one without a word."),
                    line=self.line(name.start_mark.index),
                    key=".".join(here),
                )
            self._entry(here, child, name.start_mark.index, name.end_mark.index, bool(node.flow_style))

    def _entry(self, path: Path, node: Node, key_start: int, key_end: int, flow: bool) -> None:
        alias = id(node) in self._seen
        self._seen.add(id(node))
        scalar = isinstance(node, ScalarNode)
        kind = "scalar" if scalar else "mapping" if isinstance(node, MappingNode) else "sequence"
        self.entries[path] = Entry(
            path, key_start, key_end, node.start_mark.index, node.end_mark.index, kind, str(node.tag),
            str(node.value) if scalar else "", str(getattr(node, "style", None) or ""), flow, alias,
        )  # fmt: skip
        if alias:
            return
        if isinstance(node, MappingNode):
            self._mapping(node, path)
        elif isinstance(node, SequenceNode):
            for number, item in enumerate(node.value):
                begin = item.start_mark.index
                self._entry((*path, str(number)), item, begin, begin, bool(node.flow_style))


def _refuse_strange_breaks(text: str, tree: Tree) -> None:
    for number, char in enumerate(text):
        lone = char == "\r" and text[number + 1 : number + 2] != "\n"
        if lone or char in STRANGE_BREAKS:
            raise TextProblem(
                _("This line holds a line break that editors do not show."),
                _("Save the file with ordinary line ends (LF)."),
                line=tree.line(number),
            )


def _reader() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    return yaml


def _compose(text: str) -> Any:
    if deep := DEEP.search(text):  # reading it would take minutes and then fail
        raise TextProblem(_("The blocks of this file are nested too deep."), line=text.count("\n", 0, deep.start()) + 1)
    try:
        return _reader().compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else None
        if "\t" in str(error.problem or "") or "'\\t'" in str(error.problem or ""):
            raise TextProblem(
                _("A tab indents this line, and YAML allows only spaces."), _("Replace it by spaces."), line=line
            ) from error
        raise TextProblem(
            _("YAML cannot read this line: %(why)s.") % {"why": error.problem or error.context},
            _("Look at its indentation, quotes and colons, and at the line before it."),
            line=line,
        ) from error
    except YAMLError as error:  # ReaderError: characters that YAML does not allow
        position = getattr(error, "position", 0)
        raise TextProblem(
            _("A character here is not allowed in YAML."),
            _("Delete it, or write it as an escape in double quotes."),
            line=text.count("\n", 0, position) + 1,
        ) from error
    except RecursionError as error:
        raise TextProblem(_("The blocks of this file are nested too deep."), line=1) from error


def _value(tag: str, content: str) -> Value:
    """What PyYAML makes of a scalar; dates stay text, and `1e3` too, as in PyYAML."""
    kind = tag.removeprefix(TAG)
    if kind == "null":
        return None
    if kind not in ("bool", "int", "float") or (kind == "float" and "." not in content):
        return content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = _reader().constructor.construct_object(ScalarNode(tag, content))
        except (ValueError, YAMLError):
            return content
    return made if isinstance(made, bool | int | float) else content


def leaves(tree: Tree) -> Mapping[Path, tuple[str, str, str]]:
    """What YAML reads, flat: comparing two of these tells which keys an edit changed."""
    return {path: (entry.kind, entry.tag, entry.content) for path, entry in tree.entries.items()}
