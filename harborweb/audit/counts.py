"""What the sweeps found, counted and searched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet

from harborweb.audit.models import ArtifactVerdict, Finding, Sweep
from harborweb.audit.words import ORDER
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict


@dataclass(frozen=True)
class ProjectCount:
    """The verdicts of one project."""

    name: str
    counts: Mapping[str, int]
    total: int
    findings: int  # what someone should act on, as the policy has it
    trusted: int  # trusted and via index, as a percentage of all, rounded down


@dataclass(frozen=True)
class Summary:
    """What the last sweeps of a registry (or of all) found."""

    counts: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    findings: int = 0
    trusted: int = 0  # percent, rounded down, so that 100 means all
    swept: datetime | None = None
    projects: tuple[ProjectCount, ...] = ()

    def project(self, name: str) -> ProjectCount | None:
        """The counts of one project, or None where it has no artifact."""
        return next((one for one in self.projects if one.name == name), None)


WIDE = ("evidence", "signatures", "signers", "command", "parents")  # what a list does not show
ORDERS = {
    "worst": ("rank", "repository", "digest"),
    "since": ("-since", "rank"),
    "name": ("repository", "rank", "-since"),
}


def verdicts(
    registry: Registry | None,
    *,
    verdict: str = "",
    project: str = "",
    key: str = "",
    text: str = "",
    order: str = "worst",
) -> QuerySet[ArtifactVerdict]:
    """Verdicts without what is wide in them, by default worst first.

    `verdict` is one of the seven, "findings" or "" for all; `key` is a fingerprint; `text` searches repository, tag,
    digest and reason; `order` is one of ORDERS.
    """
    rows = ArtifactVerdict.objects.select_related("registry").defer(*WIDE).order_by(*ORDERS[order])
    if registry is not None:
        rows = rows.filter(registry=registry)
    if verdict == "findings":
        rows = rows.filter(is_finding=True)
    elif verdict:
        # The sum keeps SQLite from choosing the index of ranks, where another one has the rows in their order.
        rows = rows if order == "worst" else rows.annotate(place=F("rank") + 0)
        rows = rows.filter(**{"rank" if order == "worst" else "place": ORDER.index(Verdict(verdict))})
    if project:
        rows = rows.filter(project=project)
    if key:
        rows = rows.filter(key=key)
    for word in text.split():
        rows = rows.filter(
            Q(repository__icontains=word)
            | Q(digest__icontains=word)
            | Q(tags__icontains=word)
            | Q(reason__icontains=word)
        )
    return rows


def _percent(counts: Mapping[str, int], total: int) -> int:
    return 100 * (counts.get(Verdict.TRUSTED, 0) + counts.get(Verdict.VIA_INDEX, 0)) // total if total else 0


def summary(registry: Registry | None = None) -> Summary:
    """The counts over `registry`, or over all registries; zeros before the first sweep."""
    by_project: dict[str, dict[str, int]] = {}
    found_in: dict[str, int] = {}
    rows = ArtifactVerdict.objects.filter(registry=registry) if registry else ArtifactVerdict.objects.all()
    for row in rows.order_by().values("project", "rank", "is_finding").annotate(n=Count("pk")):
        counted, verdict = by_project.setdefault(row["project"], {}), ORDER[row["rank"]].value
        counted[verdict] = counted.get(verdict, 0) + row["n"]
        found_in[row["project"]] = found_in.get(row["project"], 0) + row["n"] * row["is_finding"]
    counts = {verdict.value: sum(found.get(verdict, 0) for found in by_project.values()) for verdict in ORDER}
    projects = tuple(
        ProjectCount(name, found, total, found_in.get(name, 0), _percent(found, total))
        for name, found in sorted(by_project.items())
        for total in [sum(found.values())]
    )
    total = sum(counts.values())
    last = last_sweep(registry)
    return Summary(
        counts,
        total,
        sum(found_in.values()),
        _percent(counts, total),
        last.finished if last else None,
        projects,
    )


def _found(registry: Registry | None) -> QuerySet[ArtifactVerdict]:
    """What someone should act on, in no order."""
    return verdicts(registry, verdict="findings").select_related(None).order_by()


def by_digest(registry: Registry, repository: str, digests: Sequence[str]) -> dict[str, ArtifactVerdict]:
    """The verdicts of these artifacts of one repository, without evidence and signatures, which are long."""
    rows = ArtifactVerdict.objects.filter(registry=registry, repository=repository, digest__in=digests)
    return {row.digest: row for row in rows.order_by().defer("evidence", "signatures", "command")}


def by_artifact(registry: Registry, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ArtifactVerdict]:
    """The verdicts of artifacts of several repositories, by (repository, digest)."""
    rows = ArtifactVerdict.objects.filter(
        registry=registry, repository__in=[one[0] for one in pairs], digest__in=[one[1] for one in pairs]
    )
    return {(row.repository, row.digest): row for row in rows.order_by().defer("evidence", "signatures", "command")}


def of_repository(registry: Registry, repository: str, verdict: str) -> QuerySet[ArtifactVerdict]:
    """The artifacts of one repository with this verdict (or "findings"), worst first, then what changed last."""
    rows = _with(registry, verdict).filter(repository=repository)
    return rows.order_by("rank", "-since").defer("evidence", "signatures", "command")


def of_repositories(registry: Registry, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """The counts by verdict of each of these repositories; those that no sweep saw are missing."""
    rows = ArtifactVerdict.objects.filter(registry=registry, repository__in=names).order_by()
    found: dict[str, dict[str, int]] = {}
    for row in rows.values("repository", "rank").annotate(n=Count("pk")):
        found.setdefault(row["repository"], {})[ORDER[row["rank"]].value] = row["n"]
    return found


def projects_with(registry: Registry, verdict: str) -> list[str]:
    """Names of the projects that have an artifact with this verdict (or "findings")."""
    rows = _with(registry, verdict)
    return list(rows.order_by("project").values_list("project", flat=True).distinct())


def repositories_with(registry: Registry, verdict: str, project: str = "") -> list[str]:
    """Names of the repositories, of `project` or of all, that have an artifact with this verdict (or "findings")."""
    rows = _with(registry, verdict)
    if project:
        rows = rows.filter(repository__startswith=f"{project}/")
    return list(rows.order_by("repository").values_list("repository", flat=True).distinct())


def open_findings(registry: Registry | None = None) -> int:
    """How many findings wait for somebody: those that were acknowledged do not."""
    rows = Finding.objects.filter(state__in=Finding.ACTIVE)
    return (rows if registry is None else rows.filter(registry=registry)).count()


def findings_in(registry: Registry, names: Sequence[str]) -> dict[str, int]:
    """How many artifacts of each of these repositories someone should act on; those without any are missing."""
    rows = _found(registry).filter(repository__in=names)
    return dict(rows.values_list("repository").annotate(Count("pk")))


def _with(registry: Registry, verdict: str) -> QuerySet[ArtifactVerdict]:
    """The artifacts with a verdict, or the "findings"; none for what is neither."""
    rows = ArtifactVerdict.objects.filter(registry=registry)
    if verdict == "findings":
        return rows.filter(is_finding=True)
    if verdict not in set(ORDER):
        return rows.none()
    return rows.filter(rank=ORDER.index(Verdict(verdict)))


def last_sweep(registry: Registry | None = None) -> Sweep | None:
    """The newest sweep of all of it that came to its count, also one that could not read everything."""
    sweeps = Sweep.objects.filter(**Sweep.WHOLE, finished__isnull=False).exclude(counts={})
    return (sweeps.filter(registry=registry) if registry else sweeps).order_by("-finished").first()
