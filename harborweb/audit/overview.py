"""What the audit's page shows at a glance: counts, what changed in a day, projects, and the course of a month."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit import charts, tallies
from harborweb.audit.charts import Course, Event, Piece, Point
from harborweb.audit.counts import ProjectCount, Summary
from harborweb.audit.filtering import Filter
from harborweb.audit.models import ArtifactVerdict, Tally
from harborweb.audit.words import MEANINGS, ORDER, WORDS
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.verdict import GREEN

DAYS = 30
FEW = 8  # projects that are shown unless all are asked for
BAR, LEAST_BAR = 272, 24
WIDE, NARROW = 400, 326  # pixels of the two drawings of the course


@dataclass(frozen=True)
class Tile:
    """One of the seven counts; `change` says what a day did to it, or nothing."""

    verdict: str
    word: str
    count: int
    meaning: str
    change: str
    query: str


@dataclass(frozen=True)
class ProjectBar:
    """A project's counts as a bar."""

    project: ProjectCount
    pieces: list[Piece]
    query: str


@dataclass(frozen=True)
class Line:
    """The course in its two widths, or why there is none yet."""

    wide: Course | None
    narrow: Course | None
    share: float


def tiles(chosen: Filter, counts: Mapping[str, int]) -> list[Tile]:
    """The seven counts of what is looked at, with the difference since a day."""
    before = tallies.a_day_ago(chosen.registry, chosen.project) if chosen.registry else None
    changed = tallies.changes(counts, before)
    return [
        Tile(
            v.value, str(WORDS[v]), counts.get(v, 0), str(MEANINGS[v]), _change(changed.get(v, 0), before),
            chosen.but(key="", text="").query(verdict=v.value),
        )
        for v in charts.CHART_ORDER
    ]  # fmt: skip


def _change(number: int, before: Tally | None) -> str:
    """ "+6 today" where a day ago was counted lately, else since when; nothing where nothing changed."""
    if before is None or not number:
        return ""
    signed = f"+{number}" if number > 0 else f"\N{MINUS SIGN}{-number}"
    if timezone.now() - before.at < timedelta(days=2):
        return _("%(n)s today") % {"n": signed}
    return _("%(n)s since %(day)s") % {"n": signed, "day": format_date(timezone.localtime(before.at), "j M")}


def chips(chosen: Filter, counted: ProjectCount | Summary | None) -> list[dict[str, object]]:
    """The filter's verdicts with their counts in what is looked at."""

    def chip(value: str, word: object, count: int) -> dict[str, object]:
        return {
            "value": value, "word": word, "count": count, "on": chosen.verdict == value,
            "query": chosen.query(verdict=value), "shape": "" if value in {"findings", "all"} else value,
        }  # fmt: skip

    counts: Mapping[str, int] = counted.counts if counted else {}
    seven = [chip(v.value, WORDS[v], counts.get(v, 0)) for v in ORDER]
    findings, total = (counted.findings, counted.total) if counted else (0, 0)
    return [chip("findings", _("Findings"), findings), *seven, chip("all", _("All"), total)]


def bars(chosen: Filter, summary: Summary, *, by_count: bool, every: bool) -> list[ProjectBar]:
    """The largest projects first; `by_count` makes a bar as long as its project is large, else all are as long."""
    ordered = sorted(summary.projects, key=lambda one: (-one.total, one.name))
    largest = ordered[0].total if ordered else 1
    base = Filter(chosen.registry, "all")
    return [
        ProjectBar(
            one, charts.bar(one.counts, max(LEAST_BAR, BAR * one.total // largest) if by_count else BAR),
            base.query(project=one.name),
        )
        for one in (ordered if every else ordered[:FEW])
    ]  # fmt: skip


def line(registry: Registry, project: str, counts: Mapping[str, int], now: datetime | None = None) -> Line:
    """Trusted and via index over the last days, up to what is counted now."""
    good = [verdict.value for verdict in GREEN]
    kept = tallies.course(registry, project, DAYS, now)
    points = [Point(one.at, tallies.share(one.counts, good)) for one in kept]
    events = _events(registry, project, now or timezone.now()) if len(points) > 1 else []
    return Line(charts.course(points, events, WIDE), charts.course(points, events, NARROW), tallies.share(counts, good))


def _events(registry: Registry, project: str, now: datetime) -> list[Event]:
    """What may have bent the line: keys that were revoked, for this project or for all."""
    rows = Key.objects.filter(revoked_from__gte=now - timedelta(days=DAYS), revoked_from__lte=now)
    return [
        Event(
            one.revoked_from, _("%(key)s revoked") % {"key": one.name},
            _("%(key)s was revoked from %(when)s on.") % {
                "key": one.name, "when": format_date(timezone.localtime(one.revoked_from), "j M H:i")
            },
        )
        for one in rows.order_by("revoked_from")
        if one.revoked_from is not None
    ]  # fmt: skip


def key_names(rows: list[ArtifactVerdict]) -> dict[str, Key]:
    """The keys of these rows by fingerprint."""
    wanted = {row.key for row in rows if row.key}
    found = Key.objects.filter(fingerprint__in=wanted).only("pk", "name", "fingerprint") if wanted else ()
    return {one.fingerprint or "": one for one in found}


def keys_of_signatures(row: ArtifactVerdict) -> dict[str, Key]:
    """The keys of all signatures that were seen at this row, by fingerprint."""
    wanted = {seen.get(name) for seen in row.signatures for name in ("key", "signer")} - {None, ""}
    return {key.fingerprint or "": key for key in Key.objects.filter(fingerprint__in=wanted)} if wanted else {}
