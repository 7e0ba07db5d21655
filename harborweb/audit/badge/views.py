"""The pages about Harbor's badge, and about the policy that goes by it."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.audit.badge import disagreeing as badged
from harborweb.audit.badge import simulator
from harborweb.audit.choosing import registry_of
from harborweb.registry.models import Registry

PAGE = 50


@requires(Role.VIEWER)
@require_GET
def badges(request: HttpRequest) -> HttpResponse:
    """Why Harbor's badge and the signatures disagree, and where."""
    registry = registry_of(request)
    found = badged.count(registry) if registry else badged.Badges()
    signed, none = _("signed"), _("no badge")
    context = {
        "registry": registry, "registries": Registry.objects.order_by("name"),
        "lines": [
            (signed, "bad", _("no valid signature by a trusted key"), found.false, "verdict=all&badge=false"),
            (signed, "unsure", _("could not be checked"), found.unsure, "verdict=unchecked&badge=shown"),
            (none, "warn", _("signed by a trusted key"), found.missing, "verdict=all&badge=missing"),
            (signed, "good", _("signed by a trusted key"), found.verified, "verdict=all&badge=shown"),
        ],
    }  # fmt: skip
    return render(request, "audit/badges.html", context)


@requires(Role.VIEWER)
@require_GET
def simulated(request: HttpRequest) -> HttpResponse:
    """What the content-trust policy would block and let pass if it were on today."""
    registry = registry_of(request)
    wanted, project = request.GET.get("outcome", ""), request.GET.get("project", "")[:255]
    context: dict[str, Any] = {"registry": registry, "registries": Registry.objects.order_by("name")}
    if registry is not None:
        enforced, problem = simulator.enforcing(registry)
        whole, each = simulator.forecasts(registry, enforced)
        chosen = next((one for one in each if one.name == project), None)
        project = chosen.name if chosen else ""
        shown = chosen or whole
        wanted = wanted if wanted in simulator.OUTCOMES else _first(shown)
        page = Paginator(simulator.rows(registry, wanted, project), PAGE).get_page(request.GET.get("page"))
        blocked = simulator.blocked_children(registry, page)
        context |= {
            "whole": whole, "each": each, "project": project, "shown": shown, "wanted": wanted, "page": page,
            "on": sorted(name for name, on in enforced.items() if on), "problem": problem, "asked": bool(enforced),
            "in_use": simulator.in_use(registry, project), "days": simulator.OFTEN.days,
            "outcomes": [(key, *words, shown.counts.get(key, 0)) for key, words in simulator.OUTCOMES.items()],
            "rows": [(row, blocked.get((row.repository, row.digest), 0)) for row in page],
        }  # fmt: skip
    return render(request, "audit/simulator.html", context)


def _first(shown: simulator.Forecast) -> str:
    """The first outcome that anything has."""
    return next((one for one in simulator.OUTCOMES if shown.counts.get(one)), simulator.BLOCKED)
