"""The table of keys is the template's, both ways, and what it says of each key can be used as it stands."""

import re

import pytest

from harborweb.configuration import fields
from harborweb.configuration.fields import (
    BLOCKS,
    BY_KEY,
    BY_SECTION,
    FIELDS,
    REQUIRED_WITH,
    SECTIONS,
    Field,
    Kind,
    Source,
    parse,
    parse_items,
)
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.veil import is_secret
from tests import parts


@pytest.fixture(scope="module")
def template() -> Document:
    return Document(parts.shared("harbor.yml-2.15.tmpl").read_text())


def keys_of(document: Document) -> set[str]:
    """Every key that is live or commented out; the items of lists and the operator's own names are none."""
    live = {".".join(path) for path, entry in document.tree.entries.items() if not entry.inner}
    found = live | {".".join(path) for path in document.commented}
    free = [field.key for field in FIELDS if field.kind is Kind.MAPPING]
    return {key for key in found if not any(key.startswith(f"{name}.") for name in free)}


def test_every_key_of_the_template_is_in_the_table_and_none_is_invented(template: Document) -> None:
    keys = keys_of(template)
    leaves = {key for key in keys if not any(other.startswith(f"{key}.") for other in keys)}
    ours = {field.key for field in FIELDS if field.source is Source.TEMPLATE}
    assert leaves == ours
    blocks = {block.key for block in BLOCKS if block.source is Source.TEMPLATE}
    assert blocks <= keys - leaves


def test_a_key_from_elsewhere_says_where_from() -> None:
    others = [field for field in FIELDS if field.source is not Source.TEMPLATE]
    assert others
    assert {field.block for field in others} <= {
        f"storage_service.{name}" for name in ("filesystem", "s3", "gcs", "azure", "swift", "oss")
    }
    assert {field.source for field in others} == {Source.DISTRIBUTION}


def test_defaults_are_the_templates_or_prepares(template: Document) -> None:
    """Where the template's value is not what Harbor takes without the key, it is one of these."""
    shown_otherwise = {
        "hostname", "https.certificate", "https.private_key", "external_url", "internal_tls.enabled",
        "internal_tls.dir", "database.max_idle_conns", "database.max_open_conns", "trace.enabled",
        "core.quota_update_provider", "uaa.ca_file", "trace.otel.insecure", "redis.harbor_db_index",
        "redis.cache_layer_db_index", "external_redis.harbor_db_index", "external_redis.cache_layer_db_index",
        "trivy.github_token",
    }  # fmt: skip
    for field in FIELDS:
        if field.source is not Source.TEMPLATE or field.kind in (Kind.LIST, Kind.MAPPING):
            continue
        if field.block.startswith(("external_", "log.external", "trace.jaeger", "trace.otel")):
            continue
        there = template.get(field.key) if template.has(field.key) else template.suggested(field.key)
        assert there == field.default or field.key in shown_otherwise, (field.key, there, field.default)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.key)
def test_a_row_is_whole(field: Field) -> None:
    assert field.section in BY_SECTION
    label, text = str(field.label), str(field.help)
    assert label and not label.endswith(".") and len(label) <= 40
    assert text.endswith(".") and len(text) <= 260
    assert bool(field.choices) == (field.kind in (Kind.CHOICE, Kind.LIST))
    assert field.secret or not is_secret(tuple(field.key.split("."))) or field.kind in (Kind.BOOLEAN, Kind.CHOICE)
    assert field.secret == (field.kind is Kind.PASSWORD) or field.name.startswith("access")
    assert field.since in ("2.11", "2.12", "2.13", "2.14", "2.15")
    if field.least is not None and isinstance(field.default, int):
        assert field.least <= field.default
    if field.kind is Kind.CHOICE and field.default is not None:
        assert field.default in field.choices


def test_help_is_in_our_own_words(template: Document) -> None:
    """No eight words in a row that stand in the template too."""
    theirs = " ".join(re.findall(r"[a-z0-9']+", template.text.lower()))
    for row in (*FIELDS, *BLOCKS):
        words = re.findall(r"[a-z0-9']+", str(row.help).lower())
        for start in range(len(words) - 7):
            assert " ".join(words[start : start + 8]) not in theirs, row.key


def test_sections_are_the_issues_and_none_is_empty() -> None:
    assert [str(section.title) for section in SECTIONS] == [
        "Address", "HTTPS", "Administrator", "Storage", "Database", "Redis", "Jobs", "Logs", "Scanner", "Proxy",
        "Metrics and tracing", "IP families", "Internal TLS", "Advanced",
    ]  # fmt: skip
    for section in SECTIONS:
        assert list(fields.of_section(section.name))
    assert len(BY_KEY) == len(FIELDS)
    https = [field.key for field in fields.of_section("https", fields.Tls.PROXY)]
    assert https == ["external_url"]


def test_what_a_block_needs_is_in_the_table() -> None:
    for block, keys in REQUIRED_WITH.items():
        for key in keys:
            assert key in BY_KEY and key.startswith(f"{block}.")
    assert REQUIRED_WITH["metric"] == ("metric.enabled", "metric.port", "metric.path")
    assert len(REQUIRED_WITH["external_database"]) == 6
    assert {block.group for block in BLOCKS} == {"", "storage_service", "trace"}


def test_the_versions_that_brought_keys() -> None:
    new = {field.key: field.since for field in FIELDS if field.since != "2.11"}
    assert new == {
        "jobservice.max_job_duration_hours": "2.13", "external_redis.tlsOptions.enable": "2.13",
        "external_redis.tlsOptions.rootCA": "2.13", "trivy.db_repository": "2.15", "trivy.java_db_repository": "2.15",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("hostname", "  registry.example ", "registry.example"),
        ("harbor_admin_password", " x ", " x "),
        ("http.port", "080", 80),
        ("http.port", "", None),
        ("database.max_idle_conns", "-1", -1),
        ("database.conn_max_idle_time", "0", 0),
        ("database.conn_max_lifetime", "1h30m", "1h30m"),
        ("trace.sample_rate", "0.5", 0.5),
        ("trace.sample_rate", "1", 1),
        ("metric.enabled", "true", True),
        ("metric.enabled", "off", False),
        ("log.local.rotate_size", "200M", "200M"),
        ("log.local.rotate_size", "1000", 1000),
        ("upload_purging.age", "168h", "168h"),
        ("log.level", "debug", "debug"),
    ],
)
def test_what_is_typed_becomes_a_value(key: str, raw: str, value: object) -> None:
    parsed = parse(BY_KEY[key], raw)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("key", "raw"),
    [
        ("http.port", "eighty"), ("http.port", "８０"), ("http.port", "-1"), ("jobservice.max_job_workers", "1.5"),
        ("jobservice.max_job_workers", "9" * 30), ("metric.enabled", "maybe"), ("trace.sample_rate", "half"),
        ("trace.sample_rate", "nan"), ("hostname", "a\nb"), ("hostname", "x" * 2000),
    ],
)  # fmt: skip
def test_what_cannot_be_a_value_is_refused(key: str, raw: str) -> None:
    with pytest.raises(TextProblem) as refused:
        parse(BY_KEY[key], raw)
    assert refused.value.key == key
    assert refused.value.message and refused.value.advice


def test_the_items_of_a_list_come_in_their_order_and_unknown_ones_stay() -> None:
    field = BY_KEY["jobservice.job_loggers"]
    assert parse_items(field, ["DB", " STD_OUTPUT", "", "MINE", "DB"]) == ["STD_OUTPUT", "DB", "MINE"]
