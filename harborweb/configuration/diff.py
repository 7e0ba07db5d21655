"""Two texts of a harbor.yml line by line: real line numbers, secrets masked, faults below their lines."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from harborweb.configuration.faults import Fault
from harborweb.configuration.text.document import Document
from harborweb.configuration.veil import DOTS, masked_lines, secret_values

WORD = re.compile(r"\s+|\S+")
ALIKE = 0.5  # lines at least this alike stand side by side, with the words marked that differ
MANY = 400  # pairs of lines beyond which only equal keys are looked for
LONG = 400  # characters beyond which no words are marked
ALTOGETHER = 2000  # pairs of lines beyond which no more words are marked
FREQUENT = 20_000  # pairs of equal lines beyond which lines that occur often do not help to find what is equal


@dataclass(frozen=True)
class Line:
    """One line: its number in the text it comes from, its sign, what it says, what is wrong with it."""

    number: int
    sign: str  # "", "+", "-"
    text: str
    faults: tuple[Fault, ...] = ()
    parts: tuple[tuple[str, bool], ...] = ()  # the text in pieces, with those marked that differ; empty: unmarked
    hidden: bool = False  # a secret on it differs, which does not show
    ending: bool = False  # how it ends differs, which does not show

    @property
    def css(self) -> str:
        """The class that colours it."""
        comment = self.text.lstrip().startswith("#")
        return {"+": "add", "-": "del"}.get(self.sign, "comment" if comment else "")


@dataclass(frozen=True)
class Row:
    """A line of the old text and the line of the new one beside it; None where there is none."""

    old: Line | None
    new: Line | None

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.new is not None and not self.new.sign


@dataclass(frozen=True)
class Hunk:
    """Lines that stand together, and the top-level key they belong to."""

    key: str
    lines: tuple[Line, ...]
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Diff:
    """What changed between two texts."""

    hunks: tuple[Hunk, ...]
    untouched: int
    lines: int  # of the old text
    added: int = 0
    removed: int = 0


Group = Sequence[tuple[str, int, int, int, int]]


def compare(
    old: Document, new: Document, faults: Sequence[Fault] = (), *, before: int = 2, after: int | None = None
) -> Diff:
    """Compare line by line; lines are compared as they are and shown masked, also by the other text's secrets.

    Shown around a change are `before` lines above it and `after` (by default as many) below it.
    """
    secrets = secret_values(old) | secret_values(new)
    sides = Sides(old.lines, new.lines, masked_lines(old, secrets), masked_lines(new, secrets))
    return sides.diff(faults, before=before, after=after, key_at=lambda group: _key_at(new, group))


class Sides:
    """Two texts as lines, and how each of their lines is shown."""

    def __init__(
        self, old: Sequence[str], new: Sequence[str], shown_old: Sequence[str], shown_new: Sequence[str]
    ) -> None:
        self.old, self.new, self.shown_old, self.shown_new = old, new, shown_old, shown_new
        self._marked = 0  # pairs of lines whose words were marked

    def diff(
        self, faults: Sequence[Fault] = (), *, before: int = 2, after: int | None = None,
        key_at: Callable[[Group], str] = lambda _group: "",
    ) -> Diff:  # fmt: skip
        """What differs, in hunks with `before` lines above and `after` below each change."""
        below: dict[int, list[Fault]] = {}
        for fault in faults:
            below.setdefault(fault.line or 0, []).append(fault)
        often = Counter(self.old)
        equals = sum(often[line] * count for line, count in Counter(self.new).items())
        matcher = SequenceMatcher(None, self.old, self.new, autojunk=equals > FREQUENT)
        hunks = []
        for group in matcher.get_grouped_opcodes(before):
            _shorten(group, after)
            rows = [row for part in group for row in self._rows(part, below)]
            hunks.append(Hunk(key_at(group), _one_below_the_other(rows), tuple(rows)))
        equal = sum(block.size for block in matcher.get_matching_blocks())
        return Diff(tuple(hunks), equal, len(self.old), len(self.new) - equal, len(self.old) - equal)

    def _rows(self, part: tuple[str, int, int, int, int], below: dict[int, list[Fault]]) -> list[Row]:
        tag, old_from, old_to, new_from, new_to = part
        if tag == "equal":
            pairs: list[tuple[int | None, int | None]] = list(
                zip(range(old_from, old_to), range(new_from, new_to), strict=True)
            )
        else:
            pairs = self._pairs(range(old_from, old_to), range(new_from, new_to))
        return [self._row(one, other, tag == "equal", below) for one, other in pairs]

    def _row(self, old: int | None, new: int | None, equal: bool, below: dict[int, list[Fault]]) -> Row:
        left = None if old is None else Line(old + 1, "" if equal else "-", self.shown_old[old])
        right = None
        if new is not None:
            right = Line(new + 1, "" if equal else "+", self.shown_new[new], tuple(below.get(new + 1, ())))
        if left is None or right is None or old is None or new is None or equal:
            return Row(left, right)
        hidden = _hidden(self.old[old], left.text) != _hidden(self.new[new], right.text)
        if left.text == right.text:
            ending = not hidden
            return Row(replace(left, hidden=hidden, ending=ending), replace(right, hidden=hidden, ending=ending))
        self._marked += 1
        one, other = _words(left.text, right.text) if self._marked <= ALTOGETHER else ((), ())
        return Row(replace(left, parts=one, hidden=hidden), replace(right, parts=other, hidden=hidden))

    def _pairs(self, old: range, new: range) -> list[tuple[int | None, int | None]]:
        """Which changed line became which: in order, by their keys, else by how alike they are."""
        found: list[tuple[int | None, int | None]] = []
        partner_of = self._partners(new, thorough=len(old) * len(new) <= MANY)
        cursor = new.start
        for number in old:
            partner = partner_of(self.shown_old[number], cursor)
            if partner is None:
                found.append((number, None))
                continue
            found += [(None, one) for one in range(cursor, partner)]
            found.append((number, partner))
            cursor = partner + 1
        return found + [(None, one) for one in range(cursor, new.stop)]

    def _partners(self, new: range, *, thorough: bool) -> Callable[[str, int], int | None]:
        """How to find the first line at or after a number that a given old line may have become."""
        if thorough:
            return lambda line, cursor: next(
                (one for one in range(cursor, new.stop) if _partners(line, self.shown_new[one])), None
            )
        places: dict[str, list[int]] = {}
        for number in new:
            for name in {_key(self.shown_new[number]), self.shown_new[number]} - {""}:
                places.setdefault(name, []).append(number)

        def first(line: str, cursor: int) -> int | None:
            known = [places[name] for name in (_key(line), line) if name and name in places]
            later = [one[bisect_left(one, cursor)] for one in known if one[-1] >= cursor]
            return min(later, default=None)

        return first


def _shorten(group: list[tuple[str, int, int, int, int]], after: int | None) -> None:
    if after is not None and group[-1][0] == "equal":
        tag, old_from, old_to, new_from, _new_to = group[-1]
        short = min(after, old_to - old_from)
        group[-1] = (tag, old_from, old_from + short, new_from, new_from + short)


def _partners(one: str, other: str) -> bool:
    if one == other:
        return True
    if not one.strip() or not other.strip():
        return False
    if _key(one) and _key(one) == _key(other):
        return True
    if len(one) + len(other) > LONG:
        return False
    matcher = SequenceMatcher(None, one, other)
    return matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE


def _key(line: str) -> str:
    """The name before the colon, also of a commented key."""
    name, colon, _rest = line.lstrip(" #").partition(":")
    return name if colon and " " not in name else ""


def _hidden(line: str, shown: str) -> tuple[str, ...]:
    """What `shown` hides of `line`: the texts where it has dots."""
    if DOTS not in shown or len(shown) > LONG:
        return ()
    pattern = "(.*)".join(re.escape(piece) for piece in shown.split(DOTS))
    found = re.fullmatch(pattern, line.rstrip("\r\n"), re.DOTALL)
    return found.groups() if found else (line.rstrip("\r\n"),)


def _words(old: str, new: str) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    """Both lines in pieces; those that the other has not are marked."""
    if len(old) + len(new) > 2 * LONG:
        return (), ()
    ours, theirs = WORD.findall(old), WORD.findall(new)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        for pieces, words in ((left, ours[old_from:old_to]), (right, theirs[new_from:new_to])):
            text = "".join(words)
            pieces.append((text, tag != "equal" and bool(text.strip())))
    return tuple(part for part in left if part[0]), tuple(part for part in right if part[0])


def _one_below_the_other(rows: Sequence[Row]) -> tuple[Line, ...]:
    """Rows as one column: what was removed stands above what came for it."""
    lines: list[Line] = []
    added: list[Line] = []
    for row in rows:
        if row.same:
            lines += added
            added = []
            if row.new:
                lines.append(row.new)
            continue
        if row.old:
            lines.append(row.old)
        if row.new:
            added.append(row.new)
    return tuple(lines + added)


def _key_at(document: Document, group: Group) -> str:
    """The top-level key that holds the first change of a group."""
    first = next((start for tag, _old, _old_to, start, _to in group if tag != "equal"), 0)
    name = ""
    for key in document.keys():  # noqa: SIM118 - a method of ours
        if (document.line(key) or 0) > first + 1:
            break
        name = key
    commented = [found for found in document.commented.values() if found.index == first and len(found.path) == 1]
    return commented[0].path[0] if commented else name
