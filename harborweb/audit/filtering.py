"""Which verdicts the audit's page shows: all of it stands in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from harborweb.audit import counts
from harborweb.audit.badge import disagreeing as badged
from harborweb.audit.choosing import registry_of
from harborweb.audit.counts import ProjectCount, Summary
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.words import ORDER
from harborweb.registry.models import Registry

PAGE = 40  # rows of one page; most of its time goes into writing them
MOST = 2_000  # of what a search finds, counted and paged through; a closer word finds the rest
VERDICTS = ("findings", "all", *(v.value for v in ORDER))


@dataclass(frozen=True)
class Filter:
    """What the address asks for; an unknown value counts as not given."""

    registry: Registry | None
    verdict: str = "findings"
    project: str = ""
    key: str = ""
    text: str = ""
    order: str = "worst"
    badge: str = ""  # audit.badge.disagreeing: "false", "missing" or "shown"

    @classmethod
    def of(cls, request: HttpRequest) -> "Filter":
        """The filter in the address of `request`."""
        return cls.given({name: request.GET.get(name, "") for name in request.GET}, registry_of(request))

    @classmethod
    def given(cls, values: Mapping[str, str], registry: Registry | None) -> "Filter":
        """The filter in the parts of an address."""
        given = {name: text.replace("\0", "").strip() for name, text in values.items()}
        verdict, order = given.get("verdict", ""), given.get("sort", "")
        badge = given.get("badge", "") if given.get("badge") in badged.VALUES else ""
        return cls(
            registry,
            verdict if verdict in VERDICTS else "all" if badge else "findings",
            given.get("project", "")[:255],
            given.get("key", "")[:64],
            given.get("q", "")[:200],
            order if order in counts.ORDERS else "worst",
            badge,
        )

    def rows(self) -> QuerySet[ArtifactVerdict]:
        """The verdicts that pass, in the order asked for."""
        rows = counts.verdicts(
            self.registry, verdict="" if self.verdict == "all" else self.verdict, project=self.project, key=self.key,
            text=self.text, order=self.order,
        )  # fmt: skip
        return badged.narrowed(rows, self.badge)

    @property
    def narrow(self) -> bool:
        """Whether more is asked for than a verdict."""
        return bool(self.project or self.key or self.text or self.badge)

    def query(self, **changes: str) -> str:
        """This filter as the query of an address, with `changes`; the page is not in it."""
        values = {
            "registry": str(self.registry.pk) if self.registry else "", "verdict": self.verdict,
            "project": self.project, "key": self.key, "badge": self.badge, "q": self.text,
            "sort": "" if self.order == "worst" else self.order,
        } | changes  # fmt: skip
        return urlencode({name: value for name, value in values.items() if value})

    def but(self, **changes: str) -> "Filter":
        """The same with other values."""
        return replace(self, **changes)  # type: ignore[arg-type]


class Pages(Paginator):  # type: ignore[type-arg]
    """The pages of a filter. What the summary has counted is not counted again, and a search looks through all rows
    once: it is counted, and paged through, up to MOST."""

    def __init__(self, chosen: Filter, summary: Summary) -> None:
        rows = chosen.rows()
        self.chosen, self.summary, self.rows = chosen, summary, rows
        super().__init__(_Found(rows) if chosen.text else rows, PAGE)  # type: ignore[arg-type]

    @cached_property
    def count(self) -> int:
        """How many rows there are to page through."""
        if self.chosen.text:
            return min(len(self.object_list), MOST)
        if self.chosen.key or self.chosen.badge:
            return self.rows.order_by().count()
        counted: ProjectCount | Summary | None = self.summary
        if self.chosen.project:
            counted = self.summary.project(self.chosen.project)
        if counted is None:
            return 0
        if self.chosen.verdict == "findings":
            return counted.findings
        return counted.total if self.chosen.verdict == "all" else counted.counts.get(self.chosen.verdict, 0)

    @property
    def more(self) -> bool:
        """Whether a search finds more than can be paged through."""
        return bool(self.chosen.text) and len(self.object_list) > MOST


class _Found:
    """What a search finds, by number first: the rows of a slice are read when it is asked for."""

    def __init__(self, rows: QuerySet[ArtifactVerdict]) -> None:
        self.rows = rows

    @cached_property
    def numbers(self) -> list[int]:
        return list(self.rows.values_list("pk", flat=True)[: MOST + 1])

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, part: slice) -> list[ArtifactVerdict]:
        wanted = self.numbers[part]
        rows = ArtifactVerdict.objects.filter(pk__in=wanted).select_related("registry").defer(*counts.WIDE)
        found = {row.pk: row for row in rows.order_by()}
        return [found[number] for number in wanted if number in found]
