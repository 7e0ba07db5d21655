"""The pages of the audit."""

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRefresh

from harborweb.accounts.http import Request, number_in
from harborweb.accounts.roles import Role, requires
from harborweb.audit import describing, explaining, overview, report, services
from harborweb.audit import evidence as evidence_archive
from harborweb.audit.counts import WIDE
from harborweb.audit.filtering import Filter, Pages
from harborweb.audit.formats.forms import FORMS
from harborweb.audit.keyless.services import files as keyless_files
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.sweeps import pages as sweep_pages
from harborweb.audit.sweeps import scheduling
from harborweb.audit.words import MEANINGS
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing import limits
from harborweb.verification.verdict import GREEN, Verdict

MOST_EXPLAINED = 20


def _broken(registry: Registry | None) -> Job | None:
    """The job of the newest sweep, where it did not succeed: what the page shows is older, or has gaps."""
    sweeps = Sweep.objects.filter(registry=registry, repository="").select_related("job")
    newest = sweeps.first() if registry else None
    job = newest.job if newest else None
    return job if job and job.settled and job.state != Job.State.SUCCEEDED else None


@requires(Role.VIEWER)
@require_GET
def home(request: Request) -> HttpResponse:
    """Which images carry a signature that really verifies."""
    chosen = Filter.of(request)
    running = sweep_pages.running(chosen.registry)
    job, progress = running or (None, None)
    line = {"job": job, "progress": progress, "registry": chosen.registry}
    if request.htmx.target == "sweep":
        # While it runs its line alone; when it has settled the whole page with what it found.
        return render(request, "audit/_sweep.html", line) if job else HttpResponseClientRefresh()
    summary = services.summary(chosen.registry)
    counted = summary.project(chosen.project) if chosen.project else summary
    page = Pages(chosen, summary).get_page(request.GET.get("page"))
    context = {
        "chosen": chosen, "registry": chosen.registry, "summary": summary, "query": chosen.query(), "page": page,
        "stale_before": scheduling.stale_before(chosen.registry), "chips": overview.chips(chosen, counted),
        "keys_by": overview.key_names(list(page.object_list)),
    }  # fmt: skip
    if request.htmx.target == "verdicts":
        return render(request, "audit/_rows.html", context | {"swapped": True})
    keys = list(services.trusted_public_keys().defer("public_pem"))
    return render(request, "audit/home.html", context | _glance(request, chosen, summary, counted) | {
        **line, "broken": _broken(chosen.registry), "registries": Registry.objects.order_by("name"),
        "panel": sweep_pages.panel(chosen.registry), "overdue": scheduling.overdue(chosen.registry),
        "unfinished": None if job else sweep_pages.unfinished(chosen.registry),
        "keys": keys, "counting": sum(not limits.is_over(key) for key in keys),
    })  # fmt: skip


def _glance(
    request: HttpRequest, chosen: Filter, summary: services.Summary,
    counted: services.ProjectCount | services.Summary | None,
) -> dict[str, object]:  # fmt: skip
    """The counts and drawings above the table."""
    if chosen.registry is None or not summary.total:
        return {}
    counts = counted.counts if counted else {}
    by_count, every = request.GET.get("bars") == "count", request.GET.get("projects") == "all"
    return {
        "tiles": overview.tiles(chosen, counts), "line": overview.line(chosen.registry, chosen.project, counts),
        "bars": overview.bars(chosen, summary, by_count=by_count, every=every), "by_count": by_count,
        "every_project": every, "few": overview.FEW,
    }  # fmt: skip


@requires(Role.SIGNER)
@require_POST
def sweep(request: Request) -> HttpResponse:
    """Start a sweep of the chosen registry and watch it on the audit page."""
    registry = get_object_or_404(Registry, pk=number_in(request.POST.get("registry")))
    project = request.POST.get("project", "")[:255]
    job = services.request_sweep(request, registry, project, every_byte=request.POST.get("bytes") == "all")
    if request.htmx:
        return render(request, "audit/_sweep.html", {"job": job, "registry": registry})
    query = {"registry": registry.pk} | ({"project": project, "verdict": "all"} if project else {})
    return redirect(f"{reverse('audit:home')}?{urlencode(query)}")


@requires(Role.VIEWER)
@require_GET
def export(request: HttpRequest, form: str) -> HttpResponse:
    """The filtered verdicts in one of the forms of a report."""
    if form not in FORMS:
        raise Http404(_("There is no export of this form."))
    chosen, written = Filter.of(request), FORMS[form]
    about = describing.about(chosen.registry, describing.scope(chosen))
    name = report.file_name(f"audit-{chosen.registry.name if chosen.registry else 'empty'}.{written.ending}")
    return HttpResponse(
        written.render(chosen.rows(), about), content_type=written.kind,
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )  # fmt: skip


@requires(Role.VIEWER)
@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One artifact: its verdict, every signature that was seen, and how to check it again."""
    row = get_object_or_404(ArtifactVerdict.objects.select_related("registry", "sweep"), pk=pk)
    parents = list(
        ArtifactVerdict.objects.filter(registry=row.registry, repository=row.repository, digest__in=row.parents)
        .exclude(pk=pk).defer(*WIDE)
    )  # fmt: skip
    green = next((one for one in parents if one.verdict in GREEN), None)
    explanations = explaining.explain(row, overview.keys_of_signatures(row), green)
    context = {
        "row": row, "meaning": MEANINGS[Verdict(row.verdict)], "key": services.key_named(row.key), "parents": parents,
        "explanations": explanations[:MOST_EXPLAINED], "more": max(0, len(explanations) - MOST_EXPLAINED),
        "standing": explaining.standing(row), "stale_before": scheduling.stale_before(row.registry),
    }  # fmt: skip
    return render(request, "audit/detail.html", context)


@requires(Role.VIEWER)
@require_GET
def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """Manifest, payload, signature, keys and commands, for somebody who has nothing of ours."""
    row = get_object_or_404(ArtifactVerdict.objects.select_related("registry"), pk=pk)
    keys = {report.key_file(key.name, key.fingerprint or ""): key.public_pem for key in services.trusted_public_keys()}
    if any(one.get("subject") for one in row.signatures):
        keys |= keyless_files()
    name = report.file_name(f"evidence-{row.repository}-{row.digest[7:19]}.zip")
    return HttpResponse(
        evidence_archive.archive(row, keys),
        content_type="application/zip",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )
