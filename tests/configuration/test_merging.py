"""The three-way merge of an upgrade: the operator's text stays, the new version's keys come, nothing is lost unsaid."""

import difflib
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harborweb.configuration.text.document import Document
from harborweb.configuration.text.merging import Merged, alike, three_way, values
from harborweb.configuration.text.placing import chunk, place, places
from harborweb.configuration.text.reading import TextProblem
from tests.parts import shared

OLD = """\
# Configuration file
hostname: reg.mydomain.com

http:
  # port for http
  port: 80

data_volume: /data

trivy:
  # how long
  timeout: 4m
  skip_update: false

log:
  level: info
  legacy_format: plain

# metric:
#   enabled: false
#   port: 9090

# external_redis:
#   host: redis:6379

chartmuseum:
  absolute_url: disabled

_version: 2.13.0
"""
NEW = """\
# Configuration file
hostname: reg.mydomain.com

http:
  # port for http
  port: 8080

data_volume: /srv

trivy:
  # how long
  timeout: 5m0s
  skip_update: false
  # where the database comes from
  db_repository: ghcr.io/aquasecurity/trivy-db

log:
  level: warning
  format: plain

# metric:
#   enabled: false
#   port: 9090
#   # where it is read
#   path: /metrics

# external_redis:
#   host: redis:6379
#   # tls
#   tlsOptions:
#     enable: false

# Cache layer
# Note: it helps.
cache:
  # not by default
  enabled: false

# core:
#   quota_update_provider: redis

_version: 2.15.0
"""
OURS = OLD.replace("reg.mydomain.com", "harbor.lab # ours").replace("level: info", "level: debug")


def lines_kept(before: str, after: str) -> list[str]:
    """Lines of `before` that are not in `after`, in order."""
    return [line[2:] for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]


def kinds(merged: Merged) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in merged.items:
        found.setdefault(item.kind, []).append(item.key)
    return found


def test_new_keys_arrive_as_they_stand_in_the_new_template() -> None:
    merged = three_way(OLD, OURS, NEW)
    assert "  # where the database comes from\n  db_repository: ghcr.io/aquasecurity/trivy-db\n" in merged.text
    assert "#   # where it is read\n#   path: /metrics\n" in merged.text
    assert (
        "# Cache layer\n# Note: it helps.\ncache:\n  # not by default\n  enabled: false\n\n"
        "# core:\n#   quota_update_provider: redis\n\nchartmuseum:\n" in merged.text
    )
    assert kinds(merged) == {
        "default": ["trivy.timeout"],
        "kept": ["http.port", "data_volume"],
        "conflict": ["log.level"],
        "added": ["trivy.db_repository", "log.format", "cache.enabled"],
        "offered": ["metric.path", "external_redis.tlsOptions", "core"],
        "ignored": ["log.legacy_format", "chartmuseum.absolute_url"],
    }
    assert lines_kept(OURS, merged.text) == ["  timeout: 4m", "_version: 2.13.0"]
    document = Document(merged.text)
    assert (document.get("data_volume"), document.get("http.port"), document.get("log.level")) == ("/data", 80, "debug")
    assert [item.line for item in merged.of("added")] == [document.line(item.key) for item in merged.of("added")]


@pytest.mark.parametrize(("choice", "level"), [("theirs", "warning"), ("ours", "debug")])
def test_a_person_decides_a_conflict(choice: str, level: str) -> None:
    merged = three_way(OLD, OURS, NEW, decisions={"log.level": choice, "data_volume": "theirs"})
    document = Document(merged.text)
    assert (document.get("log.level"), document.get("data_volume")) == (level, "/srv")
    assert {item.key: item.taken for item in merged.of("conflict", "kept")} == {
        "http.port": "ours", "data_volume": "theirs", "log.level": choice,
    }  # fmt: skip


def test_a_block_that_the_operator_made_live_gets_new_keys_as_comments() -> None:
    ours = OURS.replace("# external_redis:\n#   host: redis:6379", "external_redis:\n    host: mine:6379")
    text = three_way(OLD, ours, NEW).text
    assert "    host: mine:6379\n    # tls\n    # tlsOptions:\n    #   enable: false\n" in text
    assert not Document(text).has("external_redis.tlsOptions")


def test_a_block_that_the_operator_took_out_stays_out_and_that_is_said() -> None:
    ours = re.sub(r"trivy:\n(  .*\n)+", "", OURS)
    merged = three_way(OLD, ours, NEW)
    assert not Document(merged.text).has("trivy")
    assert [item.key for item in merged.of("unplaced")] == ["trivy.db_repository"]


def test_what_migrate_moved_keeps_its_value_under_the_new_name() -> None:
    ours = OURS.replace("legacy_format: plain", "legacy_format: json-lines")
    migrated = "hostname: harbor.lab\nlog:\n  level: debug\n  format: json-lines\n_version: 2.15.0\n"
    merged = three_way(OLD, ours, NEW, migrated=migrated)
    document = Document(merged.text)
    assert document.get("log.format") == "json-lines"
    assert "  # legacy_format: json-lines\n" in merged.text
    assert [(item.moved_from, item.key) for item in merged.of("moved")] == [("log.legacy_format", "log.format")]
    assert "log.format" not in kinds(merged).get("added", [])


def test_what_migrate_would_have_lost_or_reset_is_kept_and_said() -> None:
    ours = OURS + "mine:\n  a: 1 # a comment of ours\n"
    migrated = (
        NEW.replace("reg.mydomain.com", "harbor.lab")
        .replace("level: warning", "level: debug")
        .replace("skip_update: false", "skip_update: true")
    )
    merged = three_way(OLD, ours, NEW, migrated=migrated)
    assert Document(merged.text).get("mine.a") == 1
    assert [item.key for item in merged.of("dropped")] == ["mine.a"]
    reset = merged.of("reset")
    assert [(item.key, item.ours, item.migrated) for item in reset] == [("trivy.skip_update", "false", "true")]
    assert Document(merged.text).get("trivy.skip_update") is False
    taken = three_way(OLD, ours, NEW, migrated=migrated, decisions={"trivy.skip_update": "migrated"})
    assert Document(taken.text).get("trivy.skip_update") is True


def test_a_migrate_that_wrote_no_yaml_is_said_and_left_out() -> None:
    merged = three_way(OLD, OURS, NEW, migrated="harbor_admin_password: a: b\n\t- c")
    assert merged.migrated_problem
    assert merged.text == three_way(OLD, OURS, NEW).text


def test_comments_that_migrate_would_have_lost_are_counted() -> None:
    ours = OURS.replace("http:\n", "# since 2019, ask Ana\nhttp:\n")
    assert three_way(OLD, ours, NEW, migrated=NEW).comments_lost == 1


@pytest.mark.parametrize("odd", ["", "\ta: 1", "- a\n", "hostname: a\nhostname: b\n"])
def test_what_cannot_be_read_is_refused_with_its_line(odd: str) -> None:
    with pytest.raises(TextProblem):
        three_way(OLD, odd, NEW)


def test_windows_line_ends_stay_and_new_lines_have_them() -> None:
    ours = OURS.replace("\n", "\r\n")
    merged = three_way(OLD, ours, NEW)
    assert "\n" not in merged.text.replace("\r\n", "")
    assert Document(merged.text).get("cache.enabled") is False


def test_a_file_without_a_last_line_end() -> None:
    merged = three_way(OLD, OURS.rstrip("\n"), NEW)
    assert Document(merged.text).get("_version") == "2.15.0"
    assert Document(merged.text).get("cache.enabled") is False


def test_lists_and_flow_blocks_and_anchors_of_the_operator_survive() -> None:
    ours = OURS.replace("trivy:\n  # how long\n  timeout: 4m\n  skip_update: false\n", "trivy: {timeout: 9m}\n")
    ours += "x: &anchor\n  a: [1, 2]\ny: *anchor\n"
    merged = three_way(OLD, ours, NEW)
    assert (
        values(Document(merged.text)).items()
        >= {
            ("trivy", "timeout"): "9m",
            ("x", "a"): (1, 2),
        }.items()
    )
    assert "trivy: {timeout: 9m}\n" in merged.text and "y: *anchor\n" in merged.text
    assert "trivy.timeout" in kinds(merged)["conflict"]


def test_a_list_whose_default_changed() -> None:
    old, new = (text + "jobservice:\n  job_loggers:\n    - FILE\n" for text in (OLD, NEW))
    new += "    - DB\n"
    merged = three_way(old, old, new)
    assert Document(merged.text).items("jobservice.job_loggers") == ["FILE", "DB"]
    assert [(item.key, item.theirs) for item in merged.of("default") if "loggers" in item.key] == [
        ("jobservice.job_loggers", "FILE, DB")
    ]
    ours = old.replace("- FILE", "- STD_OUTPUT")
    kept = three_way(old, ours, new)
    assert Document(kept.text).items("jobservice.job_loggers") == ["STD_OUTPUT"]
    assert "jobservice.job_loggers" in kinds(kept)["conflict"]


ODD = {
    "without a version": OURS.replace("_version: 2.13.0\n", ""),
    "a quoted version": OURS.replace("2.13.0", '"2.13.0"'),
    "inside braces": "{hostname: a, data_volume: /data}\n",
    "three keys": "hostname: a\nharbor_admin_password: x\ndata_volume: /data",
    "keys with dots and blanks": OURS + "a.b.c: 1\n'we ird': 2\n1: 2\n",
    "a document mark": "---\n" + OURS + "...\n",
    "a merge key": OURS.replace("trivy:\n", "trivy: &t\n") + "x:\n  <<: *t\n",
    "text that looks like comments": OURS + "note: |\n  # no comment\n  cache: here\n",
    "a byte order mark": "\ufeff" + OURS,
    "an empty block": re.sub(r"trivy:\n(  .*\n)+", "trivy:\n", OURS),
    "deeper blocks": re.sub(r"(?m)^  (?=[a-z])", "      ", OURS),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_odd_files_lose_nothing_unsaid_and_a_second_merge_changes_nothing(odd: str) -> None:
    merged = three_way(OLD, odd, NEW, migrated=NEW)
    listed = {item.key for item in merged.items} | {item.moved_from for item in merged.items} | {"_version"}
    was, now = values(Document(odd)), values(Document(merged.text))
    assert [path for path in was if was[path] != now.get(path) and ".".join(path) not in listed] == []
    wanted = [path for path in values(Document(NEW)) if path not in now and ".".join(path) not in listed]
    assert {path[0] for path in wanted} <= set(OLD.replace(":", "").split())  # what the operator had taken out
    assert Document(merged.text).get("_version") == "2.15.0"
    assert three_way(NEW, merged.text, NEW).text == merged.text


def test_an_own_version_of_the_new_template_changes_nothing() -> None:
    once = three_way(OLD, OURS, NEW)
    again = three_way(NEW, once.text, NEW)
    assert (again.text, again.items) == (once.text, ())


# --- over the real template


@pytest.fixture(scope="module")
def real() -> str:
    return shared("harbor.yml-2.15.tmpl").read_text()


def without(text: str, path: tuple[str, ...]) -> str:
    """The template as an older version may have had it: without one key and its comment."""
    document = Document(text)
    found = places(document)
    lines = chunk(document, path, found)
    at = next(n for n in range(len(document.lines)) if document.lines[n : n + len(lines)] == lines)
    return "".join(document.lines[:at] + document.lines[at + len(lines) :])


OLDER = [
    ("ip_family",), ("https", "strong_ssl_ciphers"), ("trivy", "skip_java_db_update"), ("trivy", "db_repository"),
    ("trivy", "java_db_repository"), ("jobservice", "max_job_duration_hours"), ("external_redis", "tlsOptions"),
    ("external_redis", "username"), ("cache",), ("core",), ("redis", "harbor_db_index"), ("upload_purging",),
    ("log", "external_endpoint"), ("trace", "otel"), ("notification", "webhook_job_max_retry"), ("metric",),
    ("storage_service", "redirect"), ("database", "conn_max_idle_time"), ("proxy", "components"), ("uaa",),
]  # fmt: skip
EDITS: list[tuple[str, Any]] = [
    ("hostname", "harbor.lab"), ("http.port", 8080), ("external_url", "https://harbor.lab"), ("metric.enabled", True),
    ("trivy.timeout", "9m"), ("log.level", "debug"), ("data_volume", "/srv/harbor"), ("https.port", 8443),
    ("harbor_admin_password", "p#a: 'ss"), ("database.password", "x"), ("external_redis.host", "r:1"),
    ("jobservice.max_job_workers", 3), ("upload_purging.age", "9h"), ("own.key", "of ours"), ("proxy.own", 1),
]  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    missing=st.sets(st.sampled_from(OLDER), max_size=6),
    edits=st.lists(st.sampled_from(EDITS), max_size=6, unique_by=lambda edit: edit[0]),
    defaults=st.sets(st.sampled_from(["trivy.timeout", "log.level", "http.port", "data_volume"]), max_size=2),
    migrates=st.booleans(),
)
def test_nothing_of_the_operator_is_lost_without_being_listed(
    real: str, missing: set[tuple[str, ...]], edits: list[tuple[str, Any]], defaults: set[str], migrates: bool
) -> None:
    base, theirs = real.replace("2.15.0", "2.13.0"), Document(real)
    for path in sorted(missing):
        base = without(base, path)
    for key in sorted(defaults):
        theirs = theirs.set(key, 9999 if key == "http.port" else "/new")
    ours = Document(base)
    for key, value in edits:
        ours = ours.set(key, value)
    text = "# the first line is Ana's\n" + ours.text
    merged = three_way(base, text, theirs.text, migrated=theirs.text if migrates else "")
    after = Document(merged.text)
    listed = {item.key for item in merged.items} | {item.moved_from for item in merged.items} | {"_version"}
    was, now, wanted = values(Document(text)), values(after), values(theirs)
    assert [
        path for path, value in was.items() if not alike(now.get(path), value) and ".".join(path) not in listed
    ] == []
    assert [path for path in wanted if path not in now and ".".join(path) not in listed] == []
    assert set(now) <= set(was) | set(wanted)
    changed = {item.key for item in merged.items if item.taken == "theirs" and item.ours is not None}
    gone = {line.split("#")[0].strip().split(":")[0] for line in lines_kept(text, merged.text)}
    assert gone <= {key.split(".")[-1] for key in changed} | {"_version"}
    assert after.get("_version") == "2.15.0"
    again = three_way(theirs.text, merged.text, theirs.text)
    assert again.text == merged.text


@pytest.mark.parametrize("path", OLDER, ids=".".join)
def test_each_key_that_an_older_template_lacks_comes_to_its_place(real: str, path: tuple[str, ...]) -> None:
    base = without(real, path)
    merged = three_way(base, base, real)
    assert [line for line in merged.text.splitlines() if line] == [line for line in real.splitlines() if line]
    assert "\n\n\n\n" not in merged.text


def test_placing_what_is_there_or_has_no_place_is_refused() -> None:
    target, source = Document(OURS), Document(NEW)
    with pytest.raises(TextProblem):
        place(target, source, ("hostname",))
    with pytest.raises(TextProblem):
        place(Document("hostname: a\n"), source, ("trivy", "db_repository"))
