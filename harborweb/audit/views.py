"""The pages of the audit."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from harborweb.accounts.http import Request
from harborweb.accounts.roles import Role, requires
from harborweb.audit import charts, report, services
from harborweb.audit import evidence as evidence_archive
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.words import MEANINGS, ORDER, WORDS
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.verification.verdict import Verdict

PAGE = 50


@dataclass(frozen=True)
class Filter:
    """What the address asks for; an unknown value counts as not given."""

    registry: Registry | None
    verdict: str
    project: str
    text: str

    @classmethod
    def of(cls, request: HttpRequest) -> "Filter":
        asked = request.GET.get("registry", "")
        registries = Registry.objects.order_by("name")
        chosen = registries.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 10 else None
        verdict = request.GET.get("verdict", "findings")
        if verdict not in {"findings", "all", *(v.value for v in ORDER)}:
            verdict = "findings"
        text = request.GET.get("q", "").strip()[:200]
        return cls(chosen or registries.first(), verdict, request.GET.get("project", "")[:255], text)

    def rows(self) -> QuerySet[ArtifactVerdict]:
        """The verdicts that pass, worst first."""
        verdict = "" if self.verdict == "all" else self.verdict
        return services.verdicts(self.registry, verdict=verdict, project=self.project, text=self.text)

    def query(self, **changes: str) -> str:
        """This filter as the query of an address, with `changes`."""
        values = {
            "registry": str(self.registry.pk) if self.registry else "",
            "verdict": self.verdict, "project": self.project, "q": self.text,
        } | changes  # fmt: skip
        return urlencode({name: value for name, value in values.items() if value})


def _chips(chosen: Filter, summary: services.Summary) -> list[dict[str, object]]:
    def chip(value: str, word: object, count: int) -> dict[str, object]:
        return {
            "value": value, "word": word, "count": count, "on": chosen.verdict == value,
            "query": chosen.query(verdict=value), "shape": "" if value in {"findings", "all"} else value,
        }  # fmt: skip

    seven = [chip(v.value, WORDS[v], summary.counts.get(v, 0)) for v in ORDER]
    return [chip("findings", _("Findings"), summary.findings), *seven, chip("all", _("All"), summary.total)]


def _tiles(summary: services.Summary) -> list[dict[str, object]]:
    return [
        {"verdict": v.value, "word": WORDS[v], "count": summary.counts.get(v, 0), "meaning": MEANINGS[v]}
        for v in charts.CHART_ORDER
    ]


def _broken(registry: Registry | None) -> Job | None:
    """The job of the newest sweep, where it did not succeed: what the page shows is older, or has gaps."""
    newest = Sweep.objects.filter(registry=registry).select_related("job").first() if registry else None
    job = newest.job if newest else None
    return job if job and job.settled and job.state != Job.State.SUCCEEDED else None


@requires(Role.VIEWER)
@require_GET
def home(request: Request) -> HttpResponse:
    """Which images carry a signature that really verifies."""
    chosen = Filter.of(request)
    job = services.running_sweep(chosen.registry) if chosen.registry else None
    if request.htmx.target == "sweep":
        # While it runs its line alone; when it has settled the whole page with what it found.
        return (
            render(request, "audit/_sweep.html", {"job": job, "registry": chosen.registry})
            if job
            else HttpResponseClientRefresh()
        )
    summary = services.summary(chosen.registry)
    context = {
        "chosen": chosen,
        "registries": Registry.objects.order_by("name"),
        "summary": summary,
        "chips": _chips(chosen, summary),
        "tiles": _tiles(summary),
        "bars": [(project, charts.bar(project.counts)) for project in summary.projects],
        "page": Paginator(chosen.rows(), PAGE).get_page(request.GET.get("page")),
        "query": chosen.query(),
        "job": job,
        "broken": _broken(chosen.registry),
        "registry": chosen.registry,
        "sweeps": Sweep.objects.filter(registry=chosen.registry, finished__isnull=False).select_related("job")[:5],
        "keys": services.trusted_public_keys().count(),
    }
    return render(request, "audit/_rows.html" if request.htmx.target == "verdicts" else "audit/home.html", context)


@requires(Role.SIGNER)
@require_POST
def sweep(request: Request) -> HttpResponse:
    """Start a sweep of the chosen registry and watch it on the audit page."""
    chosen = request.POST.get("registry", "")
    registry = get_object_or_404(Registry, pk=int(chosen) if chosen.isdecimal() and len(chosen) < 10 else 0)
    job = services.request_sweep(request, registry)
    if request.htmx:
        return render(request, "audit/_sweep.html", {"job": job, "registry": registry})
    return redirect(reverse("audit:home") + f"?registry={registry.pk}")


@requires(Role.VIEWER)
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The filtered verdicts as CSV or JSON."""
    if form not in report.FORMS:
        raise Http404(_("There is no export of this form."))
    chosen = Filter.of(request)
    content, kind = report.export(form, chosen.rows())
    name = f"audit-{chosen.registry.name if chosen.registry else 'empty'}.{form}"
    return HttpResponse(
        content, content_type=kind, headers={"Content-Disposition": f"attachment; filename={report.file_name(name)}"}
    )


@requires(Role.VIEWER)
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One artifact: its verdict, every signature that was seen, and how to check it again."""
    row = get_object_or_404(ArtifactVerdict.objects.select_related("registry", "sweep"), pk=pk)
    context = {
        "row": row,
        "meaning": MEANINGS[Verdict(row.verdict)],
        "key": services.key_named(row.key),
        "signatures": [seen | {"word": WORDS.get(seen["verdict"], seen["verdict"])} for seen in row.signatures],
        "parents": ArtifactVerdict.objects.filter(registry=row.registry, digest__in=row.parents).exclude(pk=pk),
    }
    return render(request, "audit/detail.html", context)


@requires(Role.VIEWER)
@require_GET
def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """Manifest, payload, signature, keys and commands, for somebody who has nothing of ours."""
    row = get_object_or_404(ArtifactVerdict.objects.select_related("registry"), pk=pk)
    keys = {report.key_file(key.name, key.fingerprint or ""): key.public_pem for key in services.trusted_public_keys()}
    name = report.file_name(f"evidence-{row.repository}-{row.digest[7:19]}.zip")
    return HttpResponse(
        evidence_archive.archive(row, keys),
        content_type="application/zip",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )
