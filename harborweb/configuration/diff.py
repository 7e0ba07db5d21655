"""Two texts of a harbor.yml line by line: real line numbers, secrets masked, faults below their lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from harborweb.configuration.document import Document
from harborweb.configuration.faults import Fault
from harborweb.configuration.veil import masked_lines


@dataclass(frozen=True)
class Line:
    """One line: its number in the text it comes from, its sign, what it says, what is wrong with it."""

    number: int
    sign: str  # "", "+", "-"
    text: str
    faults: tuple[Fault, ...] = ()

    @property
    def css(self) -> str:
        """The class that colours it."""
        comment = self.text.lstrip().startswith("#")
        return {"+": "add", "-": "del"}.get(self.sign, "comment" if comment else "")


@dataclass(frozen=True)
class Hunk:
    """Lines that stand together, and the top-level key they belong to."""

    key: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Diff:
    """What changed between two texts."""

    hunks: tuple[Hunk, ...]
    untouched: int
    lines: int  # of the old text


def compare(
    old: Document, new: Document, faults: Sequence[Fault] = (), *, before: int = 2, after: int | None = None
) -> Diff:
    """Compare line by line; lines are compared as they are and shown masked.

    Shown around a change are `before` lines above it and `after` (by default as many) below it.
    """
    shown_old, shown_new = masked_lines(old), masked_lines(new)
    below: dict[int, list[Fault]] = {}
    for fault in faults:
        below.setdefault(fault.line or 0, []).append(fault)
    matcher = SequenceMatcher(None, old.lines, new.lines, autojunk=False)
    hunks = []
    for group in matcher.get_grouped_opcodes(before):
        lines: list[Line] = []
        if after is not None and group[-1][0] == "equal":
            tag, old_from, old_to, new_from, new_to = group[-1]
            short = min(after, old_to - old_from)
            group[-1] = (tag, old_from, old_from + short, new_from, new_from + short)
        for tag, old_from, old_to, new_from, new_to in group:
            if tag != "equal":
                lines += [Line(number + 1, "-", shown_old[number]) for number in range(old_from, old_to)]
            sign = "" if tag == "equal" else "+"
            lines += [
                Line(number + 1, sign, shown_new[number], tuple(below.get(number + 1, ())))
                for number in range(new_from, new_to)
            ]
        hunks.append(Hunk(_key_at(new, group), tuple(lines)))
    equal = sum(block.size for block in matcher.get_matching_blocks())
    return Diff(tuple(hunks), equal, len(old.lines))


def _key_at(document: Document, group: Sequence[tuple[str, int, int, int, int]]) -> str:
    """The top-level key that holds the first change of a group."""
    first = next((start for tag, _old, _old_to, start, _to in group if tag != "equal"), 0)
    name = ""
    for key in document.keys():  # noqa: SIM118 - a method of ours
        if (document.line(key) or 0) > first + 1:
            break
        name = key
    commented = [found for found in document.commented.values() if found.index == first and len(found.path) == 1]
    return commented[0].path[0] if commented else name
