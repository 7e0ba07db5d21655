"""What a page costs: requests to Harbor, and queries that an index answers, however much there is."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from tests.store.harbor.conftest import Filled

pytestmark = pytest.mark.django_db
PAGES: dict[str, tuple[list[str], str]] = {
    "repository": (["platform/app"], ""), "by verdict": (["platform/app"], "?verdict=findings"),
    "repositories": (["platform"], ""), "projects": ([], ""), "store": ([], ""),
}  # fmt: skip


def queries(client: Any, registry: Registry, name: str) -> list[str]:
    """The questions of a page about verdicts and tags of this registry."""
    more, query = PAGES[name]
    view = "repository" if name == "by verdict" else name
    address = reverse(f"store:{view}", args=[registry.pk, *more]) + query
    with CaptureQueriesContext(connection) as asked:
        assert client.get(address).status_code == 200
    return [one["sql"] for one in asked if "audit_" in one["sql"] and "registry_id" in one["sql"].partition("WHERE")[2]]


@pytest.mark.parametrize("name", PAGES)
def test_an_index_answers_every_query(as_role: Any, swept: Registry, filled: Filled, name: str) -> None:
    asked = queries(as_role(Role.VIEWER), swept, name)
    assert asked or name == "store"
    for sql in asked:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            plan = [row[3] for row in cursor.fetchall()]
        assert not [line for line in plan if line.startswith("SCAN audit_")], (plan, sql)
        if '"digest" IN' in sql:  # one row after the other of a repository would be 50,000
            assert any("digest=?" in line for line in plan), (plan, sql)


def test_a_page_of_artifacts_asks_harbor_once_and_the_store_once_a_card(
    as_role: Any, swept: Registry, filled: Filled
) -> None:
    viewer = as_role(Role.VIEWER)

    def asked(name: str) -> int:
        before = len(filled.harbor.requests)
        queries(viewer, swept, name)
        return len(filled.harbor.requests) - before

    assert asked("repository") == 1
    assert asked("by verdict") == 1
    assert asked("projects") == 1
    assert asked("repositories") == 2
    assert asked("store") == 1 + 5
