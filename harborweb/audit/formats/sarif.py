"""SARIF 2.1.0: what code scanning shows. Findings are results; what the policy excuses is a suppressed one."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from harborweb.audit.formats.about import About
from harborweb.audit.report import Judged, as_row
from harborweb.audit.words import MEANINGS, WORDS
from harborweb.verification.policy import Standing
from harborweb.verification.verdict import Verdict

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# The names are kept for good: whoever has dismissed an alert has dismissed it by this name.
RULES = {verdict: f"signature/{verdict.value.replace('_', '-')}" for verdict in Verdict}
LEVELS = {
    Verdict.INVALID: "error", Verdict.UNKNOWN_KEY: "error", Verdict.ATTESTATION_ONLY: "warning",
    Verdict.UNCHECKED: "warning", Verdict.UNSIGNED: "warning", Verdict.VIA_INDEX: "warning", Verdict.TRUSTED: "warning",
}  # fmt: skip
EXCUSED = {Standing.GRACE.value, Standing.EXEMPT.value}
_MARKS = re.compile(r"([\\\[\]])")


def render(judged: Iterable[Judged], about: About) -> str:
    """One run with a result for each finding, in the order given."""
    results = [_result(one, about) for one in judged if one.is_finding or str(one.standing) in EXCUSED]
    run = {
        "tool": {"driver": {"name": "harborweb", "rules": [_rule(verdict) for verdict in Verdict]}},
        "automationDetails": {"id": f"signature-audit/{about.host}/"},
        "originalUriBaseIds": {"REGISTRY": {"uri": f"oci://{quote(about.host, safe=':[]')}/"}},
        "columnKind": "utf16CodeUnits",
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=False) + "\n"


def plain(text: str) -> str:
    """A message's text: brackets would make links of it, and braces places for arguments."""
    return _MARKS.sub(r"\\\1", text).replace("{", "{{").replace("}", "}}")


def purl(one: Judged, host: str) -> str:
    """The artifact as a package URL of the type oci."""
    name = one.repository.rpartition("/")[2].lower()
    where = quote(f"{host}/{one.repository}".lower(), safe="")
    tag = f"&tag={quote(one.tags[0], safe='')}" if one.tags else ""
    return f"pkg:oci/{quote(name, safe='')}@{quote(one.digest, safe='')}?repository_url={where}{tag}"


def _rule(verdict: Verdict) -> Mapping[str, Any]:
    word, meaning = str(WORDS[verdict]), str(MEANINGS[verdict])
    return {
        "id": RULES[verdict], "name": "".join(part.title() for part in verdict.value.split("_")),
        "shortDescription": {"text": plain(word)}, "fullDescription": {"text": plain(meaning)},
        "defaultConfiguration": {"level": LEVELS[verdict]}, "properties": {"tags": ["security", "supply-chain"]},
    }  # fmt: skip


def _result(one: Judged, about: About) -> dict[str, Any]:
    verdict = Verdict(one.verdict)
    reference = f"{about.host}/{one.repository}@{one.digest}"
    named = f"{one.repository}:{one.tags[0]}" if one.tags else f"{one.repository}@{one.digest}"
    same = hashlib.sha256("\0".join((about.host, one.repository, one.digest, RULES[verdict])).encode()).hexdigest()
    why = one.standing_reason if one.is_finding and one.standing_reason else one.reason
    found: dict[str, Any] = {
        "ruleId": RULES[verdict],
        "ruleIndex": list(Verdict).index(verdict),
        "level": LEVELS[verdict],
        "message": {"text": plain(f"{named}: {why}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(one.repository), "uriBaseId": "REGISTRY"},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": reference, "name": named, "kind": "artifact"}],
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": same, "artifactVerdict/v1": same},
        "properties": as_row(one) | {"purl": purl(one, about.host)},
    }
    if not one.is_finding:
        found["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": plain(one.standing_reason or str(one.standing))}
        ]
    return found
