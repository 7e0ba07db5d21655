"""Numbers for the server-rendered bars and lines."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.words import WORDS
from harborweb.verification.verdict import Verdict

# From proven to nothing there (look, "Components").
CHART_ORDER = (
    Verdict.TRUSTED,
    Verdict.VIA_INDEX,
    Verdict.ATTESTATION_ONLY,
    Verdict.UNKNOWN_KEY,
    Verdict.INVALID,
    Verdict.UNCHECKED,
    Verdict.UNSIGNED,
)
WIDTH = 272
GAP = 2
LEAST = 3


@dataclass(frozen=True)
class Piece:
    """One piece of a bar, in pixels."""

    verdict: str
    x: int
    width: int
    label: str


def bar(counts: Mapping[str, int], width: int = WIDTH) -> list[Piece]:
    """Lay out `counts` as pieces of a bar: each at least 3 px, 2 px apart, together `width` px."""
    present = [verdict for verdict in CHART_ORDER if counts.get(verdict)]
    if not present:
        return []
    room = width - GAP * (len(present) - 1)
    total = sum(counts[verdict] for verdict in present)
    widths = {verdict: max(LEAST, room * counts[verdict] // total) for verdict in present}
    widths[max(present, key=lambda verdict: widths[verdict])] += room - sum(widths.values())
    pieces, x = [], 0
    for verdict in present:
        pieces.append(Piece(verdict.value, x, widths[verdict], f"{WORDS[verdict]}: {counts[verdict]}"))
        x += widths[verdict] + GAP
    return pieces


HEIGHT = 190
TOP, LOW = 14, 22  # above the highest line, below the lowest: the dates
LEFT, RIGHT = 44, 58  # the axis' numbers, and the last value
MOST_EVENTS = 4
CHARACTERS = 22  # of an event's words
PER_CHARACTER = 6.4  # pixels, at most, in the chart's size
LINE_HEIGHT = 15


@dataclass(frozen=True)
class Point:
    """A moment and its share in percent."""

    at: datetime
    share: float


@dataclass(frozen=True)
class Event:
    """Something that may explain a bend: when, in a few words, and as a sentence."""

    at: datetime
    words: str
    sentence: str


@dataclass(frozen=True)
class Mark:
    """An event as drawn."""

    x: float
    y: float  # of the line there
    text_x: float
    text_y: float
    anchor: str
    words: str
    sentence: str


@dataclass(frozen=True)
class Course:
    """A line of shares over time, in pixels, and the sentence that says it."""

    width: int
    height: int
    left: int
    right: float
    floor: float
    line: str
    area: str
    end_x: float
    end_y: float
    end: float
    ticks: list[tuple[float, int]]
    dates: list[tuple[float, str, str]]  # x, words, anchor
    marks: list[Mark]
    label: str

    @property
    def text_x(self) -> float:
        """Where the last value is written."""
        return self.end_x + 7


def course(points: Sequence[Point], events: Sequence[Event] = (), width: int = 400) -> Course | None:
    """Draw `points`, oldest first, and the events among them; None for fewer than two moments."""
    if len(points) < 2 or points[0].at == points[-1].at:
        return None
    first, last = points[0], points[-1]
    low = max(0, min(90, math.floor((min(one.share for one in points) - 5) / 10) * 10))
    right, floor = width - RIGHT, HEIGHT - LOW
    span = (last.at - first.at).total_seconds()

    def x(at: datetime) -> float:
        return round(LEFT + (right - LEFT) * (at - first.at).total_seconds() / span, 1)

    def y(share: float) -> float:
        return round(floor - (floor - TOP) * (share - low) / (100 - low), 1)

    line = "M" + "L".join(f"{x(one.at)} {y(one.share)}" for one in points)
    within = [one for one in events if first.at <= one.at <= last.at][-MOST_EVENTS:]
    step = 10 if 100 - low <= 50 else 20 if low % 20 == 0 else 25 if low % 25 == 0 else 10
    return Course(
        width, HEIGHT, LEFT, right, floor, line, f"{line}L{x(last.at)} {floor}L{x(first.at)} {floor}Z",
        x(last.at), y(last.share), last.share, [(y(share), share) for share in range(low, 101, step)],
        _dates(first.at, last.at, x), [_mark(one, n, points, x, y, right) for n, one in enumerate(within)],
        _sentence(points, within),
    )  # fmt: skip


def _dates(first: datetime, last: datetime, x: Callable[[datetime], float]) -> list[tuple[float, str, str]]:
    """The first and the last moment, and one between them where there is room for it."""
    form = "j M" if last - first >= timedelta(days=2) else "j M H:i"
    today = timezone.localdate(last) == timezone.localdate() and form == "j M"
    found = [(x(first), format_date(timezone.localtime(first), form), "start")]
    if last - first >= timedelta(days=4):
        middle = first + (last - first) / 2
        found.append((x(middle), format_date(timezone.localtime(middle), form), "middle"))
    found.append((x(last), _("today") if today else format_date(timezone.localtime(last), form), "end"))
    return found


def _mark(
    event: Event, number: int, points: Sequence[Point], x: Callable[[datetime], float],
    y: Callable[[float], float], right: float,
) -> Mark:  # fmt: skip
    """The event on the line: at the last share known then, its words to the side where they fit."""
    share = next(one.share for one in reversed(points) if one.at <= event.at)
    words = event.words if len(event.words) <= CHARACTERS else f"{event.words[: CHARACTERS - 1]}…"
    at, wide = x(event.at), len(words) * PER_CHARACTER
    anchor = "start" if at + 6 + wide <= right + RIGHT else "end"
    text_y = HEIGHT - LOW - 8 - number * LINE_HEIGHT
    return Mark(at, y(share), at + (6 if anchor == "start" else -6), text_y, anchor, words, event.sentence)


def _sentence(points: Sequence[Point], events: Sequence[Event]) -> str:
    """What the drawing shows, in words."""

    def day(at: datetime) -> str:
        return format_date(timezone.localtime(at), "j M H:i")

    lowest = min(points, key=lambda one: one.share)
    words = {
        "first": points[0].share, "begin": day(points[0].at), "last": points[-1].share, "end": day(points[-1].at),
        "least": lowest.share, "when": day(lowest.at),
    }  # fmt: skip
    said = _("Trusted and via index: %(first)s %% on %(begin)s, %(last)s %% on %(end)s.") % words
    if lowest not in (points[0], points[-1]):
        said += " " + _("The lowest was %(least)s %% on %(when)s.") % words
    return " ".join([said, *(one.sentence for one in events)])
