"""The page of what changed."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from harborweb.accounts.http import Request
from harborweb.accounts.roles import Role, requires
from harborweb.audit.changes import pruning, reading
from harborweb.audit.models import Change
from harborweb.registry.models import Registry

PAGE = 50


@requires(Role.VIEWER)
@require_GET
def page(request: Request) -> HttpResponse:
    """What changed in a registry, newest first."""
    chosen = reading.Filter.of(request)
    found = Paginator(chosen.rows().select_related("sweep"), PAGE).get_page(request.GET.get("page"))
    last, counts = reading.since_last_sweep(chosen.registry)
    context = {
        "chosen": chosen, "registry": chosen.registry, "registries": Registry.objects.order_by("name"),
        "page": found, "groups": reading.groups(found), "kinds": chosen.kinds(), "last": last, "counts": counts,
        "times": reading.TIMES.items(), "days": pruning.KEPT_DAYS, "most": pruning.MOST_CHANGES,
        "projects": Change.objects.filter(registry=chosen.registry).order_by("project")
        .values_list("project", flat=True).distinct(),
    }  # fmt: skip
    partly = request.htmx.target == "changes"
    return render(request, "audit/_changes.html" if partly else "audit/changes.html", context)
