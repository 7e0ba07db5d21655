"""The registries: list, add, change, test, remove."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.accounts.services import record
from harborweb.audit import services as audit
from harborweb.errors import Problem
from harborweb.registry import seeing, services
from harborweb.registry.models import Registry
from harborweb.store.forms import RegistryForm
from harborweb.store.services import check_words


@requires(Role.VIEWER)
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Every registry that was added here."""
    return render(request, "store/registries.html", {"registries": services.every()})


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """The form for a new registry, which is tested before it is saved."""
    return _edit(request, None)


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """The same form for a registry that is there."""
    return _edit(request, get_object_or_404(Registry, pk=pk))


def _edit(request: HttpRequest, registry: Registry | None) -> HttpResponse:
    form = RegistryForm(request.POST or None, registry=registry)
    problem: Problem | None = None
    if request.method == "POST" and form.is_valid():
        try:
            saved, found = services.save(form.details(), registry)
        except Problem as error:
            if error.field in form.fields:
                form.add_error(error.field, str(error))
            else:
                problem = error
        else:
            record(request, "change registry" if registry else "add registry", saved.name, saved.url)
            messages.success(request, " ".join(check_words(found)))
            if twins := Registry.objects.filter(url=saved.url).exclude(pk=saved.pk).values_list("name", flat=True):
                words = _("%(url)s is here twice, also as %(names)s. Each is swept and shown on its own.")
                messages.warning(request, words % {"url": saved.url, "names": ", ".join(twins)})
            return redirect("store:connection" if saved.is_harbor else "store:projects", saved.pk)
    context = {"form": form, "registry": registry, "problem": problem}
    return render(request, "store/registry_form.html", context, status=422 if request.method == "POST" else 200)


@requires(Role.ADMINISTRATOR)
@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a registry now and say on the page what it answered."""
    registry = get_object_or_404(Registry, pk=pk)
    context: dict[str, Any] = {"registries": services.every(), "tested": registry}
    seeing.look(registry)
    try:
        context["words"] = check_words(services.check(registry.endpoint()))
    except Problem as problem:
        return render(request, "store/registries.html", {**context, "problem": problem}, status=502)
    return render(request, "store/registries.html", context)


@requires(Role.ADMINISTRATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, with the consequences counted, then forget the registry."""
    registry = get_object_or_404(Registry, pk=pk)
    context = {"registry": registry, "verdicts": audit.verdicts(registry).count()}
    if request.method != "POST":
        return render(request, "store/registry_remove.html", context)
    if request.POST.get("typed", "").strip() != registry.name:
        problem = Problem(
            _("Nothing was removed: the name typed is not %s.") % registry.name, _("Type the registry’s name."),
        )  # fmt: skip
        return render(request, "store/registry_remove.html", {**context, "problem": problem}, status=422)
    try:
        services.remove(registry)
    except Problem as problem:
        return render(request, "store/registry_remove.html", {**context, "problem": problem}, status=409)
    record(request, "remove registry", registry.name, registry.url)
    messages.success(request, _("%s was removed here. In the registry itself nothing changed.") % registry.name)
    return redirect("store:registries")
