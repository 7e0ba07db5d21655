"""The page of what someone should act on."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.http import Request, number_in
from harborweb.accounts.roles import Role, requires
from harborweb.audit import services as audit
from harborweb.audit.findings import listing, services
from harborweb.audit.models import Finding
from harborweb.errors import Problem
from harborweb.registry.models import Registry

PAGE = 50


@requires(Role.VIEWER)
@require_GET
def home(request: Request) -> HttpResponse:
    """What someone should act on, by what has to be done."""
    return _page(request, listing.filter_of(request))


@requires(Role.SIGNER)
@require_POST
def acknowledge(request: Request) -> HttpResponse:
    """Take chosen findings, or all that the filter shows, off the first list."""
    registry = get_object_or_404(Registry, pk=number_in(request.POST.get("registry")))
    chosen = listing.Filter.of(registry, request.POST)
    rows = chosen.rows()
    if request.POST.get("all") != "yes":
        picked = [number_in(one) for one in request.POST.getlist("finding")][:PAGE]
        rows = rows.filter(pk__in=picked)
    try:
        count = services.acknowledge(request, rows, request.POST.get("note", ""))
    except Problem as problem:
        return _page(request, chosen, problem, status=422)
    return redirect(f"{reverse('audit:findings')}?{chosen.query()}&done={count}")


@requires(Role.VIEWER)
@require_GET
def detail(request: Request, pk: int) -> HttpResponse:
    """The life of one finding."""
    finding = get_object_or_404(Finding.objects.select_related("registry"), pk=pk)
    row = audit.verdict_for(finding.registry, finding.repository, finding.digest)
    todo = listing.WHAT_TO_DO[finding.kind]
    context = {"finding": finding, "row": row, "events": finding.events.all()[:200], "todo": todo[0]}
    return render(request, "audit/finding.html", context)


@requires(Role.SIGNER)
@require_POST
def reopen(request: Request, pk: int) -> HttpResponse:
    """Put an acknowledged finding back on the first list."""
    finding = get_object_or_404(Finding, pk=pk)
    services.reopen(request, finding)
    back = request.POST.get("back", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if safe else reverse("audit:finding", args=[pk]))


def _page(request: Request, chosen: listing.Filter, problem: Problem | None = None, status: int = 200) -> HttpResponse:
    found = Paginator(chosen.rows().select_related("registry"), PAGE).get_page(request.GET.get("page"))
    context = {
        "chosen": chosen, "registry": chosen.registry, "registries": Registry.objects.order_by("name"), "page": found,
        "rows": listing.with_rows(list(found.object_list)), "groups": chosen.groups(), "states": chosen.states(),
        "projects": listing.projects(chosen.registry), "query": chosen.query(), "problem": problem,
        "note": request.POST.get("note", "")[: services.LONGEST_NOTE], "picked": request.POST.getlist("finding"),
        "done": request.GET.get("done", "")[:9], "swept": audit.last_sweep(chosen.registry),
        "may": request.user.is_authenticated and request.user.role >= Role.SIGNER,
    }  # fmt: skip
    partly = request.htmx.target == "findings"
    return render(request, "audit/_findings.html" if partly else "audit/findings.html", context, status=status)
