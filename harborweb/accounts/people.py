"""The people page: who may come in, and what they may do."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts import services
from harborweb.accounts.forms import PersonForm, RoleForm
from harborweb.accounts.models import User
from harborweb.accounts.roles import Role, requires
from harborweb.errors import Problem


def _show(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    people = User.objects.order_by("-is_active", "-role", "username")
    context = {"people": people, "form": PersonForm(), "roles": Role.choices, **more}
    return render(request, "accounts/people.html", context, status=status)


@requires(Role.ADMINISTRATOR)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Everybody, with role and state."""
    return _show(request)


@requires(Role.ADMINISTRATOR)
@never_cache
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """A new person; answers with their one-time link, shown this once."""
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _show(request, 422, form=form)
    try:
        person = services.add_person(form.cleaned_data["username"], form.cleaned_data["role"])
    except Problem as problem:
        form.add_error(problem.field or None, str(problem))
        return _show(request, 422, form=form)
    services.record(request, "add person", person.username, Role(person.role).name.lower())
    return _show(request, made=person, link=request.build_absolute_uri(services.new_link(person)))


@requires(Role.ADMINISTRATOR)
@require_POST
def role(request: HttpRequest, pk: int) -> HttpResponse:
    """Another role for somebody."""
    person, form = get_object_or_404(User, pk=pk), RoleForm(request.POST)
    if not form.is_valid():
        return _show(request, 422, problem=Problem(_("The role was not changed."), _("Choose one of the four roles.")))
    wanted: Role = form.cleaned_data["role"]
    try:
        services.set_role(person, wanted, services.person(request))
    except Problem as problem:
        return _show(request, 409, problem=problem)
    services.record(request, "change role", person.username, wanted.name.lower())
    messages.success(request, _("%(name)s is now %(role)s.") % {"name": person.username, "role": wanted.label})
    return redirect("accounts:people")


@requires(Role.ADMINISTRATOR)
@require_POST
def active(request: HttpRequest, pk: int) -> HttpResponse:
    """Deactivate somebody, or activate them again."""
    person = get_object_or_404(User, pk=pk)
    wanted = request.POST.get("active") == "1"
    try:
        services.set_active(person, wanted, services.person(request))
    except Problem as problem:
        return _show(request, 409, problem=problem)
    services.record(request, "activate" if wanted else "deactivate", person.username)
    sentence = _("%(name)s may come in again.") if wanted else _("%(name)s is signed out and cannot come in any more.")
    messages.success(request, sentence % {"name": person.username})
    return redirect("accounts:people")


@requires(Role.ADMINISTRATOR)
@never_cache
@require_POST
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """A new one-time link for somebody who forgot their password; it is forgotten here too."""
    person = get_object_or_404(User, pk=pk, is_active=True)
    try:
        path = services.reset_password(person, services.person(request))
    except Problem as problem:
        return _show(request, 409, problem=problem)
    services.record(request, "new sign-in link", person.username)
    return _show(request, made=person, link=request.build_absolute_uri(path))
