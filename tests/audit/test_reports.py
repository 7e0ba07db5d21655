"""Reports in every form: held to their schemas, and nothing that a registry says gets out of its place."""

import csv
import io
import json
import subprocess
from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from harborweb.audit.formats import html, junit, sarif
from harborweb.audit.formats.about import About, TrustedBy
from harborweb.audit.report import Line, to_csv, to_json
from harborweb.verification.verdict import Verdict
from tests import parts

HOSTILE = (
    "<script>alert(1)</script>", "]]>&amp;\"'", "=1+1|' /C calc'!A0", "[click](http://evil.example) {0}",
    "nul\0esc\x1b[2Jbell\x07\x85\u2028end", "\ufffe\uffff", "x" * 100_000, "{{ 7|add:7 }}{% now %}",
)  # fmt: skip
KEY = TrustedBy("release <b>", "a" * 64, "ECDSA P-256", "-----BEGIN PUBLIC KEY-----\nAAAA", "release.pub")
ABOUT = About(
    "registry.lab.example:5000", datetime(2026, 11, 28, 12, tzinfo=UTC), "lab", keys=(KEY,), policy="rules: []"
)


def line(verdict: str, standing: str = "", repository: str = "team/app", n: int = 0, **more: Any) -> Line:
    """A row of a report."""
    bad = verdict not in {"trusted", "via_index"}
    standing = standing or ("finding" if bad else "met")
    values = {
        "repository": repository, "tags": (f"v{n}", "latest"), "digest": f"sha256:{n:064x}", "verdict": verdict,
        "key": "" if bad else "a" * 64, "format": "", "reason": f"Because {verdict}.", "standing": standing,
        "standing_reason": f"Because {verdict}." if standing in {"finding", "met"} else f"So {standing}.",
        "is_finding": standing == "finding",
    }  # fmt: skip
    return Line(**(values | more))


ROWS = [
    *(line(verdict.value, n=n) for n, verdict in enumerate(Verdict)),
    line("unsigned", "exempt", "legacy/old", 10), line("unsigned", "grace", "fresh/new", 11),
    line("unsigned", "not_required", "free/all", 12), line("trusted", "finding", "strict/two", 13),
]  # fmt: skip
STRANGE = [
    line("invalid", repository=f"team/{text}", tags=(text,), digest=text, reason=text, standing_reason=text)
    for text in HOSTILE
]


def test_sarif_holds_to_its_schema_and_has_a_result_for_each_finding() -> None:
    schema = json.loads(parts.schema("sarif-2.1.0.json").read_text())
    for rows in (ROWS, STRANGE, []):
        document = json.loads(sarif.render(rows, ABOUT))
        jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)
    [run] = json.loads(sarif.render(ROWS, ABOUT))["runs"]
    shown = [one for one in run["results"] if "suppressions" not in one]
    assert Counter(one["ruleId"] for one in shown) == {
        "signature/attestation-only": 1, "signature/unknown-key": 1, "signature/invalid": 1,
        "signature/unchecked": 1, "signature/unsigned": 1, "signature/trusted": 1,
    }  # fmt: skip
    excused = [one["suppressions"][0]["justification"] for one in run["results"] if "suppressions" in one]
    assert excused == ["So exempt.", "So grace."]
    for one in run["results"]:
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]


def test_a_sarif_result_names_the_artifact_and_keeps_its_fingerprint() -> None:
    def result(**more: Any) -> Any:
        return json.loads(sarif.render([line("invalid", **more)], ABOUT))["runs"][0]["results"][0]

    one = result(repository="Team/App", tags=("1.0+x",))
    assert one["properties"]["purl"] == (
        "pkg:oci/app@sha256%3A" + "0" * 64 + "?repository_url=registry.lab.example%3A5000%2Fteam%2Fapp&tag=1.0%2Bx"
    )
    logical = one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    assert logical == "registry.lab.example:5000/Team/App@sha256:" + "0" * 64
    # Another tag or reason is the same finding, another digest is another one.
    prints = [result(**more)["partialFingerprints"] for more in ({}, {"tags": (), "reason": "Else."}, {"n": 1})]
    assert prints[0] == prints[1] != prints[2]


def test_a_sarif_message_makes_no_link_and_no_place_for_arguments() -> None:
    text = sarif.plain("[a](http://evil.example) {0} \\")
    assert text == "\\[a\\](http://evil.example) {{0}} \\\\"


def test_junit_holds_to_its_schema_and_counts_what_it_says(tmp_path: Path) -> None:
    schema = parts.schema("junit.xsd")
    for number, rows in enumerate((ROWS, STRANGE, [])):
        file = tmp_path / f"{number}.xml"
        file.write_text(junit.render(rows, ABOUT), encoding="utf-8")
        command = [parts.program("xmllint"), "--noout", "--huge", "--schema", str(schema), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    root = ElementTree.fromstring(junit.render(ROWS, ABOUT).encode())
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("11", "5", "1")
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"team", "legacy", "fresh", "free", "strict"}
    assert len(root.findall(".//failure")) == 5 and len(root.findall(".//error")) == 1
    skipped = sorted(one.text or "" for one in root.findall(".//skipped"))
    assert skipped == ["So exempt.", "So grace.", "So not_required."]
    strict = suites["strict"].find("testcase")
    assert strict is not None and strict.get("classname") == "strict/two"


class Reader(HTMLParser):
    """Collects tags, what they load, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags[tag] += 1
        self.loaded += [str(value) for name, value in attrs if name in {"src", "href", "srcset", "data", "action"}]
        self.handlers += [name for name, _value in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_html_report_is_one_file_without_script() -> None:
    for rows in (ROWS, STRANGE, []):
        text = html.render(rows, ABOUT)
        reader = Reader()
        reader.feed(text)
        assert reader.tags["script"] == reader.tags["img"] == reader.tags["iframe"] == reader.tags["link"] == 0
        assert set(reader.loaded) <= {"#policy"} and reader.handlers == []
        assert reader.tags["style"] == 1 and "url(" not in text and "@import" not in text
    assert "{{ 7|add:7 }}" in html.render(STRANGE, ABOUT)


def test_the_html_report_says_what_was_checked_how_and_what_came_of_it() -> None:
    reader = Reader()
    reader.feed(html.render(ROWS, ABOUT))
    for expected in (
        "6 of 11 artifacts need a look.", "registry.lab.example:5000", KEY.fingerprint, "release <b>", "rules: []",
        "28 Nov 2026 12:00:00", "cosign verify --key key.pub", "openssl dgst -sha256 -verify", "So exempt.",
    ):  # fmt: skip
        assert expected in reader.text, expected
    assert all(one.digest in reader.text for one in ROWS)


def test_csv_and_json_say_how_each_stands() -> None:
    cells = list(csv.DictReader(io.StringIO(to_csv(ROWS + STRANGE))))
    assert [cell["standing"] for cell in cells[:7]] == ["met", "met", *["finding"] * 5]
    assert not [value for cell in cells for value in cell.values() if value[:1] in set("=+-@\t\r")]
    rows = json.loads(to_json(ROWS))
    names = ["repository", "tags", "digest", "verdict", "key", "format", "reason"]
    assert all(list(row)[:7] == names for row in rows)
    assert rows[7]["standing"] == "exempt" and rows[7]["standing_reason"] == "So exempt."


@pytest.mark.parametrize("form", ["sarif", "junit", "html"])
def test_rows_that_a_sweep_kept_are_written(form: str) -> None:
    """The database's own rows satisfy what the forms ask of a row."""
    from harborweb.audit.formats.forms import FORMS
    from harborweb.audit.models import ArtifactVerdict

    row = ArtifactVerdict(repository="team/app", tags=["1"], digest="sha256:1", verdict="invalid", reason="Why.")
    assert "team/app" in FORMS[form].render([row], ABOUT)
