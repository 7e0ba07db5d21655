"""The pages of caches: all of a Harbor, one, its client's side; and Docker Hub's limit."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from harborweb.access.cache import services
from harborweb.access.cache.presets import PRESETS
from harborweb.accounts.roles import Role, requires
from harborweb.errors import Problem
from harborweb.registry.models import Registry


@requires(Role.VIEWER)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The caches of a Harbor, and what stopped half-way."""
    registry = services.chosen(request.GET.get("registry", ""))
    context: dict[str, Any] = {"registries": Registry.objects.all(), "registry": registry, "presets": PRESETS}
    if registry is None:
        return render(request, "access/cache/home.html", context)
    try:
        context |= services.listed(registry)
    except Problem as problem:
        context |= {"problem": problem, "half": services.half_made(registry)}
        return render(request, "access/cache/home.html", context, status=502)
    return render(request, "access/cache/home.html", context)


@requires(Role.VIEWER)
@sensitive_post_parameters("said")
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, pk: int, project: str) -> HttpResponse:
    """One cache: what it holds, how often it helped, what Docker Hub still allows, and what clients may hear.

    What a client said comes by POST, so that it stands in no address and no access log.
    """
    registry = get_object_or_404(Registry, pk=pk)
    context: dict[str, Any] = {"registry": registry, "project": project}
    try:
        context |= services.one(
            registry, project, request.GET.get("upstream", ""), request.POST.get("said", "").strip()
        )
    except Problem as problem:
        return render(request, "access/cache/page.html", {**context, "problem": problem}, status=502)
    return render(request, "access/cache/page.html", context)


@requires(Role.VIEWER)
@require_GET
def clients(request: HttpRequest, pk: int, project: str) -> HttpResponse:
    """How each tool pulls through the cache; what was typed into its forms is in the address."""
    registry = get_object_or_404(Registry, pk=pk)
    context = {"registry": registry, "project": project}
    try:
        context |= services.client_side(registry, project, request.GET)
    except Problem as problem:
        return render(request, "access/cache/clients.html", {**context, "problem": problem}, status=502)
    return render(request, "access/cache/clients.html", context, status=422 if context.get("faults") else 200)


@requires(Role.VIEWER)
@sensitive_post_parameters("password")
@never_cache
@require_POST
def limit(request: HttpRequest) -> HttpResponse:
    """Ask Docker Hub how many pulls are left, as nobody or with a login typed for it; back to the cache's page."""
    try:
        services.measure(request.POST.get("account", "").strip(), request.POST.get("password", ""))
    except Problem as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("Docker Hub answered."))
    pk, project = request.POST.get("registry", ""), request.POST.get("project", "")
    if pk.isdecimal() and project:
        return redirect(f"{reverse('access:cache_page', args=[pk, project])}#hub")
    return redirect("access:cache")
