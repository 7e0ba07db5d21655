"""Geometry of the bars of an impact."""

from collections.abc import Sequence
from dataclasses import dataclass

from harborweb.audit.keys.impact import Impact

WIDTH, GAP, LEAST = 528, 2, 3
MOST_PROJECTS = 8


@dataclass(frozen=True)
class Piece:
    """One piece of the bar: lost, gained, kept or also."""

    kind: str
    x: int
    width: int


def whole(found: Impact) -> list[Piece]:
    """What loses trust, what keeps it, what another key holds too, side by side."""
    counts = [("lost", found.lost), ("gained", found.gained), ("kept", found.keeps), ("also", found.also)]
    present = [(kind, count) for kind, count in counts if count]
    if not present:
        return []
    room = WIDTH - GAP * (len(present) - 1)
    total = sum(count for _kind, count in present)
    widths = [max(LEAST, room * count // total) for _kind, count in present]
    widths[widths.index(max(widths))] += room - sum(widths)
    pieces, x = [], 0
    for (kind, _count), width in zip(present, widths, strict=True):
        pieces.append(Piece(kind, x, width))
        x += width + GAP
    return pieces


def projects(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int, int]]:
    """The projects with the most, each with the width of its bar in percent of the longest."""
    longest = counts[0][1] if counts else 1
    return [(name, count, max(1, 100 * count // longest)) for name, count in counts[:MOST_PROJECTS]]
