"""The page of sweeps: what ran, when the next one runs, how much it may ask."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.audit import services
from harborweb.audit.choosing import registry_of
from harborweb.audit.models import ArtifactVerdict, Schedule, Sweep
from harborweb.audit.sweeps import pages as sweep_pages
from harborweb.audit.sweeps import scheduling
from harborweb.audit.sweeps.forms import LimitsForm, ScheduleForm
from harborweb.errors import Problem
from harborweb.registry.models import Registry

PAGE = 20


def _address(registry: Registry | None) -> str:
    return reverse("audit:sweeps") + (f"?registry={registry.pk}" if registry else "")


def _forms(registry: Registry, data: Any = None) -> dict[str, Any]:
    rows = {row.kind: row for row in Schedule.objects.filter(registry=registry)}
    lines = sweep_pages.lines(registry)
    schedules = [(line, ScheduleForm.of(rows.get(line.kind), line.kind, data)) for line in lines]
    return {"schedules": schedules, "limits": LimitsForm.of(registry, data)}


@requires(Role.VIEWER)
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every sweep of a registry, and its schedule."""
    registry = registry_of(request)
    return _shown(request, registry, _forms(registry) if registry else {})


def _shown(request: HttpRequest, registry: Registry | None, forms: dict[str, Any], status: int = 200) -> HttpResponse:
    running = sweep_pages.running(registry)
    shown = Paginator(sweep_pages.listed(registry), PAGE).get_page(request.GET.get("page"))
    context = {
        "registry": registry, "registries": Registry.objects.order_by("name"), "page": shown,
        "query": f"registry={registry.pk}" if registry else "", "sweeps": sweep_pages.with_ways_on(list(shown)),
        "job": running[0] if running else None, "progress": running[1] if running else None,
        "panel": sweep_pages.panel(registry), "zone": sweep_pages.zone(), "overdue": scheduling.overdue(registry),
        **forms,
    }  # fmt: skip
    return render(request, "audit/sweeps.html", context, status=status)


@requires(Role.OPERATOR)
@require_POST
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """Save both schedules and the limits of a registry."""
    registry = get_object_or_404(Registry, pk=pk)
    forms = _forms(registry, request.POST)
    checked = [forms["limits"], *(form for _line, form in forms["schedules"])]
    if any(form.errors for form in checked):
        return _shown(request, registry, forms, 422)
    services.set_sweeps(
        request,
        registry,
        {line.kind: form.wanted() for line, form in forms["schedules"]},
        **forms["limits"].cleaned_data,
    )
    messages.success(request, _("The schedule and the limits are saved."))
    return redirect(_address(registry))


@requires(Role.SIGNER)
@require_POST
def go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Continue a sweep that came to no end."""
    this = get_object_or_404(Sweep.objects.select_related("registry", "job"), pk=pk)
    try:
        services.continue_sweep(request, this)
    except Problem as problem:
        messages.error(request, str(problem))
    return redirect(_address(this.registry))


@requires(Role.SIGNER)
@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Check one artifact again now."""
    row = get_object_or_404(ArtifactVerdict.objects.select_related("registry"), pk=pk)
    job = services.request_check(request, row)
    return redirect("jobs:detail", pk=job.pk)
