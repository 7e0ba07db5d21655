"""The audit's page at a glance: what a day changed, the course of a month, and queries that an index answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit import charts, counts, filtering, tallies
from harborweb.audit.charts import Event, Point
from harborweb.audit.counts import ProjectCount, Summary
from harborweb.audit.models import ArtifactVerdict, Sweep, Tally
from harborweb.audit.words import FINDINGS, ORDER
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
HOSTILE = '<img src=x onerror="alert(1)">'


def verdict(registry: Registry, n: int, kind: Verdict, project: str = "team", **more: Any) -> ArtifactVerdict:
    """A row as a sweep keeps it."""
    now = timezone.now()
    row = {
        "registry": registry, "project": project, "repository": f"{project}/app", "digest": f"sha256:{n:064x}",
        "tags": [f"v{n}"], "verdict": kind, "rank": ORDER.index(kind), "is_finding": kind in FINDINGS,
        "standing": "finding" if kind in FINDINGS else "met", "reason": f"As it is {n}.",
        "since": now - timedelta(hours=n), "checked": now,
    }  # fmt: skip
    return ArtifactVerdict(**(row | more))


@pytest.fixture
def lab() -> Registry:
    """A registry with 70 verdicts in three projects, one of them with a hostile name."""
    registry = Registry.objects.create(name="lab", url="https://registry.lab.example")
    kinds = [ORDER[n % 7] for n in range(70)]
    ArtifactVerdict.objects.bulk_create(
        verdict(registry, n, kind, ("team", "platform", HOSTILE)[n % 3], key="a" * 64 if kind == "trusted" else "")
        for n, kind in enumerate(kinds)
    )
    Sweep.objects.create(registry=registry, finished=timezone.now(), complete=True, counts={"trusted": 1}, artifacts=70)
    return registry


def tally(registry: Registry, at: datetime, **found: int) -> None:
    sweep = Sweep.objects.create(registry=registry, finished=at, complete=True, counts=found)
    one = ProjectCount("team", found, sum(found.values()), 0, 0)
    tallies.keep(registry, sweep, Summary(found, sum(found.values()), 0, 0, at, (one,)))


def test_what_a_day_changed_stands_beside_the_count(lab: Registry, as_role: Any) -> None:
    tally(lab, timezone.now() - timedelta(hours=30), trusted=4, invalid=13, unsigned=10)
    tally(lab, timezone.now() - timedelta(hours=2), trusted=10, invalid=10, unsigned=10)
    tiles = {tile.verdict: tile for tile in as_role(Role.VIEWER).get("/audit/").context["tiles"]}
    assert (tiles["trusted"].count, tiles["trusted"].change) == (10, "+6 today")
    assert (tiles["invalid"].count, tiles["invalid"].change) == (10, "−3 today")
    assert tiles["unsigned"].change == ""


def test_a_count_of_last_week_is_not_called_today(lab: Registry, as_role: Any) -> None:
    tally(lab, timezone.now() - timedelta(days=7), trusted=4)
    tiles = {tile.verdict: tile for tile in as_role(Role.VIEWER).get("/audit/").context["tiles"]}
    assert tiles["trusted"].change.startswith("+6 since ")


def test_each_day_gone_by_keeps_its_last_count_and_today_all(lab: Registry) -> None:
    noon = timezone.now().replace(hour=12, minute=0)
    for days in (3, 2, 1, 0):
        for hour in (1, 5, 9):
            tally(lab, noon - timedelta(days=days) + timedelta(hours=hour - 12), trusted=hour)
    kept = Tally.objects.filter(registry=lab, project="").order_by("at")
    assert [row.counts["trusted"] for row in kept] == [9, 9, 9, 1, 5, 9]
    assert Tally.objects.filter(registry=lab, project="team").count() == 6


def test_a_sweep_keeps_the_count_of_each_project(lab: Registry) -> None:
    tallies.keep(lab, Sweep.objects.get(), counts.summary(lab))
    rows = {row.project: row.total for row in Tally.objects.all()}
    assert rows == {"": 70, "team": 24, "platform": 23, HOSTILE: 23}


DAY = datetime(2026, 11, 1, 12, tzinfo=UTC)


def test_the_course_lies_on_its_axes_to_the_pixel() -> None:
    points = [Point(DAY, 60.0), Point(DAY + timedelta(days=10), 70.0), Point(DAY + timedelta(days=20), 80.0)]
    found = charts.course(points, [Event(DAY + timedelta(days=10), "old key revoked", "old key was revoked.")], 400)
    assert found is not None
    assert [share for _y, share in found.ticks] == [50, 60, 70, 80, 90, 100]
    floor, top = charts.HEIGHT - charts.LOW, charts.TOP
    middle = charts.LEFT + (found.right - charts.LEFT) / 2
    assert found.line == "M44.0 137.2L193.0 106.4L342.0 75.6"
    assert (floor - (floor - top) * 0.2, middle, found.right) == (137.2, 193.0, 342)
    [mark] = found.marks
    assert (mark.x, mark.y) == (middle, 106.4)
    assert "60.0 %" in found.label and "80.0 %" in found.label and "old key was revoked." in found.label


def test_one_point_makes_no_course() -> None:
    assert charts.course([Point(DAY, 60.0)]) is None
    assert charts.course([Point(DAY, 60.0), Point(DAY, 70.0)]) is None


def test_a_revoked_key_is_on_the_line_and_in_its_sentence(lab: Registry, as_role: Any) -> None:
    for days in (20, 10, 1):
        tally(lab, timezone.now() - timedelta(days=days), trusted=10, unsigned=10)
    gone = timezone.now() - timedelta(days=5)
    Key.objects.create(name=f"old {HOSTILE}", kind=Key.Kind.PUBLIC, fingerprint="b" * 64, revoked_from=gone)
    shown = as_role(Role.VIEWER).get("/audit/").text
    assert shown.count('class="event-dot"') == 2  # the wide drawing and the narrow one
    assert "was revoked on" not in shown and "was revoked from" in shown
    assert HOSTILE not in shown and "&lt;img src=x" in shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("verdict=all&key=" + "a" * 64, 10), ("verdict=invalid&key=" + "a" * 64, 0), ("verdict=all&project=team", 24),
        ("verdict=findings", 50), ("verdict=all&sort=since", 70), ("verdict=all&sort=name&q=v1", 11),
        ("verdict=all&q=reason-is-not-there", 0), ("verdict=all&q=it+is+69", 1), ("verdict=all&project=none", 0),
        ("verdict=all&key=%00", 70), ("sort=nonsense&verdict=all", 70),
    ],
)  # fmt: skip
def test_what_the_address_asks_for_is_counted(lab: Registry, as_role: Any, query: str, expected: int) -> None:
    found = as_role(Role.VIEWER).get(f"/audit/?{query}").context["page"]
    assert found.paginator.count == expected
    assert len(list(found.object_list)) == min(expected, filtering.PAGE)


def test_the_order_is_kept_from_page_to_page(lab: Registry, as_role: Any) -> None:
    viewer = as_role(Role.VIEWER)
    for query in ("sort=since", "sort=name", "q=app", "sort=since&q=app"):
        rows = [
            row
            for number in (1, 2)
            for row in viewer.get(f"/audit/?verdict=all&{query}&page={number}").context["page"].object_list
        ]
        assert len({row.pk for row in rows}) == 70
        if "since" in query:
            assert [row.since for row in rows] == sorted((row.since for row in rows), reverse=True)


def test_a_search_that_finds_too_much_says_so(lab: Registry, as_role: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering, "MOST", 60)
    answer = as_role(Role.VIEWER).get("/audit/?verdict=all&q=app")
    assert answer.context["page"].paginator.count == 60
    assert "More than 60 match" in answer.text


QUERIES = ("", "?verdict=all&page=2", "?verdict=invalid", "?verdict=all&project=team", "?sort=since",
           "?verdict=trusted&sort=since", "?verdict=all&sort=name", "?sort=name", "?verdict=invalid&sort=name",
           "?verdict=all&key=" + "a" * 64)  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_an_index_answers_every_query_and_sorts_it(lab: Registry, as_role: Any, query: str) -> None:
    """50,000 rows are 200 MB: none of these may read them, or sort them."""
    viewer = as_role(Role.VIEWER)
    with CaptureQueriesContext(connection) as asked:
        assert viewer.get(f"/audit/{query}").status_code == 200
    mine = [one["sql"] for one in asked if 'FROM "audit_' in one["sql"]]
    assert len(mine) > 5
    for sql in mine:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
        assert not [line for line in plan if line.startswith("SCAN audit_") and "COVERING" not in line], (plan, sql)
        if '"audit_artifactverdict"."reason"' in sql:
            assert not [line for line in plan if "TEMP B-TREE" in line], (plan, sql)
            assert '"evidence"' not in sql and '"signatures"' not in sql


@pytest.mark.browser
def test_rows_are_reached_by_keys_and_everything_fits(
    lab: Registry,
    page: Watched,  # noqa: F811
    live_server: Any,
    person: Any,
) -> None:
    for days in (20, 10, 1):
        tally(lab, timezone.now() - timedelta(days=days), trusted=10, unsigned=10)
    sign_in(page, live_server, person(Role.VIEWER))
    for width, height in (WIDE, NARROW):
        page.size(width, height, "dark")
        page.goto(live_server.url + "/audit/?bars=count")
        page.wait_for_load_state("networkidle")
        page.look_well()
        assert page.barriers() == []
    page.size(*WIDE)
    page.goto(live_server.url + "/audit/?verdict=all")
    for key in "jjk":
        page.keyboard.press(key)
    first = page.locator("#verdicts tbody .cell-name > a").first
    assert first.evaluate("one => one === document.activeElement")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("v69")
    page.page.locator("#verdicts tbody tr").nth(1).wait_for(state="detached")
    assert "q=v69" in page.page.locator("#chips a").first.get_attribute("href")
