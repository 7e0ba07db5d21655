"""Changes as the page shows them: filtered by its address, grouped by the sweep that found them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from harborweb.audit.changes.words import SHAPES, sentence
from harborweb.audit.choosing import registry_of
from harborweb.audit.counts import last_sweep
from harborweb.audit.models import Change, Sweep
from harborweb.registry.models import Registry
from harborweb.signing.models import Key

FEW = 8  # on the page of an artifact
TIMES = {
    "sweep": _("Since the last sweep"), "1": _("24 hours"), "7": _("7 days"), "30": _("30 days"), "": _("All time"),
}  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """What the address asks for; an unknown value counts as not given."""

    registry: Registry | None
    kind: str = ""
    project: str = ""
    text: str = ""
    since: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> "Filter":
        kind, since = request.GET.get("kind", ""), request.GET.get("since", "")
        project, text = (request.GET.get(name, "").replace("\0", "") for name in ("project", "q"))
        return cls(
            registry_of(request), kind if kind in Change.Kind.values else "", project[:255], text.strip()[:200],
            since if since in TIMES else "",
        )  # fmt: skip

    def rows(self) -> QuerySet[Change]:
        """The changes that pass, newest first."""
        rows = self._but_kind()
        return rows.filter(kind=self.kind) if self.kind else rows

    def kinds(self) -> list[tuple[str, str, str, int]]:
        """Each kind that there is under this filter: value, shape, word, count."""
        counted = self._but_kind().order_by().values_list("kind").annotate(n=Count("pk"))
        return _counted(dict(counted))

    def query(self, **changes: str) -> str:
        """This filter as the query of an address, with `changes`."""
        values = {
            "registry": str(self.registry.pk) if self.registry else "", "kind": self.kind, "project": self.project,
            "q": self.text, "since": self.since,
        } | changes  # fmt: skip
        return urlencode({name: value for name, value in values.items() if value})

    def _but_kind(self) -> QuerySet[Change]:
        rows = Change.objects.filter(registry=self.registry)
        if self.project:
            rows = rows.filter(project=self.project)
        if (begin := self._begin()) is not None:
            rows = rows.filter(at__gte=begin)
        for word in self.text.split():
            rows = rows.filter(Q(repository__icontains=word) | Q(tag__icontains=word) | Q(digest__icontains=word))
        return rows

    def _begin(self) -> datetime | None:
        if self.since == "sweep":
            last = last_sweep(self.registry)
            return last.started if last else None
        return timezone.now() - timedelta(days=int(self.since)) if self.since else None


@dataclass(frozen=True)
class Group:
    """What one sweep found, or events of one day brought."""

    sweep: Sweep | None
    at: datetime
    lines: list[dict[str, Any]]


def of_artifact(registry: Registry, repository: str, digest: str) -> tuple[list[dict[str, Any]], bool]:
    """The newest changes of one artifact as lines of a table, at most FEW, and whether there are more."""
    rows = Change.objects.filter(registry=registry, repository=repository, digest=digest)[: FEW + 1]
    found = _lines(list(rows))
    return found[:FEW], len(found) > FEW


def groups(changes: Iterable[Change]) -> list[Group]:
    """`changes` in their order, those that came together under one head, each with its sentence."""
    lines = _lines(list(changes))

    def together(line: dict[str, Any]) -> tuple[int, Any]:
        change = line["change"]
        return change.sweep_id or 0, None if change.sweep_id else timezone.localtime(change.at).date()

    found = []
    for _key, some in groupby(lines, key=together):
        rows = list(some)
        found.append(Group(rows[0]["change"].sweep, rows[0]["change"].at, rows))
    return found


def _lines(listed: list[Change]) -> list[dict[str, Any]]:
    """Each change with its shape and its sentence."""
    fingerprints = {
        one for change in listed for side in (change.before, change.after) for one in side.get("signers", [])
    }
    names = {key.fingerprint or "": key.name for key in Key.objects.filter(fingerprint__in=fingerprints)}
    return [{"change": one, "shape": SHAPES[one.kind], "text": sentence(one, names)} for one in listed]


def since_last_sweep(registry: Registry | None) -> tuple[Sweep | None, list[tuple[str, str, str, int]]]:
    """The last sweep, and what it and the events after it found changed, by kind."""
    last = last_sweep(registry) if registry else None
    if last is None:
        return None, []
    rows = Change.objects.filter(registry=registry, at__gte=last.started).order_by()
    return last, _counted(dict(rows.values_list("kind").annotate(n=Count("pk"))))


def _counted(found: dict[str, int]) -> list[tuple[str, str, str, int]]:
    return [(kind.value, SHAPES[kind], str(kind.label), found[kind]) for kind in Change.Kind if found.get(kind)]
