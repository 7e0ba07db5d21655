"""The page of changes: filters in its address, what it says, what it costs with much history."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from harborweb.accounts.roles import Role
from harborweb.audit.changes.reading import Filter
from harborweb.audit.changes.words import SHAPES
from harborweb.audit.findings import listing
from harborweb.audit.models import Change, Sweep
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from tests.browser import NARROW, WIDE, Watched, chromium, page, sign_in  # noqa: F401 - fixtures

KEY, OTHER = "1" * 64, "2" * 64
pytestmark = pytest.mark.django_db


def told(registry: Registry, kind: str, number: int, sweep: Sweep | None = None, **more: Any) -> Change:
    at = timezone.now() - timedelta(hours=number)
    values = {
        "verdict": "unsigned", "verdict_before": "trusted", "since": at - timedelta(days=12), "tag": f"v{number}",
        "project": "team", "repository": "team/app", "digest": f"sha256:{number:064x}", "at": at, **more,
    }  # fmt: skip
    return Change(registry=registry, kind=kind, sweep=sweep, **values)


@pytest.fixture
def lab() -> Registry:
    """A registry with one change of each kind, of two sweeps and of events between them."""
    registry = Registry.objects.create(name="lab", url="http://127.0.0.1:1", allow_http=True)
    Key.objects.create(name="release", kind=Key.Kind.PUBLIC, fingerprint=KEY, public_pem="")
    now = timezone.now()
    sweeps = [Sweep.objects.create(registry=registry, counts={"trusted": 1}) for _number in range(2)]
    for sweep, hours in zip(sweeps, (9, 2), strict=True):
        started = now - timedelta(hours=hours, minutes=5)
        Sweep.objects.filter(pk=sweep.pk).update(started=started, finished=now - timedelta(hours=hours))
    back = {"first_seen": (now - timedelta(days=9)).isoformat(), "ended": (now - timedelta(days=3)).isoformat(),
            "verdict": "invalid"}  # fmt: skip
    more: dict[str, dict[str, Any]] = {
        "signer": {"before": {"signers": [KEY]}, "after": {"signers": [OTHER]}, "verdict": "trusted"},
        "new_signed": {"after": {"signers": [KEY]}, "verdict": "trusted", "verdict_before": "", "since": None},
        "tag_moved": {"before": {"digest": f"sha256:{99:064x}", "verdict": "trusted"}},
        "tag_back": {"before": {"digest": f"sha256:{98:064x}", "verdict": "trusted"}, "after": back},
        "tag_gone": {"tag": "latest"}, "deleted": {"verdict": "", "project": "ops", "repository": "ops/tool"},
    }  # fmt: skip
    Change.objects.bulk_create(
        told(registry, kind, number, [sweeps[1], None, sweeps[0]][number // 5], **more.get(kind, {}))
        for number, kind in enumerate(Change.Kind.values)
    )
    return registry


def test_every_kind_has_a_sentence_and_a_shape(lab: Registry, as_role: Any) -> None:
    answer = as_role(Role.VIEWER).get("/audit/changes/")
    lines = [line for group in answer.context["groups"] for line in group.lines]
    assert {line["change"].kind for line in lines} == set(Change.Kind.values) == set(SHAPES)
    assert all(line["text"].endswith(".") for line in lines)
    texts = {line["change"].kind: line["text"] for line in lines}
    assert texts["signer"] == f"It was signed by release and is signed by {OTHER[:8]}… now."
    assert "for 1\N{NO-BREAK SPACE}week, 5\N{NO-BREAK SPACE}days" in texts["signature_gone"]
    assert "garbage collection" in texts["signature_gone"]
    assert "had meant this digest already" in texts["tag_back"] and "Invalid then" in texts["tag_back"]
    assert [bool(group.sweep) for group in answer.context["groups"]] == [True, False, True]


def test_the_top_counts_what_the_last_sweep_and_events_since_brought(lab: Registry, as_role: Any) -> None:
    client = as_role(Role.VIEWER)
    answer = client.get("/audit/changes/")
    assert [one[0] for one in answer.context["counts"]] == ["new_unsigned", "new_signed", "new_other"]
    Change.objects.filter(at__gte=answer.context["last"].started).delete()
    assert "Nothing in lab changed with the last sweep" in client.get("/audit/changes/").text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 14), ("kind=signer", 1), ("kind=nonsense&since=x&registry=99999", 14), ("project=ops", 1), ("q=latest", 1),
        ("q=ops+tool", 1), ("since=sweep", 3), ("since=1&kind=tag_back", 1), ("q=nothing-like-it", 0),
    ],
)  # fmt: skip
def test_filters_are_addresses(lab: Registry, as_role: Any, query: str, count: int) -> None:
    answer = as_role(Role.VIEWER).get(f"/audit/changes/?{query}")
    assert answer.context["page"].paginator.count == count
    assert count or "No change like that" in answer.text


def test_fifty_thousand_changes_are_asked_for_by_index(lab: Registry, as_role: Any) -> None:
    with connection.cursor() as cursor:  # each row that is there some thousand times, an hour apart
        names = [field.column for field in Change._meta.concrete_fields if field.column not in {"id", "at", "project"}]
        cursor.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3600) "
            f"INSERT INTO audit_change (at, project, {', '.join(names)}) "
            f"SELECT datetime(at, '-' || i || ' hours'), 'team-' || (i % 20), {', '.join(names)} FROM audit_change, n"
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = as_role(Role.VIEWER)
    for query in ("", "?kind=tag_moved", "?project=team-3&page=9", "?since=7"):
        client.get(f"/audit/changes/{query}")
        took = []
        for _again in range(3):  # the best one: the machine may be busy with other things
            with CaptureQueriesContext(connection) as asked:
                assert client.get(f"/audit/changes/{query}").status_code == 200
            about = [one for one in asked if "audit_change" in one["sql"]]
            took.append(sum(float(one["time"]) for one in about))
        assert about and min(took) < 0.3, took
        for one in about:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {one['sql']}")
                plan = [row[3] for row in cursor.fetchall()]
            assert not [line for line in plan if line.startswith("SCAN audit_change") and "INDEX" not in line], plan
            assert "USE TEMP B-TREE FOR ORDER BY" not in plan, (plan, one["sql"])
    assert Filter(lab, kind="signer").rows().count() > 3000


@pytest.mark.browser
def test_the_page_in_a_browser(lab: Registry, page: Watched, live_server: Any, person: Any) -> None:  # noqa: F811
    sign_in(page, live_server, person(Role.VIEWER))
    for width, height in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            page.size(width, height, scheme)
            page.goto(f"{live_server.url}/audit/changes/")
            page.look_well()
            assert page.barriers() == []
    page.size(*WIDE)
    page.fill("#q", "latest")
    page.page.wait_for_url("**q=latest**")
    assert page.page.locator("#changes tbody tr:not(.group-row)").count() == 1


def test_no_filter_hands_a_nul_to_the_database(lab: Registry, rf: Any) -> None:
    """PostgreSQL takes none as a value."""
    request = rf.get("/?q=%00a&project=b%00")
    for one in (Filter.of(request), listing.Filter.of(lab, request.GET)):
        assert (one.text, one.project) == ("a", "b")
