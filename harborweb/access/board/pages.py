"""The board as a table: a row for each question, a column for each place, the visitor's browser among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from harborweb.access.asking import ASKED
from harborweb.access.board.views_of import ROWS, SKIPPED, UNSURE, Cell
from harborweb.access.board.visitor import Visitor, of
from harborweb.access.dns.answer import USUAL_TTL
from harborweb.access.dns.recipes import SERVERS
from harborweb.access.place import Place
from harborweb.jobs.models import Job


@dataclass(frozen=True)
class Row:
    """A question and what each place says."""

    id: str
    title: str
    mono: bool
    cells: list[tuple[str, Cell]]


@dataclass(frozen=True)
class Board:
    """The whole table; `job` is the look that it shows, None where nobody has looked yet."""

    job: Job | None
    name: str
    rows: list[Row]
    columns: list[tuple[str, str]]  # place and title
    findings: list[dict[str, Any]]
    visitor: Visitor
    url: str
    port: int

    @property
    def commands(self) -> str:
        """What a visitor may type on their own machine."""
        return f"nslookup {self.name}\ncurl -sS -o /dev/null -D - {self.url}/v2/"


def board(job: Job | None, doctor: Job | None, request: HttpRequest, place: Place | None) -> Board | None:
    """The newest look; None where there is no Harbor to look for."""
    if place is None:
        return None
    columns = list(job.result["columns"]) if job is not None else []
    columns = [one for one in columns if one["place"] != "public" or one["cells"]]
    if job is not None and doctor is not None:
        _push(columns, doctor, job)
    visitor = of(request)
    places = [(one["place"], one["title"]) for one in columns if one["place"] != "public"]
    places.append(("browser", _("Your browser")))
    places += [(one["place"], one["title"]) for one in columns if one["place"] == "public"]
    by_place = {one["place"]: one for one in columns}
    titles = _titles(place.port)
    rows = []
    for row in ROWS:
        cells = [(where, _cell(row, where, by_place.get(where))) for where, _title in places]
        rows.append(Row(row, titles[row], row == "registry", cells))
    findings = [{**one, "url": _dns_url(place.name, one["address"])} for one in (job.result["findings"] if job else [])]
    return Board(job, place.name, rows, places, findings, visitor, place.url, place.port)


def _titles(port: int) -> dict[str, str]:
    return {
        "asked": _("Who is asked"), "address": _("Address"), "port": _("Port %(port)d") % {"port": port},
        "certificate": _("Certificate"), "registry": "GET /v2/", "token": _("Token address"),
        "push": _("Push of 2 MB"),
    }  # fmt: skip


def _cell(row: str, where: str, column: Mapping[str, Any] | None) -> Cell:
    if where == "browser":
        if row in {"asked", "address"}:
            return Cell(UNSURE, _("hidden from pages"))
        return Cell(SKIPPED, _("for you to try, below"))
    if column is None or (column["reason"] and not column["cells"]):
        return Cell(SKIPPED, _("not asked"))
    found = column["cells"].get(row)
    if found is not None:
        return Cell(**found)
    if row == "push" or (where == "public" and row not in {"asked", "address"}):
        return Cell(SKIPPED, _("not asked"))
    return Cell(SKIPPED, _("not reached"))


def _push(columns: list[dict[str, Any]], doctor: Job, job: Job) -> None:
    """The doctor's trial upload, where it was made on the very machine of the board's host."""
    if doctor.result["seen"]["machine"] != job.result["machine"]:
        return
    chunk = next((one for one in doctor.result["questions"] if one["id"] == "chunk"), None)
    host = next((one for one in columns if one["place"] == "host"), None)
    if chunk is not None and host is not None and chunk["verdict"] != SKIPPED:
        host["cells"]["push"] = {"verdict": chunk["verdict"], "words": chunk["came"], "note": ""}


def _dns_url(name: str, address: str) -> str:
    """The pages that write DNS entries, filled in; empty without an address to give."""
    if not address:
        return ""
    kind = "ipv6" if ":" in address else "ipv4"
    query = urlencode({ASKED: "1", "name": name, kind: address, "ttl": str(USUAL_TTL)})
    return f"{reverse('access:names_of', args=[next(iter(SERVERS))])}?{query}"
