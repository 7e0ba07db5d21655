"""The tag timeline as a drawing: lanes of spans on one axis of time, in pixels. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.history import Lane, Span
from harborweb.audit.words import WORDS
from harborweb.verification.verdict import Verdict

WIDTH = 1312
LEFT = 150  # of the names
ROW = 36
TICKS = 6
LEAST = 6  # of a box, so that it can be seen and hit
GAP = 3
FOR_SHAPE = 34  # pixels that the shape alone needs, and with the digest
FOR_DIGEST = 140
CHARACTERS = 18  # of a tag's name


@dataclass(frozen=True)
class Box:
    """One span: where it lies, and what fits into it."""

    x: float
    width: float
    digest: str
    verdict: str
    url: str
    title: str
    current: bool

    @property
    def shape(self) -> bool:
        """Whether the verdict's shape fits."""
        return self.width >= FOR_SHAPE

    @property
    def words(self) -> bool:
        """Whether the digest fits too."""
        return self.width >= FOR_DIGEST


@dataclass(frozen=True)
class Row:
    """One tag."""

    tag: str
    y: int
    boxes: list[Box]
    more: bool

    @property
    def short(self) -> str:
        """The tag as far as the column is wide."""
        return self.tag if len(self.tag) <= CHARACTERS else f"{self.tag[: CHARACTERS - 1]}…"


@dataclass(frozen=True)
class Tick:
    """A day on the axis."""

    x: float
    label: str


@dataclass(frozen=True)
class Drawing:
    """The whole picture and the sentence that says it."""

    width: int
    height: int
    axis: int
    rows: list[Row]
    ticks: list[Tick]
    label: str


def drawing(
    lanes: Sequence[Lane],
    since: datetime,
    url: Callable[[str, str], str],
    digest: str = "",
    now: datetime | None = None,
) -> Drawing | None:
    """`lanes` from `since` (or their first day, when that is later) to now; None where there is nothing to draw.

    `url(digest, tag)` is where a span leads; spans of `digest` are marked.
    """
    now = now or timezone.now()
    starts = [span.start for lane in lanes for span in lane.spans]
    if not starts:
        return None
    begin = min(max(since, min(starts)), now - timedelta(minutes=1))
    scale = (WIDTH - LEFT) / (now - begin).total_seconds()

    def at(when: datetime) -> float:
        return round(LEFT + max(0.0, (when - begin).total_seconds()) * scale, 1)

    def box(lane: Lane, span: Span) -> Box:
        left, right = at(span.start), at(min(span.end or now, now))
        left = min(left, WIDTH - LEAST)
        word = str(WORDS[Verdict(span.verdict)]) if span.verdict in set(Verdict) else _("not judged")
        end = _day(span.end) if span.end else _("now")
        title = _("%(tag)s meant %(digest)s from %(start)s to %(end)s: %(word)s.") % {
            "tag": lane.tag, "digest": span.digest, "start": _day(span.start), "end": end, "word": word,
        }  # fmt: skip
        width = round(max(LEAST, min(right, WIDTH) - left - (GAP if span.end else 0)), 1)
        return Box(left, width, span.digest, span.verdict, url(span.digest, lane.tag), title, span.digest == digest)

    rows = [Row(lane.tag, n * ROW, [box(lane, span) for span in lane.spans], lane.more) for n, lane in enumerate(lanes)]
    axis = len(rows) * ROW
    label = _("What %(n)d tags meant from %(start)s to today.") % {"n": len(rows), "start": _day(begin)}
    return Drawing(WIDTH, axis + 24, axis, rows, _ticks(begin, now, at), label)


def _ticks(begin: datetime, now: datetime, at: Callable[[datetime], float]) -> list[Tick]:
    """A handful of moments, evenly spread, none so near the edge that its label would be cut off, no label twice."""
    step = (now - begin) / TICKS
    pattern = "j M" if now - begin > timedelta(days=TICKS) else "j M H:i"
    moments = [begin + step * (n + 0.5) for n in range(TICKS)]
    labels = {format_date(timezone.localtime(moment), pattern): moment for moment in reversed(moments)}
    return [Tick(at(moment), label) for label, moment in reversed(labels.items())]


def _day(when: datetime) -> str:
    return format_date(timezone.localtime(when), "j M Y H:i")
