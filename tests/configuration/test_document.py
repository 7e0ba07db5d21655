"""One key changes, every other byte stays."""

import time
from collections.abc import Iterator
from itertools import pairwise
from string import ascii_lowercase as LETTERS

import pytest

from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.veil import masked
from tests import parts

SMALL = """\
# A comment: with a colon
hostname: reg.mydomain.com  # who we are
http:
  # port for http
  port: 80

https:
  port: 443
  certificate: "/your/certificate/path"
  # strong_ssl_ciphers: false

# external_url: https://reg.mydomain.com:8433
data_volume: /data
# metric:
#   enabled: false
#   port: 9090
#   path: /metrics
list: {a: 1, b: two}
empty:
"""


@pytest.fixture(scope="module")
def template() -> str:
    return parts.shared("harbor.yml-2.15.tmpl").read_bytes().decode()


def changed_lines(old: str, new: str) -> list[tuple[str, str]]:
    """Pairs of lines that differ, where no line came or went."""
    one, two = old.split("\n"), new.split("\n")
    assert len(one) == len(two)
    return [pair for pair in zip(one, two, strict=True) if pair[0] != pair[1]]


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("hostname", "registry.example", "hostname: registry.example  # who we are"),
        ("http.port", 8080, "  port: 8080"),
        ("https.certificate", "/etc/a b.crt", '  certificate: "/etc/a b.crt"'),
        ("https.strong_ssl_ciphers", True, "  strong_ssl_ciphers: true"),
        ("external_url", "https://r.example", "external_url: https://r.example"),
        ("data_volume", "/srv/harbor/data", "data_volume: /srv/harbor/data"),
        ("list.b", "x, y: z", "list: {a: 1, b: 'x, y: z'}"),
        ("empty", "full", "empty: full"),
        ("http.port", None, "  port:"),
    ],
)
def test_a_key_is_set_in_its_own_line(key: str, value: str | int | None, line: str) -> None:
    after = Document(SMALL).set(key, value)
    assert [new for _old, new in changed_lines(SMALL, after.text)] == [line]
    assert after.get(key) == value
    assert after.revert(key, Document(SMALL)).text == SMALL


@pytest.mark.parametrize(
    "value",
    ["yes", "No", "on", "y", "null", "~", "1.0", "0123", "12:30", "1e3", "0x1F", "1_000", "", " ", " a", "a ", "a: b",
     "a #b", "#", "- a", "-", "?", "!x", "&a", "*a", "%x", "@x", "`x", "|", ">", "{a}", "[a]", "a]", "'", '"', "it's",
     'say "x"',
     "über", "密码", "🔑", "a\nb", "tab\there", "\x07", "\u2028", "\ufeff", "=", "<<", "2001-01-01", "...", "---", "a:",
     "\\", "Pa$$w0rd&<#x>", ".5", "+1", "192.168.1.10", "true "],
)  # fmt: skip
@pytest.mark.parametrize("key", ["hostname", "https.certificate", "list.b", "external_url"])
def test_yaml_reads_back_what_was_set(key: str, value: str) -> None:
    after = Document(SMALL).set(key, value)
    assert Document(after.text).get(key) == value
    assert len(changed_lines(SMALL, after.text)) == 1


def test_the_same_value_changes_nothing(template: str) -> None:
    document = Document(template)
    for path, entry in document.tree.entries.items():
        if entry.kind == "scalar" and not path[-1].isdigit():
            assert document.set(".".join(path), entry.value).text == template


def test_setting_one_key_of_a_commented_block_takes_only_the_lines_it_needs(template: str) -> None:
    after = Document(template).set("trace.otel.endpoint", "collector:4318")
    assert changed_lines(template, after.text) == [
        ("# trace:", "trace:"),
        ("#   enabled: true", "  enabled: true"),
        ("#   sample_rate: 1", "  sample_rate: 1"),
        ("#   # otel:", "  otel:"),
        ("#   #   endpoint: hostname:4318", "    endpoint: collector:4318"),
        ("#   #   url_path: /v1/traces", "    url_path: /v1/traces"),
        ("#   #   compression: false", "    compression: false"),
        ("#   #   insecure: true", "    insecure: true"),
        ("#   #   timeout: 10", "    timeout: 10"),
    ]
    assert after.unset("trace.otel.endpoint").has("trace.otel.url_path") is False


@pytest.mark.parametrize(
    "block",
    [
        "https",
        "http",
        "database",
        "trivy",
        "jobservice",
        "notification",
        "log",
        "log.local",
        "proxy",
        "upload_purging",
        "cache",
    ],
)
def test_a_block_is_commented_out_line_by_line_and_comes_back_byte_by_byte(template: str, block: str) -> None:
    document = Document(template)
    off = document.disable(block)
    assert not off.has(block)
    assert off.knows(block)
    assert off.enable(block).text == template
    for old, new in changed_lines(template, off.text):
        indent = len(document.lines[(document.line(block) or 1) - 1]) - len(
            document.lines[(document.line(block) or 1) - 1].lstrip()
        )
        assert new == f"{old[:indent]}# {old[indent:]}"


@pytest.mark.parametrize(
    "block",
    ["metric", "ip_family", "internal_tls", "storage_service", "external_database", "external_redis", "trace", "core",
     "log.external_endpoint", "uaa"],
)  # fmt: skip
def test_a_commented_block_of_the_template_is_enabled(template: str, block: str) -> None:
    after = Document(template).enable(block)
    assert after.kind(block) == "mapping"
    assert after.disable(block).text == template


def test_a_key_that_is_nowhere_comes_at_the_end_of_its_block() -> None:
    after = Document(SMALL).set("https.more", "x").set("brand_new", 1).set("some.where.deep", True)
    assert "  # strong_ssl_ciphers: false\n  more: x\n\n# external_url" in after.text
    assert after.text.endswith("empty:\nbrand_new: 1\nsome:\n  where:\n    deep: true\n")
    back = Document(SMALL)
    for key in ("some.where.deep", "brand_new", "https.more"):
        after = after.revert(key, back)
    assert after.text == SMALL


def test_a_file_without_a_last_line_end_keeps_it_that_way() -> None:
    text = "a: 1\nb: 2"
    after = Document(text).set("c", 3)
    assert after.text == "a: 1\nb: 2\nc: 3"
    assert after.revert("c", Document(text)).text == text


def test_line_ends_stay_as_they_are() -> None:
    text = SMALL.replace("\n", "\r\n")
    after = Document(text).set("http.port", 8080).set("external_url", "https://r.example").set("extra", "x")
    assert after.text.count("\n") == after.text.count("\r\n") == text.count("\n") + 1
    assert after.get("external_url") == "https://r.example"


def test_unset_turns_the_line_into_its_comment() -> None:
    after = Document(SMALL).set("external_url", "https://r.example").unset("external_url")
    assert "\n# external_url: https://reg.mydomain.com:8433\n" in after.text
    after = Document(SMALL.replace("external_url", "some_key")).set("some_key", "mine").unset("some_key")
    assert "\n# some_key: mine\n" in after.text
    assert Document(SMALL).unset("http.port").text == SMALL.replace("  port: 80", "  # port: 80")


@pytest.mark.parametrize("value", ["/srv/my data", "/srv/#x", "/srv/'x'", "yes", "/a: b", "/srv/ä\tb", " "])
def test_a_data_folder_that_prepares_shell_cannot_read_is_refused(value: str) -> None:
    with pytest.raises(TextProblem) as refused:
        Document(SMALL).set("data_volume", value)
    assert refused.value.key == "data_volume"
    assert refused.value.line == 13


def test_a_data_folder_loses_its_quotes_and_its_comment_comes_above_it() -> None:
    assert "data_volume: /srv\n" in Document(SMALL.replace(": /data", ': "/data"')).set("data_volume", "/srv").text
    text = SMALL.replace(": /data", ": /data # mine")
    after = Document(text).set("data_volume", "/srv")
    assert "\n# mine\ndata_volume: /srv\n" in after.text
    assert after.revert("data_volume", Document(text)).text == text
    assert Document(text).set("data_volume", "/data").text == text.replace(
        "data_volume: /data # mine", "# mine\ndata_volume: /data"
    )


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb:\n\tc: 1\n", 3, "tab"),
        ("a: 1\nb: c: d\n", 2, "YAML cannot read this line"),
        ("a: 1\nb: 2\n\na: 3\n", 4, "a second time, first on line 1"),
        ("a:\n  b: 1\n  b: 2\n", 3, "a.b stands here a second time"),
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("- a\n", 1, "no harbor.yml"),
        ("just words\n", 1, "no harbor.yml"),
        ("a: 1\n---\nb: 1\n", 2, "another document"),
        ("a: 1\nb: \x07\n", 2, "not allowed in YAML"),
        ("a: 1\rb: 2\n", 1, "line break that editors do not show"),
        ("a: 1\n# x\u2028y\n", 2, "line break that editors do not show"),
        ("a: [1\nb: 2\n", 2, "YAML cannot read"),
        ("a: " + "[" * 5000, 1, ""),
    ],
)
def test_what_yaml_cannot_read_is_named_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(TextProblem) as problem:
        Document(text)
    assert says in problem.value.message
    assert problem.value.line == line


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a: &x 1\nb: *x\n", "a"),
        ("a: &x {c: 1}\nb: *x\n", "a.c"),
        ("a: &x {c: 1}\nb: *x\n", "b.c"),
        ("x: &x {a: 1}\nb:\n  <<: *x\n", "b.a"),
        ("a:\n  b: 1\n", "a"),
        ("a: word\n", "a.b"),
        ("? - a\n: 1\n", "a"),
        ("a: {b: 1,\n c: 2}\n", "a.d"),
        ("a:\n- b: 1\n", "a.1.b"),
    ],
)
def test_what_cannot_be_edited_without_touching_more_is_refused(text: str, key: str) -> None:
    with pytest.raises(TextProblem):
        Document(text).set(key, 5)


def test_a_byte_order_mark_stays() -> None:
    after = Document("\ufeffhostname: a\nb: 1\n").set("hostname", "c")
    assert after.text == "\ufeffhostname: c\nb: 1\n"
    assert after.line("hostname") == 1


def lines_with_keys(document: Document) -> Iterator[str]:
    for path in document.tree.entries:
        yield ".".join(path)


def test_every_key_of_the_template_is_found_with_its_line(template: str) -> None:
    document = Document(template)
    rows = template.split("\n")
    for key in lines_with_keys(document):
        assert key.split(".")[-1].isdigit() or rows[(document.line(key) or 0) - 1].lstrip().startswith(
            key.split(".")[-1]
        )
    for path, found in document.commented.items():
        assert rows[found.index].lstrip("# ").startswith(path[-1])
    names = {".".join(path) for path in document.commented}
    assert {"external_url", "metric.port", "https.strong_ssl_ciphers", "external_redis.sentinel_master_set",
            "trace.jaeger.agent_port", "storage_service.redirect.disable"} <= names  # fmt: skip
    assert document.suggested("metric.port") == 9090


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1, 2]\n" + "".join(f"{new}: &{new} [*{old}, *{old}, *{old}]\n" for old, new in pairwise(LETTERS)),
        "".join(f"{one * 3}: &{one * 3} key\n{one * 4}: &{one * 4} other\n" for one in LETTERS)
        + "a: &a {}\n"
        + "".join(f"{n}: &{n} {{*{n * 3} : *{o}, *{n * 4} : *{o}}}\n" for o, n in pairwise(LETTERS)),
        "a: &a [*a]\n",
        "a: &a\n  b: *a\n",
    ],
    ids=["lists", "keys that are aliases", "a list of itself", "a block of itself"],
)
def test_aliases_are_followed_no_further_than_they_may_be_meant(text: str) -> None:
    """Else a few lines are billions of entries."""
    try:
        assert len(Document(text).tree.entries) < 1000
    except TextProblem as problem:
        assert "more than 5000 keys" in problem.message


@pytest.mark.parametrize(
    "line", ["#" * 200_000, "# passw" * 30_000, "# " + "passw" * 40_000, "# " + "://a:" * 40_000, "# ::" * 50_000]
)
def test_a_long_line_is_read_and_veiled_at_once(line: str) -> None:
    began = time.process_time()
    document = Document(f"hostname: a\n{line}\n")
    assert document.commented == {}
    assert masked(document).startswith("hostname: a\n#")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "key", "value", "after"),
    [
        ("# metric:\n#   enabled: false\n#   port: 9\nmetric:\n  path: /m\n", "metric.port", 1,
         "# metric:\n#   enabled: false\n#   port: 9\nmetric:\n  port: 1\n  path: /m\n"),
        ("# core: prose\nb: 1\n# core:\n#   quota_update_provider: redis\n", "core.quota_update_provider", "db",
         "# core: prose\nb: 1\ncore:\n  quota_update_provider: db\n"),
        ("\ufeff# hostname: a\nb: 1\n", "hostname", "z", "\ufeffhostname: z\nb: 1\n"),
        ("# note: this is no key\nb: 1\n", "note", "z", "# note: this is no key\nb: 1\nnote: z\n"),
        ("http:\n#  port: 80\n", "http.port", 81, "http:\n  port: 81\n"),
        ("a: |  # why\n  one\n\n\n# c\nb: 1\n", "a", "x", "a: x  # why\n\n\n# c\nb: 1\n"),
        ("a:\n  value\nb: 1\n", "a", "z", "a:\n  z\nb: 1\n"),
        ("a: !!str 1\n", "a", 2, "a: 2\n"),
        ("a: &x 1\nb: *x\n", "b", 5, "a: &x 1\nb: 5\n"),
        ("a: {b: 1}\n", "a.c", "x: y", "a: {b: 1, c: 'x: y'}\n"),
        ("data_volume:\n  /data\n", "data_volume", "/q", "data_volume: /q\n"),
        ("data_volume : /data\n", "data_volume", "/q", "data_volume: /q\n"),
        ("a: 1\n...\n", "b", 2, "a: 1\nb: 2\n...\n"),
        ("a: 1\n", "yes", 2, "a: 1\n'yes': 2\n"),
    ],
)  # fmt: skip
def test_odd_places(text: str, key: str, value: str | int, after: str) -> None:
    edited = Document(text).set(key, value)
    assert edited.text == after
    assert edited.get(key) == value
    assert edited.revert(key, Document(text)).text == text


@pytest.mark.parametrize(
    ("text", "items", "after"),
    [
        ("l:\n  - a\n  # - DB\n", ["a", "DB"], "l:\n  - a\n  - DB\n"),
        ("l: [a, b] # c\n", ["a", "c, d"], "l: [a, 'c, d'] # c\n"),
        ("l:\n- a\n- b # why\nm: 1\n", ["a", "e"], "l:\n- a\n- e\n# - b # why\nm: 1\n"),
        ("l:\n", ["x"], "l:\n  - x\n"),
        ("# l:\n#   - x\n#   - y\n", ["y", "z"], "l:\n#   - x\n  - y\n  - z\n"),
        ("l: x\n", ["x", None, "null"], "l: [x, null, 'null']\n"),
        ("l:\n  - a", [], "l: []"),
    ],
)
def test_lists(text: str, items: list[str | None], after: str) -> None:
    base = Document(text + "z: 1\n" if text.startswith("#") else text)
    edited = base.set_items("l", items)
    assert edited.text.removesuffix("z: 1\n") == after.removesuffix("z: 1\n")
    assert edited.items("l") == items
    assert edited.revert("l", base).text == base.text


@pytest.mark.parametrize(
    "text", ["a: !f 1\n", "a: 2001-99-99\n", "a: =\n", "a: !!int x\n", "!f a: 1\n", "a: &x 1\nb: &x 2\n", "a: *x\n"]
)
def test_what_stops_prepare_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(TextProblem) as problem:
        Document(text)
    assert problem.value.line


def test_the_template_is_read_and_edited_in_no_time(template: str) -> None:
    began = time.process_time()
    for number in range(10):
        Document(template + f"# {number}\n").set("external_redis.password", f"p{number}")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("text", ["".join(f"k{n}: v\n" for n in range(100_000)), "a: [" + "1," * 100_000 + "]\n"])
def test_a_text_that_is_no_harbor_yml_is_given_up_early(text: str) -> None:
    began = time.process_time()
    with pytest.raises(TextProblem):
        Document(text)
    assert time.process_time() - began < 5
