"""Where the spans of the tag timeline lie."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from harborweb.audit.history import Lane, Span
from harborweb.store.timeline import GAP, LEAST, LEFT, WIDTH, drawing

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def at(days: float) -> datetime:
    """So many days ago."""
    return NOW - timedelta(days=days)


def url(digest: str, tag: str) -> str:
    return f"/{tag}/{digest[-1]}"


def test_lanes_lie_on_one_axis_to_the_pixel() -> None:
    lanes = [Lane("latest", (Span(A, at(20), at(10), "trusted"), Span(B, at(10), None, "invalid"))),
             Lane("1.0", (Span(A, at(5), None, ""),))]  # fmt: skip
    found = drawing(lanes, at(30), url, B, NOW)
    assert found is not None
    middle = LEFT + (WIDTH - LEFT) / 2
    first, second = found.rows[0].boxes
    assert (first.x, first.x + first.width) == (LEFT, middle - GAP)
    assert (second.x, second.x + second.width) == (middle, WIDTH)
    assert (first.current, second.current) == (False, True)
    assert (second.url, second.verdict) == ("/latest/b", "invalid")
    assert "latest meant" in first.title and "Trusted" in first.title
    assert "not judged" in found.rows[1].boxes[0].title
    assert found.rows[1].boxes[0].x == LEFT + (WIDTH - LEFT) * 3 / 4
    assert found.height > found.axis == 72
    assert found.label.startswith("What 2 tags meant from")


def test_a_young_timeline_says_no_minute_twice() -> None:
    found = drawing([Lane("x", (Span(A, NOW - timedelta(seconds=100), None),))], at(30), url, "", NOW)
    assert found is not None
    labels = [tick.label for tick in found.ticks]
    assert labels == ["28 Nov 11:58", "28 Nov 11:59"]
    assert [tick.x for tick in found.ticks] == sorted(tick.x for tick in found.ticks)


def test_what_began_before_the_range_begins_at_its_edge() -> None:
    found = drawing([Lane("x", (Span(A, at(300), at(15)), Span(B, at(15), None)))], at(30), url, "", NOW)
    assert found is not None
    first, second = found.rows[0].boxes
    assert (first.x, second.x) == (LEFT, LEFT + (WIDTH - LEFT) / 2)


@pytest.mark.parametrize("seconds", [0, 1, 3600])
def test_many_short_spans_can_be_seen_and_stay_inside(seconds: int) -> None:
    spans = tuple(
        Span(A, at(1) + timedelta(seconds=n * seconds), at(1) + timedelta(seconds=(n + 1) * seconds)) for n in range(20)
    )
    found = drawing([Lane("t" * 128, spans, True)], at(30), url, "", NOW)
    assert found is not None
    [row] = found.rows
    assert all(box.width >= LEAST and box.x >= LEFT and box.x + box.width <= WIDTH for box in row.boxes)
    assert all(before.x <= after.x for before, after in pairwise(row.boxes))
    assert len(row.short) == 18


def test_nothing_seen_is_nothing_drawn() -> None:
    assert drawing([], at(30), url, "", NOW) is None


def test_a_clock_that_ran_ahead_draws_all_the_same() -> None:
    found = drawing([Lane("x", (Span(A, NOW + timedelta(hours=1), None),))], at(30), url, "", NOW)
    assert found is not None
    [box] = found.rows[0].boxes
    assert box.x >= LEFT and box.x + box.width <= WIDTH
