"""Pages about keys that need the verdicts: what a limit would do, before it is saved."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from harborweb.accounts.http import Request
from harborweb.accounts.roles import Role, requires
from harborweb.audit.keys import charts, services
from harborweb.audit.keys.impact import Impact
from harborweb.errors import Problem
from harborweb.signing.limit_forms import LimitsForm
from harborweb.signing.models import Key

FIRST, PAGE = 6, 50


@requires(Role.ADMINISTRATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def impact(request: Request, pk: int) -> HttpResponse:
    """What the limits typed would do to the verdicts; saves nothing."""
    key = get_object_or_404(Key, pk=pk, state=Key.State.READY)
    form = LimitsForm(key, request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return _page(request, key, form, None)
    return _page(request, key, form, services.impact(key, form.limits()))


@requires(Role.ADMINISTRATOR)
@require_POST
def save(request: Request, pk: int) -> HttpResponse:
    """Save what was previewed, and judge again."""
    key = get_object_or_404(Key, pk=pk, state=Key.State.READY)
    form = LimitsForm(key, request.POST)
    if not form.is_valid():
        return _page(request, key, form, None)
    limits = form.limits()
    try:
        job = services.save(
            request, key, limits, request.POST.get("seen", ""), restored=request.POST.get("restored") == "1"
        )
    except Problem as problem:
        context = context_of(request, key, form, services.impact(key, limits)) | {"problem": problem}
        return render(request, "audit/keys/impact.html", context, status=422)
    messages.success(
        request,
        _("The limits of %s are saved. Its verdicts are being brought up to date.") % key.name
        if job else _("The limits of %s are saved. No verdict changes.") % key.name,
    )  # fmt: skip
    return redirect("signing:key", pk)


def context_of(request: HttpRequest, key: Key, form: LimitsForm, found: Impact | None) -> dict[str, Any]:
    """What the templates of an impact show."""
    context: dict[str, Any] = {"key": key, "form": form, "impact": found}
    if found is None:
        return context
    rows = found.loses or found.gains
    page = Paginator(rows, PAGE if request.GET.get("all") else FIRST).get_page(request.GET.get("page"))
    query = (request.POST if request.method == "POST" else request.GET).copy()
    for name in ("csrfmiddlewaretoken", "seen", "page", "all"):
        query.pop(name, None)
    return context | {
        "page": page, "rows": services.shown(list(page.object_list)), "all": request.GET.get("all"),
        "whole": charts.whole(found), "projects": charts.projects(found.projects(gains=not found.loses)),
        "impact_projects": len(found.projects(gains=not found.loses)), "changed": form.changed_names(),
        "button": services.words(key, form.limits(), found), "seen": services.mark(form.limits(), found),
        "restored": query.get("restored"),
        "address": f"{reverse('audit:key_impact', args=[key.pk])}?{query.urlencode()}&all=1",
    }  # fmt: skip


def _page(request: Request, key: Key, form: LimitsForm, found: Impact | None) -> HttpResponse:
    context = context_of(request, key, form, found)
    template = "audit/keys/_preview.html" if request.htmx else "audit/keys/impact.html"
    return render(request, template, context, status=422 if form.errors else 200)
