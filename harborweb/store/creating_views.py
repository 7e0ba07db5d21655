"""Make a project in a Harbor."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.registry.errors import RegistryError
from harborweb.registry.models import Registry
from harborweb.store.harbor import creating
from harborweb.store.project_forms import ProjectForm
from harborweb.store.robot_forms import at_its_field


@requires(Role.OPERATOR)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """The form, with the request that it sends; and the sending."""
    registry = _harbor(pk)
    form = ProjectForm(request.POST or None)
    problem: Problem | None = None
    if request.method == "POST" and form.is_valid():
        try:
            return _create(request, registry, form)
        except Problem as error:
            problem = at_its_field(form, error)
    form.is_valid()
    context = {"form": form, "registry": registry, "problem": problem, "call": creating.call(registry, form.new())}
    return render(request, "store/harbor/project_form.html", context, status=422 if request.method == "POST" else 200)


def _create(request: HttpRequest, registry: Registry, form: ProjectForm) -> HttpResponse:
    new, username = form.new(), form.cleaned_data["administrator"]
    sent = creating.call(registry, new)
    subject = f"{registry.name}/{new.name}"
    try:
        made = creating.create(registry, new, username, form.cleaned_data["password"])
    except RegistryError as error:
        if error.kind == "unsure":
            record(request, "create project, unsure", subject, f"as {username}: {sent.method} {sent.address}")
        raise
    record(request, "create project", subject, f"as {username}: {sent.method} {sent.address} {sent.body}")
    messages.success(request, _("Harbor made the project %s.") % made.name)
    return redirect("store:repositories", registry.pk, made.name)


@requires(Role.OPERATOR)
@sensitive_post_parameters("password")
@require_POST
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The request that the form would send, for what is typed so far; the password does not come along."""
    registry = _harbor(pk)
    form = ProjectForm({key: request.POST.get(key, "") for key in ("name", "access", "quota")})
    form.is_valid()
    return render(request, "store/harbor/_call.html", {"call": creating.call(registry, form.new())})


def _harbor(pk: int) -> Registry:
    registry = get_object_or_404(Registry, pk=pk)
    if not registry.is_harbor:
        raise Http404(_("%s is no Harbor; a plain registry has no projects to make.") % registry.name)
    return registry
