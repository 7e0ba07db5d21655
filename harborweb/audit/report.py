"""Verdicts as rows of a report, the same from a sweep and from the command line; CSV and JSON."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

# The first seven are documented, others may follow.
COLUMNS = ("repository", "tags", "digest", "verdict", "key", "format", "reason", "standing", "standing_reason")


class Judged(Protocol):
    """Whatever has a verdict and a standing: a Line of the command, or the row a sweep kept."""

    @property
    def repository(self) -> str: ...
    @property
    def tags(self) -> Sequence[str]: ...
    @property
    def digest(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def standing(self) -> str: ...
    @property
    def standing_reason(self) -> str: ...
    @property
    def is_finding(self) -> bool: ...


@dataclass(frozen=True)
class Line:
    """A row of a report that is in no database."""

    repository: str
    tags: Sequence[str]
    digest: str
    verdict: str
    key: str
    format: str
    reason: str
    standing: str
    standing_reason: str
    is_finding: bool


def as_row(judged: Judged) -> dict[str, Any]:
    """One object of the JSON report (issue 3, section 5): repository without host, tags, digest, verdict, …"""
    row = {name: getattr(judged, name) for name in COLUMNS}
    return row | {"tags": list(judged.tags), "verdict": str(judged.verdict), "standing": str(judged.standing)}


def to_json(judged: Iterable[Judged]) -> str:
    """A list of objects, in the order given."""
    return json.dumps([as_row(one) for one in judged], indent=2, ensure_ascii=False) + "\n"


def cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula: what a registry says is not ours."""
    text = " ".join(value) if isinstance(value, list) else str(value)
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def to_csv(judged: Iterable[Judged]) -> str:
    """A header, then a row each; tags are joined by spaces."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in judged:
        writer.writerow(cell(value) for value in as_row(one).values())
    return out.getvalue()


def file_name(name: str) -> str:
    """`name` with everything replaced that a Content-Disposition header should not carry."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def key_file(name: str, fingerprint: str) -> str:
    """The file of a public key in commands and archives, from its name where that can be a file's name."""
    return f"{file_name(name).strip('-.') or fingerprint[:12]}.pub"
