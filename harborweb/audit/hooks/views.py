"""The page of a registry's webhooks: which projects tell us, what they told, and the button that makes them."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.audit.hooks import overview, policies
from harborweb.audit.hooks.forms import HookForm
from harborweb.errors import Problem
from harborweb.registry.models import Registry

PAGE = 100


@requires(Role.VIEWER)
@require_GET
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """Which projects of a Harbor tell us, and what they told last."""
    registry = get_object_or_404(Registry, pk=pk)
    base = policies.preset(request, registry)
    form = HookForm(initial={"base": base, "projects": request.GET.get("project", "")[:255]})
    return _page(request, registry, form)


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("password")
@require_POST
def make(request: HttpRequest, pk: int) -> HttpResponse:
    """Have policies made, changed or removed in Harbor."""
    registry = get_object_or_404(Registry, pk=pk)
    form = HookForm(request.POST)
    if not form.is_valid():
        return _page(request, registry, form, status=422)
    try:
        job = policies.request_policies(request, registry, form.asked())
    except Problem as problem:
        form.add_error(problem.field if problem.field in form.fields else None, str(problem))
        return _page(request, registry, form, status=422)
    return redirect("jobs:detail", job.pk)


def _page(request: HttpRequest, registry: Registry, form: HookForm, status: int = 200) -> HttpResponse:
    projects, problem = overview.projects_of(registry)
    rows = overview.lines(registry, projects)
    base = form["base"].value() or policies.preset(request, registry)
    context: dict[str, Any] = {
        "registry": registry, "form": form, "problem": problem, "lines": rows,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "told": overview.told(registry), "notices": overview.quota_notices(registry),
        "events": overview.newest_events(registry), "loopback": policies.is_loopback(str(base)),
        "call": policies.call_text(registry, str(base)), "on": sum(1 for row in rows if row.hook and row.hook.enabled),
        "actions": [
            ("make", _("Tell harborweb about pushes")), ("secret", _("Change the secrets")), ("off", _("Switch off")),
        ],
    }  # fmt: skip
    return render(request, "audit/hooks.html", context, status=status)
