"""Two registries side by side."""

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.audit import report
from harborweb.audit.compare import reading
from harborweb.audit.compare.comparing import differences
from harborweb.audit.counts import last_sweep
from harborweb.registry.models import Registry

PAGE = 25  # each may have commands


@requires(Role.VIEWER)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Which signatures, digests and tags one registry has and the other lacks."""
    chosen = reading.Chosen.of(request)
    context: dict[str, Any] = {
        "chosen": chosen, "registry": chosen.a, "registries": Registry.objects.order_by("name"),
        "sweeps": [(one, last_sweep(one)) for one in dict.fromkeys((chosen.a, chosen.b)) if one],
    }  # fmt: skip
    if (sides := chosen.sides) is not None:
        found, counts, more = reading.compared(chosen, sides)
        shown = Paginator(found, PAGE).get_page(request.GET.get("page"))
        context |= {
            "page": shown, "counts": counts, "total": sum(counts.found.values()), "more": more,
            "lines": reading.lines(shown, sides, chosen.names), "chips": reading.chips(chosen, counts),
            "query": chosen.query(),
        }  # fmt: skip
    return render(request, "audit/compare.html", context)


@requires(Role.VIEWER)
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """The same as CSV, every difference that the filter wants, with its commands."""
    chosen = reading.Chosen.of(request)
    if (sides := chosen.sides) is None:
        raise Http404(_("There are no two registries to compare."))
    text = reading.to_csv((one for one in differences(*sides) if chosen.wants(one)), sides, chosen.names)
    name = report.file_name(f"compare-{chosen.a}-{chosen.b}.csv")
    return HttpResponse(
        text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f"attachment; filename={name}"}
    )
