"""What the sweeps found, counted and searched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet

from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.words import FINDINGS, ORDER
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict


@dataclass(frozen=True)
class ProjectCount:
    """The verdicts of one project."""

    name: str
    counts: Mapping[str, int]
    total: int
    findings: int
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
    if verdict:
        # The sum keeps SQLite from choosing the index of ranks, where another one has the rows in their order.
        rows = rows if order == "worst" else rows.annotate(place=F("rank") + 0)
        name = "rank" if order == "worst" else "place"
        rows = rows.filter(
            **{f"{name}__lt": len(FINDINGS)} if verdict == "findings" else {f"{name}__in": ranks(verdict)}
        )
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
    rows = ArtifactVerdict.objects.filter(registry=registry) if registry else ArtifactVerdict.objects.all()
    for row in rows.order_by().values("project", "rank").annotate(n=Count("pk")):
        by_project.setdefault(row["project"], {})[ORDER[row["rank"]].value] = row["n"]
    counts = {verdict.value: sum(found.get(verdict, 0) for found in by_project.values()) for verdict in ORDER}
    projects = tuple(
        ProjectCount(name, found, total, sum(found.get(v, 0) for v in FINDINGS), _percent(found, total))
        for name, found in sorted(by_project.items())
        for total in [sum(found.values())]
    )
    total = sum(counts.values())
    last = last_sweep(registry)
    return Summary(
        counts,
        total,
        sum(counts[v] for v in FINDINGS),
        _percent(counts, total),
        last.finished if last else None,
        projects,
    )


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
    rows = ArtifactVerdict.objects.filter(registry=registry, repository=repository, rank__in=ranks(verdict))
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
    rows = ArtifactVerdict.objects.filter(registry=registry, verdict__in=[ORDER[rank] for rank in ranks(verdict)])
    return list(rows.order_by("project").values_list("project", flat=True).distinct())


def repositories_with(registry: Registry, verdict: str, project: str = "") -> list[str]:
    """Names of the repositories, of `project` or of all, that have an artifact with this verdict (or "findings")."""
    rows = ArtifactVerdict.objects.filter(registry=registry, rank__in=ranks(verdict))
    if project:
        rows = rows.filter(repository__startswith=f"{project}/")
    return list(rows.order_by("repository").values_list("repository", flat=True).distinct())


def ranks(verdict: str) -> list[int]:
    """The places in ORDER of a verdict, of all "findings", or none for what is no verdict."""
    if verdict == "findings":
        return list(range(len(FINDINGS)))
    return [ORDER.index(Verdict(verdict))] if verdict in set(ORDER) else []


def last_sweep(registry: Registry | None = None) -> Sweep | None:
    """The newest sweep that came to its count, also one that could not read everything."""
    sweeps = Sweep.objects.filter(finished__isnull=False).exclude(counts={})
    return (sweeps.filter(registry=registry) if registry else sweeps).order_by("-finished").first()
