"""What the page of two registries shows, and the same as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.audit.choosing import registry_of
from harborweb.audit.compare.comparing import DIGEST, KINDS, SIGNATURE, Counts, Difference, Side, differences
from harborweb.audit.compare.copying import commands
from harborweb.audit.report import cell
from harborweb.registry.models import Registry
from harborweb.signing.models import Key

MOST = 10_000  # differences that are listed; all are counted, and all are in the CSV
COLUMNS = (
    "kind", "missing_on", "repository_a", "repository_b", "digest", "tags", "verdict_a", "verdict_b", "keys",
    "other_digest", "commands",
)  # fmt: skip


@dataclass(frozen=True)
class Chosen:
    """Which two registries, and what of their differences: all of it stands in the address."""

    a: Registry | None
    b: Registry | None
    left: str = ""
    right: str = ""
    kind: str = ""
    missing: str = ""  # "a" or "b"
    text: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Chosen":
        """The two registries in the address; without any the first two."""
        a = registry_of(request, "a")
        b = registry_of(request, "b", default=False)
        if a is not None and b is None:
            b = Registry.objects.exclude(pk=a.pk).order_by("name").first()
        given = {name: request.GET.get(name, "").replace("\0", "").strip()[:255] for name in request.GET}
        return cls(
            a, b, given.get("left", ""), given.get("right", ""),
            given["kind"] if given.get("kind") in KINDS else "",
            given["missing"] if given.get("missing") in {"a", "b"} else "", given.get("q", ""),
        )  # fmt: skip

    @property
    def sides(self) -> tuple[Side, Side] | None:
        """Both sides, or None where there are no two that differ."""
        if self.a is None or self.b is None or (self.a == self.b and self.left == self.right):
            return None
        return Side(self.a, self.left), Side(self.b, self.right)

    @property
    def names(self) -> tuple[str, str]:
        """What the sides are called: two registries by name, two parts of one by how their names begin."""
        a, b = str(self.a or ""), str(self.b or "")
        return (f"{a}: {self.left or '*'}", f"{b}: {self.right or '*'}") if self.a == self.b else (a, b)

    @property
    def narrow(self) -> bool:
        """Whether not every difference is asked for."""
        return bool(self.kind or self.missing or self.text)

    def query(self, **changes: str) -> str:
        """This choice as the query of an address, with `changes`."""
        values = {
            "a": str(self.a.pk) if self.a else "", "b": str(self.b.pk) if self.b else "", "left": self.left,
            "right": self.right, "kind": self.kind, "missing": self.missing, "q": self.text,
        } | changes  # fmt: skip
        return urlencode({name: value for name, value in values.items() if value})

    def wants(self, one: Difference) -> bool:
        """Whether `one` passes kind, side and words."""
        if self.kind and one.kind != self.kind:
            return False
        if self.missing and (one.kind not in {SIGNATURE, DIGEST} or one.missing != "ab".index(self.missing)):
            return False
        said = " ".join([*one.repositories, one.digest, one.other, *one.tags]).lower()
        return all(word in said for word in self.text.lower().split())


def compared(chosen: Chosen, sides: tuple[Side, Side]) -> tuple[list[Difference], Counts, bool]:
    """What passes the filter, at most MOST; the counts of all; whether there is more."""
    counts, more = Counts(), False
    found: list[Difference] = []
    for one in differences(*sides, counts):
        if chosen.wants(one):
            more = more or len(found) >= MOST
            if not more:
                found.append(one)
    return found, counts, more


def chips(chosen: Chosen, counts: Counts) -> list[dict[str, Any]]:
    """The kinds of difference, each with how many there are and its address."""
    a, b = chosen.names
    named: list[tuple[str, str, str, int]] = [
        (SIGNATURE, "b", _("Signature missing on %s") % b, counts.found.get((SIGNATURE, 1), 0)),
        (SIGNATURE, "a", _("Signature missing on %s") % a, counts.found.get((SIGNATURE, 0), 0)),
        (DIGEST, "b", _("Only on %s") % a, counts.found.get((DIGEST, 1), 0)),
        (DIGEST, "a", _("Only on %s") % b, counts.found.get((DIGEST, 0), 0)),
        ("tag", "", _("Tag means another digest"), counts.found.get(("tag", 0), 0)),
    ]
    every = {"word": _("All"), "count": sum(counts.found.values()), "query": chosen.query(kind="", missing=""),
             "on": not (chosen.kind or chosen.missing)}  # fmt: skip
    return [every, *(
        {"word": word, "count": count, "query": chosen.query(kind=kind, missing=missing),
         "on": (chosen.kind, chosen.missing) == (kind, missing)}
        for kind, missing, word, count in named
    )]  # fmt: skip


def lines(found: Iterable[Difference], sides: tuple[Side, Side], called: tuple[str, str]) -> list[dict[str, Any]]:
    """Each difference with its keys' names and the commands that mend it; `called` are the sides."""
    listed = list(found)
    names = key_names()
    return [
        {"one": one, "keys": [names.get(key, f"{key[:8]}…") for key in one.keys if key], "commands": made,
         "missing_on": called[one.missing], "there": sides[1 - one.missing].registry,
         "repository": one.repositories[1 - one.missing]}
        for one, made in zip(listed, commands(listed, sides), strict=True)
    ]  # fmt: skip


def key_names() -> Mapping[str, str]:
    """The names of the keys here, by fingerprint."""
    return {key.fingerprint or "": key.name for key in Key.objects.defer("public_pem")}


def to_csv(found: Iterable[Difference], sides: tuple[Side, Side], called: tuple[str, str]) -> str:
    """A header and a row for each difference, with its commands."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines(found, sides, called):
        one = line["one"]
        lacks = line["missing_on"] if one.kind in {SIGNATURE, DIGEST} else ""
        values = (one.kind, lacks, *one.repositories, one.digest, " ".join(one.tags), *one.verdicts,
                  " ".join(line["keys"]), one.other, "; ".join(line["commands"]))  # fmt: skip
        writer.writerow([cell(value) for value in values])
    return out.getvalue()
