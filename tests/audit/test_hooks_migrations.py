"""A database of the version before takes the tables of tags and webhooks, and keeps its verdicts."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

BEFORE = [("audit", "0002_indexes_for_pages")]


@pytest.fixture
def old(transactional_db: None) -> Iterator[Any]:
    """The apps as they were; afterwards everything is as it is now again."""
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    executor.migrate(BEFORE)
    yield executor.loader.project_state(BEFORE).apps
    executor = MigrationExecutor(connection)
    executor.migrate(newest)


def test_verdicts_survive_the_way_there_and_back(old: Any) -> None:
    with connection.cursor() as cursor:  # the registry's own table is newer than this state of it
        cursor.execute("PRAGMA table_info(registry_registry)")
        columns = {row[1]: row[2] for row in cursor.fetchall() if row[1] != "id"}
        values = [_value(name, kind) for name, kind in columns.items()]
        marks = ", ".join(["%s"] * len(columns))
        cursor.execute(f"INSERT INTO registry_registry ({', '.join(columns)}) VALUES ({marks})", values)
        number = cursor.lastrowid
    sweep = old.get_model("audit", "Sweep").objects.create(registry_id=number)
    now = timezone.now()
    old.get_model("audit", "ArtifactVerdict").objects.create(
        registry_id=number, sweep=sweep, project="team", repository="team/app", digest="sha256:0", verdict="trusted",
        rank=6, reason="kept", since=now, checked=now,
    )  # fmt: skip
    old.get_model("audit", "ArtifactVerdict").objects.create(
        registry_id=number, sweep=sweep, project="team", repository="team/new", digest="sha256:1", verdict="unsigned",
        rank=4, reason="found", since=now, checked=now, tags=["1"],
    )  # fmt: skip
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())

    from harborweb.audit.models import ArtifactVerdict, Finding, Hook, HookEvent, TagSighting

    finding = Finding.objects.get()
    assert (finding.repository, finding.kind, finding.state, finding.since) == ("team/new", "unsigned", "open", now)
    assert [one.state for one in finding.events.all()] == ["open"]
    row = ArtifactVerdict.objects.get(repository="team/app")
    assert (row.standing, row.is_finding, row.standing_reason, row.first_seen) == ("met", False, "kept", now)
    assert (row.reason, row.sweep_id) == ("kept", sweep.pk)
    assert TagSighting.objects.count() == Hook.objects.count() == HookEvent.objects.count() == 0


def _value(name: str, kind: str) -> Any:
    if name == "name":
        return "old"
    if name.endswith("_id"):
        return None
    if name == "url":
        return "http://127.0.0.1:1"
    if "datetime" in kind:
        return "2026-01-01 00:00:00"
    return b"" if kind == "BLOB" else 0 if "bool" in kind or "int" in kind else "{}" if name != "components" else "[]"
