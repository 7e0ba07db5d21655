"""Geometry of the server-rendered charts."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from harborweb.audit.models import Sweep
from harborweb.verification.verdict import Verdict

RADIUS, HOLE, CENTRE = 58.0, 45.0, 60.0
GAP = 2.0  # px on the outer edge
LEAST = 3.0
WIDTH, HEIGHT, MARGIN = 1000, 168, 10  # of the curve; its width is stretched to that of its panel


@dataclass(frozen=True)
class Slice:
    """A piece of the donut as an SVG path."""

    verdict: str
    path: str


def donut(counts: Iterable[tuple[str, int]]) -> list[Slice]:
    """Lay out counts clockwise from the top; each piece at least 3 px, 2 px apart."""
    present = [(verdict, count) for verdict, count in counts if count]
    total = sum(count for _verdict, count in present)
    if not total:
        return []
    if len(present) == 1:
        return [Slice(present[0][0], _ring(0, 180) + _ring(180, 359.99))]
    degree = 360 / (2 * math.pi * RADIUS)
    room = 360 - GAP * degree * len(present)
    sizes = [max(LEAST * degree, room * count / total) for _verdict, count in present]
    sizes[sizes.index(max(sizes))] += room - sum(sizes)
    slices, angle = [], GAP * degree / 2
    for (verdict, _count), size in zip(present, sizes, strict=True):
        slices.append(Slice(verdict, _ring(angle, angle + size)))
        angle += size + GAP * degree
    return slices


def _point(radius: float, angle: float) -> str:
    radians = math.radians(angle - 90)
    return f"{CENTRE + radius * math.cos(radians):.2f} {CENTRE + radius * math.sin(radians):.2f}"


def _ring(start: float, end: float) -> str:
    large = int(end - start > 180)
    return (
        f"M{_point(RADIUS, start)}A{RADIUS} {RADIUS} 0 {large} 1 {_point(RADIUS, end)}"
        f"L{_point(HOLE, end)}A{HOLE} {HOLE} 0 {large} 0 {_point(HOLE, start)}Z"
    )


@dataclass(frozen=True)
class Curve:
    """Trusted coverage over the sweeps: a line, what lies below it, its end, and the axis' numbers."""

    line: str
    area: str
    end_y: float
    end: float
    ticks: list[tuple[float, int]]
    first: datetime
    last: datetime
    sweeps: int


def coverage(sweeps: Sequence[Sweep] | Iterable[Sweep]) -> Curve | None:
    """The curve of complete sweeps (newest first as given), or None for fewer than three: two make no course."""
    moments = [(one.finished, _share(one)) for one in sweeps if one.finished and one.artifacts][::-1]
    if len(moments) < 3 or moments[0][0] == moments[-1][0]:
        return None
    low = max(0, math.floor((min(share for _at, share in moments) - 5) / 10) * 10)
    span = (moments[-1][0] - moments[0][0]).total_seconds()

    def x(at: datetime) -> float:
        return round(WIDTH * (at - moments[0][0]).total_seconds() / span, 1)

    def y(share: float) -> float:
        return round(MARGIN + (HEIGHT - 2 * MARGIN) * (100 - share) / (100 - low), 1)

    points = [(x(at), y(share)) for at, share in moments]
    line = "M" + "L".join(f"{px} {py}" for px, py in points)
    floor = y(low)
    step = 10 if 100 - low <= 50 else 25 if low % 25 == 0 else 20
    return Curve(
        line=line, area=f"{line}L{points[-1][0]} {floor}L{points[0][0]} {floor}Z",
        end_y=points[-1][1], end=moments[-1][1],
        ticks=[(y(share), share) for share in range(low, 101, step)],
        first=moments[0][0], last=moments[-1][0], sweeps=len(moments),
    )  # fmt: skip


def _share(sweep: Sweep) -> float:
    """Percent of trusted and via index; as in the sweep's own total, so what could not be checked counts against."""
    good = sweep.counts.get(Verdict.TRUSTED, 0) + sweep.counts.get(Verdict.VIA_INDEX, 0)
    return math.floor(1000 * good / (sum(sweep.counts.values()) or 1)) / 10
