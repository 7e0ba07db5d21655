"""The forms of a report by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harborweb.audit.formats import html, junit, sarif
from harborweb.audit.formats.about import About
from harborweb.audit.report import Judged, to_csv, to_json


@dataclass(frozen=True)
class Form:
    """How one form is written, what it is on the wire, and how its files end."""

    render: Callable[[Iterable[Judged], About], str]
    kind: str
    ending: str


FORMS = {
    "csv": Form(lambda judged, _about: to_csv(judged), "text/csv; charset=utf-8", "csv"),
    "json": Form(lambda judged, _about: to_json(judged), "application/json", "json"),
    "sarif": Form(sarif.render, "application/sarif+json", "sarif"),
    "junit": Form(junit.render, "application/xml; charset=utf-8", "junit.xml"),
    "html": Form(html.render, "text/html; charset=utf-8", "html"),
}
