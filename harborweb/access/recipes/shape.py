"""What a recipe is made of: pieces of text, and in them lines that say what they are for. Pure.

Names in the LAN (`access/dns/`) are such texts too, with tags of their own.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from harborweb.configuration.fields import Words


class Tag(enum.StrEnum):
    """What a line of a recipe is for: so that somebody else can name the line to change."""

    LISTEN = "listen"
    NAME = "name"
    REDIRECT = "redirect"
    CERTIFICATE = "certificate"
    CHAIN = "chain"
    BODY_SIZE = "body_size"
    PATH = "path"
    UPSTREAM = "upstream"
    BACKEND_TLS = "backend_tls"
    HTTP_VERSION = "http_version"
    HOST = "host"
    CLIENT = "client"
    PROTO = "proto"
    BUFFERING = "buffering"
    TIMEOUTS = "timeouts"
    HSTS = "hsts"


@dataclass(frozen=True)
class Line:
    """One line: its number in its piece, its text without the line end, what it is for."""

    number: int
    text: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Passage:
    """Lines one after the other that are for the same."""

    tags: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The lines as they stand."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True)
class Piece:
    """Text that goes to one place: `where` is the path of a file, or words for a field of a form."""

    where: Words
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(f"{line.text}\n" for line in self.lines)

    @property
    def passages(self) -> list[Passage]:
        """The text in passages; a blank line belongs to the passage above it."""
        grouped: list[Passage] = []
        for tags, lines in groupby(self._with_blanks(), key=lambda pair: pair[0]):
            grouped.append(Passage(tags, tuple(line for _tags, line in lines)))
        return grouped

    def _with_blanks(self) -> Iterator[tuple[tuple[str, ...], Line]]:
        tags: tuple[str, ...] = ()
        for line in self.lines:
            tags = line.tags if line.text.strip() else tags
            yield tags, line


@dataclass(frozen=True)
class Step:
    """One thing to do: in words, and commands for it, if any; `where` they are typed, when not where the others are."""

    words: Words
    commands: str = ""
    where: Words = ""


@dataclass(frozen=True)
class Recipe:
    """Everything for one proxy. `name` is its key in `PROXIES`, `check` the command that reads the text for faults."""

    name: str
    title: Words
    pieces: tuple[Piece, ...]
    steps: tuple[Step, ...]
    check: str = ""
    notes: tuple[Words, ...] = field(default=())

    @property
    def lines(self) -> Iterator[Line]:
        """All lines of all pieces."""
        return (line for piece in self.pieces for line in piece.lines)

    def line(self, tag: str) -> Line | None:
        """The first line that is for this; None where this proxy needs none."""
        return next((line for line in self.lines if tag in line.tags), None)

    def lines_for(self, tag: str) -> list[Line]:
        """Every line that is for this."""
        return [line for line in self.lines if tag in line.tags]

    def where(self, line: Line) -> Words:
        """The place of the piece that `line` stands in; raises StopIteration for a line of another recipe."""
        return next(piece.where for piece in self.pieces if any(one is line for one in piece.lines))

    @property
    def text(self) -> str:
        """All pieces, one after the other."""
        return "\n".join(piece.text for piece in self.pieces)


Draft = tuple[str, tuple[str, ...]]


def to(text: str, *tags: str) -> Draft:
    """A line that is for `tags`, on its way into a piece."""
    return text, tags


def piece(where: Words, lines: Iterable[str | Draft]) -> Piece:
    """A piece of these lines, numbered; a plain text is a line for nothing in particular."""
    drafts = [(line, ()) if isinstance(line, str) else line for line in lines]
    return Piece(where, tuple(Line(number, text, tags) for number, (text, tags) in enumerate(drafts, 1)))


def indented(lines: Iterable[str | Draft], by: int = 4) -> list[str | Draft]:
    """These lines further in."""
    return [_further(line, " " * by) for line in lines]


def _further(line: str | Draft, spaces: str) -> str | Draft:
    if isinstance(line, str):
        return f"{spaces}{line}" if line else line
    return f"{spaces}{line[0]}", line[1]
