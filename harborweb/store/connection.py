"""A registry's connection: what was last seen of it, what our accounts may do there, and our robots."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.registry import probing, robot_services, seeing
from harborweb.registry.models import Registry, Robot
from harborweb.store.connection_words import page_of, table
from harborweb.store.robot_forms import AsAdministratorForm, RobotsForm, at_its_field


@requires(Role.VIEWER)
@require_GET
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """What was last seen; asks nobody."""
    registry = get_object_or_404(Registry, pk=pk)
    return render(request, "store/connection.html", page_of(registry))


@requires(Role.ADMINISTRATOR)
@require_POST
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at the registry now."""
    registry = seeing.look(get_object_or_404(Registry, pk=pk))
    if not registry.fault:
        messages.success(request, _("%s answered.") % registry.name)
    return redirect("store:connection", pk)


@requires(Role.ADMINISTRATOR)
@require_POST
def rights(request: HttpRequest, pk: int) -> HttpResponse:
    """Find out now what our accounts may do there."""
    registry = get_object_or_404(Registry, pk=pk)
    try:
        probing.check_rights(registry)
    except Problem as problem:
        context = {**page_of(registry), "problem": problem}
        return render(request, "store/connection.html", context, status=502)
    record(request, "check rights", registry.name)
    return redirect("store:connection", pk)


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def robots(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for an administrator of Harbor and make the robots with it; the same form makes them anew."""
    registry = get_object_or_404(Registry, pk=pk)
    form = RobotsForm(request.POST or None, registry=registry)
    problem: Problem | None = None
    if request.method == "POST" and form.is_valid():
        try:
            job = robot_services.request_robots(request, registry, form.asked())
        except Problem as error:
            problem = at_its_field(form, error)
        else:
            return redirect("jobs:detail", job.pk)
    context = {"registry": registry, "form": form, "problem": problem, "needs": table(), "page": page_of(registry)}
    return render(request, "store/robots_form.html", context, status=422 if request.method == "POST" else 200)


@requires(Role.ADMINISTRATOR)
@require_POST
def renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Renew every robot now, by the one that may."""
    registry = get_object_or_404(Registry, pk=pk)
    try:
        return redirect("jobs:detail", robot_services.request_rotation(request, registry).pk)
    except Problem as problem:
        return render(request, "store/connection.html", {**page_of(registry), "problem": problem}, status=409)


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def robots_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first, then delete our robots in Harbor."""
    registry = get_object_or_404(Registry, pk=pk)
    keeper = registry.robot(Robot.Purpose.KEEP)
    form = AsAdministratorForm(request.POST or None, optional=keeper is not None)
    problem: Problem | None = None
    if request.method == "POST" and form.is_valid():
        try:
            job = robot_services.request_removal(request, registry, form.asked())
        except Problem as error:
            problem = at_its_field(form, error)
        else:
            return redirect("jobs:detail", job.pk)
    context = {"registry": registry, "form": form, "problem": problem, "keeper": keeper, **page_of(registry)}
    return render(request, "store/robots_remove.html", context, status=422 if request.method == "POST" else 200)


@requires(Role.ADMINISTRATOR)
@require_POST
def forget(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Drop a robot that was left in Harbor from the list here."""
    robot_services.forget(request, get_object_or_404(Robot, pk=number, registry=pk))
    return redirect("store:connection", pk)
