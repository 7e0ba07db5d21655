"""Pages for others, without sign-in where so set; and the private keys that administrators take away."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from harborweb.accounts.roles import Role, public, requires
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing import handing_out
from harborweb.signing.models import Key


@public
@require_GET
def public_page(request: HttpRequest) -> HttpResponse:
    """The published keys, for everybody; 404 while the page is switched off."""
    page = handing_out.public_page()
    if not page.shown:
        raise Http404
    registries = list(Registry.objects.order_by("name"))
    keys = [
        (key, request.build_absolute_uri(reverse("signing:published", args=[key.name])), _how(key, registries))
        for key in handing_out.published()
    ]
    return render(request, "signing/public.html", {"page": page, "keys": keys})


def _how(key: Key, registries: list[Registry]) -> list[tuple[Registry, list[handing_out.Command]]]:
    return [(registry, handing_out.commands(key, registry)) for registry in registries]


@public
@require_GET
def published(request: HttpRequest, name: str) -> HttpResponse:
    """A published key as PEM; every other name is 404 alike."""
    key = handing_out.published_key(name)
    if key is None:
        raise Http404
    return HttpResponse(key.public_pem, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


@requires(Role.ADMINISTRATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def publishing(request: HttpRequest) -> HttpResponse:
    """Switch the page for others on or off."""
    if request.method == "POST":
        handing_out.set_public_page(request, request.POST.get("shown") == "on", request.POST.get("words", ""))
        messages.success(request, _("Saved."))
        return redirect("signing:publishing")
    context = {"page": handing_out.public_page(), "keys": handing_out.published()}
    return render(request, "signing/publishing.html", context)


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("own", "password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a private key away."""
    key = get_object_or_404(Key, pk=pk, state=Key.State.READY, kind=Key.Kind.PAIR)
    problem = None
    if request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in ("typed", "own", "password")}
        try:
            job = handing_out.request_export(request, key, typed["typed"].strip(), typed["own"], typed["password"])
            return redirect("jobs:detail", job.pk)
        except Problem as refusal:
            problem = refusal
    typed_name = request.POST.get("typed", "")
    context = {"key": key, "problem": problem, "typed": typed_name, "least": handing_out.LEAST_PASSWORD}
    return render(request, "signing/export.html", context, status=422 if problem else 200)


@requires(Role.ADMINISTRATOR)
@never_cache
@require_POST
def exported(request: HttpRequest, pk: int) -> HttpResponse:
    """The file of an export, once, for who asked for it."""
    job = get_object_or_404(Job, pk=pk, kind="export_key")
    try:
        name, data = handing_out.take_export(request, job)
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("jobs:detail", pk)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(data, content_type="application/octet-stream", headers=headers)
