"""JUnit XML: what CI servers show as tests. An artifact is a testcase, a project a suite."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from harborweb.audit.formats.about import About
from harborweb.audit.report import Judged
from harborweb.verification.policy import Standing
from harborweb.verification.verdict import Verdict

SKIPPED = {Standing.GRACE.value, Standing.EXEMPT.value, Standing.NOT_REQUIRED.value}
# What XML 1.0 has no place for, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LONGEST = 2_000  # characters of one text


def render(judged: Iterable[Judged], about: About) -> str:
    """A suite for each project: findings fail, what could not be checked is an error, what is excused is skipped."""
    rows = sorted(judged, key=lambda one: one.repository.partition("/")[0])
    projects = [(name, list(group)) for name, group in groupby(rows, key=lambda one: one.repository.partition("/")[0])]
    root = Element("testsuites", {"name": sound(f"Signatures in {about.host}")} | _numbers(rows))
    for name, group in projects:
        root.append(_suite(name, group, about))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="UTF-8"?>\n', "\n")
    )


def sound(text: str) -> str:
    """`text` with what XML cannot hold replaced, and cut where it is endless."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text[:LONGEST])


def _numbers(rows: Sequence[Judged]) -> dict[str, str]:
    kinds = [_kind(one) for one in rows]
    return {
        "tests": str(len(kinds)), "failures": str(kinds.count("failure")), "errors": str(kinds.count("error")),
        "time": "0",
    }  # fmt: skip


def _kind(one: Judged) -> str:
    if one.is_finding:
        return "error" if one.verdict == Verdict.UNCHECKED else "failure"
    return "skipped" if str(one.standing) in SKIPPED else ""


def _suite(project: str, rows: Sequence[Judged], about: About) -> Element:
    skipped = sum(_kind(one) == "skipped" for one in rows)
    suite = Element(
        "testsuite",
        {"name": sound(project or "-")} | _numbers(rows) | {
            "skipped": str(skipped), "timestamp": f"{about.made:%Y-%m-%dT%H:%M:%S}", "hostname": sound(about.host),
        },
    )  # fmt: skip
    for one in rows:
        name = f"{', '.join(one.tags) or 'no tag'} {one.digest}".strip()
        case = SubElement(suite, "testcase", {"name": sound(name), "classname": sound(one.repository), "time": "0"})
        kind = _kind(one)
        why = sound(str(one.standing_reason or one.reason))
        if kind == "skipped":
            SubElement(case, "skipped").text = why
        elif kind:
            wrong = SubElement(case, kind, {"message": why, "type": sound(str(one.verdict))})
            wrong.text = sound(f"{about.host}/{one.repository}@{one.digest}\n{one.verdict}: {one.reason}")
    return suite
