"""The page of what others take along."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.audit import describing
from harborweb.audit.filtering import Filter
from harborweb.audit.handing import services
from harborweb.audit.handing.forms import ReportForm
from harborweb.audit.handing.making import LASTS
from harborweb.audit.models import Handout
from harborweb.errors import Problem
from harborweb.registry.models import Registry


@requires(Role.VIEWER)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What there is to take along, and the forms for more; the address says what of."""
    return _home(request, Filter.of(request))


def _home(
    request: HttpRequest, chosen: Filter, form: ReportForm | None = None, problem: Problem | None = None
) -> HttpResponse:
    context = {
        "chosen": chosen, "registry": chosen.registry, "scope": describing.scope(chosen), "query": chosen.query(),
        "handouts": services.of_registry(chosen.registry), "form": form or ReportForm(), "problem": problem,
        "days": LASTS.days, "everything": Filter(chosen.registry, "all").query(),
    }  # fmt: skip
    refused = problem is not None or (form is not None and bool(form.errors))
    return render(request, "audit/handouts.html", context, status=422 if refused else 200)


@requires(Role.SIGNER)
@require_POST
def make(request: HttpRequest, registry: int, kind: str) -> HttpResponse:
    """Make a signed report, or an archive of evidence; the fields of the filter come along."""
    # "key" is the field of the key that signs; the one that is filtered by comes under another name.
    values = request.POST.dict() | {"key": request.POST.get("of_key", "")}
    chosen = Filter.given(values, get_object_or_404(Registry, pk=registry))
    form = ReportForm(request.POST)
    try:
        if kind == Handout.Kind.EVIDENCE:
            services.request_evidence(request, chosen)
        elif form.is_valid():
            services.request_report(request, chosen, form.cleaned_data["key"], form.cleaned_data["password"])
        else:
            return _home(request, chosen, form)
    except Problem as problem:
        return _home(request, chosen, None, problem)
    response = redirect("audit:handouts")
    response["Location"] += f"?{chosen.query()}"
    return response


@requires(Role.VIEWER)
@require_GET
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The file itself."""
    handout = get_object_or_404(Handout, pk=pk, ready=True, expires__gt=timezone.now())
    return StreamingHttpResponse(
        services.pieces(handout), content_type="application/zip",
        headers={
            "Content-Disposition": f"attachment; filename={handout.name}", "Content-Length": str(handout.size),
        },
    )  # fmt: skip


@requires(Role.SIGNER)
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete it before it expires."""
    handout = get_object_or_404(Handout.objects.select_related("registry"), pk=pk)
    services.remove(request, handout)
    response = redirect("audit:handouts")
    response["Location"] += f"?registry={handout.registry_id}&verdict=all"
    return response
