"""The grammar: a YAML text as nodes with their places, by ruamel.yaml's parser. What nodes mean is `reading`'s.

Lines that are nothing but a comment are most of a harbor.yml. They are left out before parsing, which makes it twice
as fast; where one of them might mean something (inside a text of several lines), the whole is parsed.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

from harborweb.configuration.text.values import MERGE, TAG, TEXT, resolve

Stumbled = Callable[[str, int], Exception]  # why, and the offset (-1: nobody knows)
COMMENT = re.compile(r"^ *#[^\n]*", re.MULTILINE)
PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*(?:\s+|$))*")
MOST = 5000  # keys and items; a harbor.yml has some 100
TOO_MANY = "more keys than a harbor.yml has"
COLLECTIONS = {"mapping": TAG + "map", "sequence": TAG + "seq"}


@dataclass
class Node:
    """A value (or a key) of the text, with the offsets where it starts and ends."""

    kind: str  # scalar, mapping, sequence
    start: int
    end: int
    tag: str = ""
    content: str = ""
    style: str = ""
    flow: bool = False
    anchor: str = ""
    begin: int = -1  # where it begins behind its anchor and tag
    pairs: list[tuple["Node", "Node"]] = field(default_factory=list)
    items: list["Node"] = field(default_factory=list)
    target: "Node | None" = None  # of an alias: the node it stands for
    _flat: dict[str, "Node"] | None = None

    def merged(self, stumbled: Stumbled) -> dict[str, "Node"]:
        """The keys that `<<` brings into this mapping, in PyYAML's order of precedence."""
        found: dict[str, Node] = {}
        for name, value in reversed(self.pairs):
            if name.tag != MERGE:
                continue
            real = value.target or value
            for one in real.items if real.kind == "sequence" else [value]:
                block = one.target or one
                if block.kind != "mapping":
                    raise stumbled("expected a mapping for merging", name.start)
                found = {**block.flat(stumbled), **found}
        return found

    def flat(self, stumbled: Stumbled) -> dict[str, "Node"]:
        """All keys of this mapping, its own and merged ones, found once."""
        if self._flat is None:
            self._flat = {}  # a block that merges itself
            own = {name.content: value for name, value in self.pairs if name.tag != MERGE}
            self._flat = {**self.merged(stumbled), **own}
        return self._flat


def compose(text: str, starts: Sequence[int], stumbled: Stumbled) -> Node | None:
    """The root of `text`, None when there is nothing; `starts` are the offsets of its lines.

    Raises what `stumbled` makes of YAML's complaint and its place.
    """
    short = COMMENT.sub("", text)
    if len(short) < len(text):
        breaks = [0, *(found.end() for found in re.finditer("\n", short))]
        shift = [full - brief for full, brief in zip(starts, breaks, strict=True)]
        if text.startswith("\ufeff"):
            shift[0] = 0
        try:
            composer = _Composer(
                short, lambda mark: int(mark.index) + shift[mark.line] if mark.line < len(shift) else len(text)
            )
            root = composer.root()
        except _Complaint as error:
            if error.why == TOO_MANY:
                raise stumbled(error.why, error.offset) from error
        except (YAMLError, RecursionError):
            pass  # the whole text tells better what is wrong, and where
        else:
            if not composer.several_lines:
                return root
    try:
        return _Composer(text, lambda mark: int(mark.index)).root()
    except _Complaint as error:
        raise stumbled(error.why, error.offset) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise stumbled(str(error.problem or error.context), int(mark.index) if mark is not None else -1) from error
    except YAMLError as error:
        raise stumbled(str(error), int(getattr(error, "position", -1))) from error
    except RecursionError as error:
        raise stumbled("nested too deep", -1) from error


class _Complaint(Exception):
    """What the composer has against a text."""

    def __init__(self, why: str, offset: int) -> None:
        super().__init__(why)
        self.why = why
        self.offset = offset


class _Composer:
    """Makes nodes of ruamel.yaml's events."""

    def __init__(self, text: str, offset: Callable[[Any], int]) -> None:
        yaml = YAML(typ="safe", pure=True)
        yaml.version = (1, 1)
        self._text = text
        self._offset = offset
        self._events: Iterator[Any] = iter(yaml.parse(text))
        self._anchors: dict[str, Node] = {}
        self.several_lines = False
        self._left = 2 * MOST

    def root(self) -> Node | None:
        """The one document's node."""
        root = None
        documents = 0
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise _Complaint(
                        "expected a single document, but found another document", self._offset(event.start_mark)
                    )
            elif kind not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                root = self._node(event)
        return root

    def _node(self, event: Any) -> Node:
        start, end = self._offset(event.start_mark), self._offset(event.end_mark)
        self._left -= 1
        if self._left < 0:
            raise _Complaint(TOO_MANY, start)
        if isinstance(event, AliasEvent):
            target = self._anchors.get(str(event.anchor))
            if target is None:
                raise _Complaint(f"found undefined alias '{event.anchor}'", start)
            return Node(target.kind, start, end, target.tag, target.content, target.style, begin=start, target=target)
        tag = str(event.tag or "")
        if isinstance(event, ScalarEvent):
            content, style = str(event.value), str(event.style or "")
            if tag in ("", "!"):
                tag = TEXT if style or tag else resolve(content)
            several = event.start_mark.line != event.end_mark.line
            self.several_lines = self.several_lines or several or style in ("|", ">")
            node = Node("scalar", start, end, tag, content, style)
        else:
            kind = "mapping" if isinstance(event, MappingStartEvent) else "sequence"
            node = Node(
                kind, start, end, tag if tag not in ("", "!") else COLLECTIONS[kind], flow=bool(event.flow_style)
            )
        properties = PROPERTIES.match(self._text, event.start_mark.index)
        node.begin = start + (properties.end() - properties.start() if properties else 0)
        self._anchor(node, str(event.anchor or ""))
        if isinstance(event, MappingStartEvent):
            self._pairs(node)
        elif isinstance(event, SequenceStartEvent):
            while not isinstance(event := next(self._events), CollectionEndEvent):
                node.items.append(self._node(event))
            node.end = self._offset(event.end_mark)
        return node

    def _pairs(self, node: Node) -> None:
        while not isinstance(event := next(self._events), CollectionEndEvent):
            name = self._node(event)
            node.pairs.append((name, self._node(next(self._events))))
        node.end = self._offset(event.end_mark)

    def _anchor(self, node: Node, anchor: str) -> None:
        if not anchor:
            return
        if anchor in self._anchors:
            raise _Complaint(f"found duplicate anchor '{anchor}'", node.start)
        node.anchor = anchor
        self._anchors[anchor] = node
