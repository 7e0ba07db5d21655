"""The wizard's pages, and the page of a cache that stopped half-way."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from harborweb.access.cache import making
from harborweb.access.cache.making import Administrator, HalfMade
from harborweb.access.cache.models import Cache
from harborweb.access.cache.presets import PRESETS
from harborweb.access.cache.walking import Shown, at, walk
from harborweb.access.cache.wizard import Wizard
from harborweb.accounts.roles import Role, requires
from harborweb.accounts.services import person, record
from harborweb.errors import Problem
from harborweb.registry.models import Registry


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("secret", "password", "kept")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def wizard(request: HttpRequest, pk: int) -> HttpResponse:
    """Four steps to a cache; everything typed travels in the page."""
    registry = get_object_or_404(Registry, pk=pk)
    if request.method != "POST":
        typed = {"kind": request.GET["kind"]} if "kind" in request.GET else {}
        return _page(request, registry, at(Wizard.of(typed, person(request).pk, pk), "upstream"))
    shown = walk(Wizard.of(request.POST, person(request).pk, pk), request.POST.get("action", "next"), registry)
    _tell(request, registry, shown)
    if shown.made:
        messages.success(request, _("The cache %s is there.") % shown.made.project)
        return redirect("access:cache_clients", pk, shown.made.project)
    return _page(request, registry, shown)


def _tell(request: HttpRequest, registry: Registry, shown: Shown) -> None:
    """Write what was done into the trail."""
    if row := shown.made:
        record(request, "make pull-through cache", row.project, f"{row.upstream_url} → {registry.name}")
    elif row := shown.half:
        record(request, "make upstream", row.upstream_name, f"{row.upstream_url} → {registry.name}; no project yet")
    elif shown.undone:
        record(request, "remove upstream", shown.wizard.upstream().name, registry.name)


def _page(request: HttpRequest, registry: Registry, shown: Shown) -> HttpResponse:
    wizard = shown.wizard
    context = {
        "registry": registry, "shown": shown, "wizard": wizard, "form": shown.form, "steps": wizard.bar(),
        "problem": shown.problem, "presets": PRESETS,
        "calls": making.shown_calls(wizard.plan()) if wizard.step == "review" and not wizard.first_wrong else [],
    }  # fmt: skip
    return render(request, "access/cache/wizard.html", context, status=shown.status)


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def half(request: HttpRequest, number: int) -> HttpResponse:
    """A cache whose upstream was made without its project: what exists, go on, or remove it."""
    row = get_object_or_404(Cache, pk=number, whole=False)
    if request.method != "POST":
        return render(request, "access/cache/half.html", {"row": row})
    admin = Administrator(request.POST.get("admin", "").strip(), request.POST.get("password", ""))
    undo = request.POST.get("action") == "undo"
    try:
        if undo:
            making.undo(row, admin)
        else:
            making.finish(row, admin, reuse=request.POST.get("action") == "reuse")
    except Problem as problem:
        why = problem.why if isinstance(problem, HalfMade) else problem
        usable = getattr(why, "usable", False)
        return render(request, "access/cache/half.html", {"row": row, "problem": why, "usable": usable}, status=422)
    if undo:
        record(request, "remove upstream", row.upstream_name, row.registry.name)
        return redirect("access:cache")
    record(request, "make pull-through cache", row.project, f"{row.upstream_url} → {row.registry.name}")
    return redirect("access:cache_clients", row.registry_id, row.project)
