"""What is wrong with a text by itself is named with its line, and mended only when asked."""

import pytest

from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.text.repairs import KINDS, flaws, repair
from tests import parts
from tests.configuration.test_document import changed_lines


@pytest.fixture(scope="module")
def template() -> str:
    return parts.shared("harbor.yml-2.15.tmpl").read_bytes().decode()


def test_the_template_has_no_flaw(template: str) -> None:
    assert flaws(template) == []
    assert repair(template, KINDS) == template


@pytest.mark.parametrize(
    ("text", "found", "after"),
    [
        ("\ufeffa: 1\n", [("bom", 1)], "a: 1\n"),
        ("a: 1\r\nb: 2\n", [("crlf", 1)], "a: 1\nb: 2\n"),
        ("a: 1\rb: 2\n", [("breaks", 1)], "a: 1\nb: 2\n"),
        ("a: 1\n# c\u2028b: 2\n", [("breaks", 2)], "a: 1\n# c\nb: 2\n"),
        ("http:\n\tport: 80\n", [("tab", 2)], "http:\n  port: 80\n"),
        ("a:\n    b: 1\n\tc: 2\n", [("tab", 3)], "a:\n    b: 1\n    c: 2\n"),
        ("a:\n\tb:\n\t\tc:\t1\t\n", [("tab", 2), ("tab", 3)], "a:\n  b:\n    c: 1\n"),
        ("a: 'x\ty'\nb:\n\tc: 1\n", [("tab", 3)], "a: 'x\ty'\nb:\n  c: 1\n"),
        ("a: |\n  x\ty\nb:\n\t# why\n\tc: 1\n", [("tab", 4), ("tab", 5)], "a: |\n  x\ty\nb:\n  # why\n  c: 1\n"),
        ("http:\n\xa0\xa0port: 80\n", [("blanks", 2)], "http:\n  port: 80\n"),
        ("a:\xa01\n", [("blanks", 1)], "a: 1\n"),
        ("a: 1\nb: 2\na: 3\n", [("duplicate", 3)], "# a: 1\nb: 2\na: 3\n"),
        ("a: 1\na: 2\na: 3\n", [("duplicate", 2), ("duplicate", 3)], "# a: 1\n# a: 2\na: 3\n"),
        ("a:\n  b: 1\n  # why\n  c:\n  - 1\nz: 1\na:\n  d: 2\n", [("duplicate", 7)],
         "# a:\n#   b: 1\n  # why\n#   c:\n#   - 1\nz: 1\na:\n  d: 2\n"),
        ("a:\n  b: 1\n  b: 2\n", [("duplicate", 3)], "a:\n  # b: 1\n  b: 2\n"),
        ("data_volume: /data # mine\n", [("trailing_comment", 1)], "# mine\ndata_volume: /data\n"),
        ("data_volume: '/data'\n", [("quotes", 1)], "data_volume: /data\n"),
        ('x: 1\ndata_volume: "/data"  # mine\n', [("trailing_comment", 2), ("quotes", 2)],
         "x: 1\n# mine\ndata_volume: /data\n"),
        ("\ufeffa: 1\r\na:\r\n\tb: 2\r\n", [("bom", 1), ("crlf", 1), ("tab", 3), ("duplicate", 2)],
         "# a: 1\na:\n  b: 2\n"),
    ],
)  # fmt: skip
def test_a_flaw_is_named_and_mended(text: str, found: list[tuple[str, int]], after: str) -> None:
    seen = flaws(text)
    assert sorted((flaw.kind, flaw.line) for flaw in seen) == sorted(found)
    assert all(flaw.message and flaw.advice for flaw in seen)
    assert repair(text, [kind for kind, _line in found]) == after
    assert flaws(after) == []


def test_only_what_was_asked_for_is_mended(template: str) -> None:
    text = "\ufeff" + template.replace("data_volume: /data", "data_volume: /data # mine").replace("\n", "\r\n")
    assert repair(text, ["bom"]) == text[1:]
    assert repair(text, ["crlf"]) == text.replace("\r\n", "\n")
    assert repair(text, []) == text
    mended = repair(text, ["trailing_comment"])
    assert mended == text.replace("data_volume: /data # mine\r\n", "# mine\r\ndata_volume: /data\r\n")


def test_a_tab_in_the_template_is_mended_in_its_line(template: str) -> None:
    text = template.replace("  port: 80\n", "\tport: 80\n")
    with pytest.raises(TextProblem, match="tab") as problem:
        Document(text)
    assert problem.value.line == 10
    assert changed_lines(text, repair(text, ["tab"])) == [("\tport: 80", "  port: 80")]
    assert Document(repair(text, ["tab"])).get("http.port") == 80


@pytest.mark.parametrize(
    ("text", "kind"),
    [("a: {b: 1, b: 2}\n", "duplicate"), ("a: 1\n\tb: 2\n", "tab"), ("data_volume: '/a b'\n", "quotes")],
)
def test_what_cannot_be_mended_is_said_and_stays(text: str, kind: str) -> None:
    assert [flaw.kind for flaw in flaws(text)] == [kind]
    with pytest.raises(TextProblem) as problem:
        repair(text, [kind])
    assert problem.value.line
    assert problem.value.advice
