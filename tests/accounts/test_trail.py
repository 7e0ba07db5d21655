"""The activity trail."""

import csv
import io
from typing import Any

import pytest

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.accounts.services import record

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(db: None) -> None:
    for number in range(60):
        Activity.objects.create(who="vera", action="sign", subject=f"team/app:{number}", source="10.0.0.1")
    Activity.objects.create(who="otto", action="deploy", subject="revision 3", detail="=HYPERLINK(1)")


def test_it_is_paged_newest_first(as_role: Any, rows: None) -> None:
    client = as_role(Role.VIEWER)
    first = client.get("/activity/").content.decode()
    assert first.index("sign in") < first.index("revision 3") < first.index("team/app:59")  # whoever looks came in last
    assert "1 to 50 of 62" in first and "team/app:9<" not in first
    second = client.get("/activity/?page=2").content.decode()
    assert "51 to 62 of 62" in second and "team/app:0<" in second


@pytest.mark.parametrize(
    ("query", "count"),
    [("who=otto", 1), ("action=sign", 60), ("q=app:5", 11), ("q=10.0.0", 60), ("who=otto&action=sign", 0)],
)
def test_filters(as_role: Any, rows: None, query: str, count: int) -> None:
    client = as_role(Role.VIEWER)
    assert client.get(f"/activity/?{query}").context["page"].paginator.count == count
    text = client.get(f"/activity.csv?{query}").content.decode()
    assert len(list(csv.reader(io.StringIO(text)))) == count + 1


def test_a_spreadsheet_gets_text_not_formulas(as_role: Any, rows: None) -> None:
    answer = as_role(Role.VIEWER).get("/activity.csv?who=otto")
    assert answer["Content-Type"].startswith("text/csv") and "attachment" in answer["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert row["detail"] == "'=HYPERLINK(1)"


def test_nothing_matches_says_so(as_role: Any, rows: None) -> None:
    assert "Nothing matches" in as_role(Role.VIEWER).get("/activity/?q=zzz").content.decode()


def test_a_long_subject_is_cut_not_refused(db: None) -> None:
    record(None, "a" * 100, "b" * 1000, "c" * 2000)
    row = Activity.objects.get()
    assert (len(row.action), len(row.subject), len(row.detail), row.who) == (64, 512, 1024, "harborweb")
