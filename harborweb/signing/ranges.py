"""Geometry of the chart of validity: a line of time for each key, one axis for all, and today."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from harborweb.signing.limits import SOON_DAYS
from harborweb.signing.models import Key

LEFT, RIGHT = 12.0, 388.0  # room for the arrow of what has no end
MOST_YEARS = 6
LEAST = 3.0


@dataclass(frozen=True)
class Axis:
    """Years as lines, and today."""

    first: datetime
    last: datetime
    now: datetime
    years: tuple[tuple[float, int], ...] = ()

    @property
    def today(self) -> float:
        """Where today is."""
        return self.x(self.now)

    @property
    def labels(self) -> list[tuple[float, int]]:
        """The years whose names do not run into the word "today"."""
        return [(x, year) for x, year in self.years[:-1] if not -34 < x - self.today < 34]

    def x(self, at: datetime) -> float:
        """Where a moment lies, at the edge where it is beyond."""
        share = (at - self.first) / (self.last - self.first)
        return round(LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, share)), 1)


@dataclass(frozen=True)
class Piece:
    """A stretch of a bar: good, soon, lost (after a revocation), over or off."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True)
class Range:
    """One key's bar; `open_left` and `open_right` say that it goes on, `cross` where a revocation begins."""

    pieces: tuple[Piece, ...] = ()
    open_left: bool = False
    open_right: bool = False
    cross: float | None = None


@dataclass(frozen=True)
class Chart:
    """All keys on one axis."""

    axis: Axis
    ranges: dict[int, Range] = field(default_factory=dict)


def chart(keys: Sequence[Key]) -> Chart:
    """The bars of `keys` by their number."""
    axis = _axis(keys, timezone.now())
    return Chart(axis, {key.pk: _range(key, axis) for key in keys})


def _axis(keys: Sequence[Key], now: datetime) -> Axis:
    """Whole years around every date that is set, at most MOST_YEARS, with this one and the next."""
    dates = [at for key in keys for at in (key.not_before, key.not_after, key.revoked_from) if at is not None]
    first = max(min([now.year, *(at.year for at in dates)]), now.year - MOST_YEARS // 2)
    last = min(max([now.year + 2, *(at.year + 1 for at in dates)]), first + MOST_YEARS)
    begin, end = datetime(first, 1, 1, tzinfo=UTC), datetime(last, 1, 1, tzinfo=UTC)
    axis = Axis(begin, end, now)
    years = tuple((axis.x(datetime(year, 1, 1, tzinfo=UTC)), year) for year in range(first, last + 1))
    return Axis(begin, end, now, years)


def _range(key: Key, axis: Axis) -> Range:
    if key.now != "ready":
        return Range()
    begin, end = key.not_before or axis.first, key.not_after or axis.last
    open_left = key.not_before is None or key.not_before < axis.first
    open_right = key.not_after is None or key.not_after > axis.last
    revoked = key.revoked_from
    if not key.trusted:
        return Range(_pieces(axis, ("off", begin, end)), open_left, open_right)
    if revoked is not None and revoked < end:
        stop = min(end, max(axis.now, revoked))
        pieces = _pieces(axis, ("good", begin, revoked), ("lost", revoked, stop))
        return Range(pieces, open_left, False, axis.x(revoked))
    if end <= axis.now:
        return Range(_pieces(axis, ("over", begin, end)), open_left, False)
    soon = end - timedelta(days=SOON_DAYS)
    if key.not_after is not None and soon <= axis.now:
        return Range(_pieces(axis, ("good", begin, soon), ("soon", soon, end)), open_left, open_right)
    return Range(_pieces(axis, ("good", begin, end)), open_left, open_right)


def _pieces(axis: Axis, *wanted: tuple[str, datetime, datetime]) -> tuple[Piece, ...]:
    """Those that last at all, each wide enough to be seen and within the axis."""
    found = []
    for kind, begin, end in wanted:
        if begin < end:
            x = min(axis.x(begin), RIGHT - LEAST)
            found.append(Piece(kind, x, round(max(LEAST, axis.x(end) - x), 1)))
    return tuple(found)
