"""Whatever is edited in whatever order: YAML reads what was set, all else stays, undoing gives the first bytes."""

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from harborweb.configuration.bringing import companions
from harborweb.configuration.document import Document
from harborweb.configuration.reading import TextProblem
from tests import parts

LIVE = ["hostname", "http.port", "https.port", "https.certificate", "https.private_key", "harbor_admin_password",
        "database.password", "database.conn_max_lifetime", "trivy.timeout", "log.level", "log.local.rotate_size",
        "proxy.http_proxy", "proxy.no_proxy", "jobservice.logger_sweeper_duration", "_version",
        "cache.enabled"]  # fmt: skip
COMMENTED = ["external_url", "https.strong_ssl_ciphers", "metric.enabled", "metric.port", "ip_family.ipv6.enabled",
             "internal_tls.dir", "external_redis.password", "external_redis.tlsOptions.rootCA", "trace.otel.endpoint",
             "trace.jaeger.username", "trivy.github_token", "redis.registry_db_index", "core.quota_update_provider",
             "storage_service.filesystem.maxthreads", "log.external_endpoint.host", "uaa.ca_file"]  # fmt: skip
NOWHERE = ["new_key", "http.extra", "log.local.more", "brand.new.block", "proxy.sock"]
VALUES = st.one_of(
    st.text(max_size=20), st.text("ab:# -'\"{}[],&*!|>%@`\\\n\t1.0yesno~", max_size=8), st.integers(-(2**31), 2**31),
    st.booleans(), st.none(), st.sampled_from(["yes", "1.0", "0123", "12:30", "null", "a: b", "a #b", "-", "密码"]),
)  # fmt: skip
EDITS = st.lists(st.tuples(st.sampled_from(LIVE + COMMENTED + NOWHERE), VALUES), min_size=1, max_size=6)
SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a failing sequence is short enough; shrinking takes minutes
)  # fmt: skip


def flat(text: str) -> dict[str, Any]:
    """What YAML reads, by dotted key: an own look, not the document's."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    found: dict[str, Any] = {}

    def walk(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                walk(inner, (*path, str(key)))
        else:
            found[".".join(path)] = value

    walk(yaml.load(text), ())
    return found


def template() -> str:
    return parts.shared("harbor.yml-2.15.tmpl").read_bytes().decode()


@SETTINGS
@given(EDITS)
def test_edits_do_what_they_say_and_nothing_else(edits: list[tuple[str, Any]]) -> None:
    text = template()
    first = document = Document(text)
    wanted: dict[str, Any] = {}
    for key, value in edits:
        try:
            document = document.set(key, value)
        except TextProblem:  # half a character, for one: then nothing may have changed
            continue
        wanted[key] = value
    before, after = flat(text), flat(document.text)
    for key, value in wanted.items():
        assert after.pop(key) == value
        before.pop(key, None)
    company = {".".join(path) for path in companions()}
    along = [key for key in after if key in company and key not in before]  # what a block needs came live with it
    for key in along:
        assert after.pop(key) == first.suggested(key)
    touched = [*wanted, *along]
    blocks = {key.rsplit(".", depth)[0] for key in touched for depth in range(1, key.count(".") + 1)}
    for block in blocks:  # a block that was empty or not there may hold a key now
        before.pop(block, None)
    assert after == before

    edited = set(touched) | blocks
    old_lines = {document_line for key in edited if (document_line := first.line(key))}
    new_lines = {document_line for key in edited if (document_line := document.line(key))}
    left = [line for number, line in enumerate(first.lines, 1) if number not in old_lines]
    right = [line for number, line in enumerate(document.lines, 1) if number not in new_lines]
    assert left == right

    for key in reversed(list(wanted)):
        document = document.revert(key, first)
    assert document.text == text


@SETTINGS
@given(
    st.lists(st.sampled_from(["https", "database", "log", "proxy", "cache", "trivy", "log.local"]), max_size=4), EDITS
)
def test_blocks_go_and_come_back(blocks: list[str], edits: list[tuple[str, Any]]) -> None:
    document = Document(template())
    for key, value in edits:
        if isinstance(value, str) and not value.isprintable():
            continue
        document = document.set(key, value)
    edited = document.text
    gone = []
    for block in blocks:
        if document.has(block):
            document = document.disable(block)
            gone.append(block)
    for block in reversed(gone):
        document = document.enable(block)
    assert document.text == edited


@SETTINGS
@given(st.text("#:- \nab\t'\"{}[]|>&*!%\r\ufeff", max_size=60))
def test_reading_anything_ends_in_a_document_or_a_problem(text: str) -> None:
    try:
        document = Document(text)
    except TextProblem as problem:
        assert problem.message
        return
    assert document.text == text
    try:
        after = document.set("a", "new")
    except TextProblem:
        return
    assert flat(after.text)["a"] == "new"
