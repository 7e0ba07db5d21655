"""The page of keyless signatures."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.audit.keyless import changing, services
from harborweb.audit.keyless.forms import IdentityForm, RootForm
from harborweb.audit.models import TrustedIdentity
from harborweb.errors import Problem
from harborweb.verification.keyless import MAX_ROOT_BYTES

KINDS = {
    "fulcio": gettext_lazy("Certificate authority"),
    "rekor": gettext_lazy("Transparency log"),
    "ct": gettext_lazy("Log of certificates"),
    "tsa": gettext_lazy("Time stamps"),
}


@requires(Role.VIEWER)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """What keyless signatures are verified with, and whose count."""
    return _page(request)


@requires(Role.ADMINISTRATOR)
@require_POST
def root(request: HttpRequest) -> HttpResponse:
    """Give a trusted root, or take it away."""
    if request.POST.get("action") == "remove":
        changing.take_away(request)
        return redirect("audit:keyless")
    form = RootForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            changing.give(request, form.cleaned_data["file"].read(MAX_ROOT_BYTES + 1))
        except Problem as problem:
            form.add_error("file", str(problem))
        else:
            messages.success(request, _("Saved. The next sweep verifies keyless signatures with this root."))
            return redirect("audit:keyless")
    return _page(request, root_form=form, status=422)


@requires(Role.ADMINISTRATOR)
@require_POST
def allow(request: HttpRequest) -> HttpResponse:
    """Count an identity."""
    form = IdentityForm(request.POST)
    if form.is_valid():
        try:
            services.allow(request, **form.cleaned_data)
            return redirect("audit:keyless")
        except Problem as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    return _page(request, identity_form=form, status=422)


@requires(Role.ADMINISTRATOR)
@require_POST
def disallow(request: HttpRequest, pk: int) -> HttpResponse:
    """Count an identity no more."""
    changing.disallow(request, get_object_or_404(TrustedIdentity, pk=pk))
    return redirect("audit:keyless")


def _page(request: HttpRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    given = services.given()
    parts = given.root.parts if given and given.root else ()
    context = {
        "given": given, "parts": [(KINDS[part.kind], part) for part in parts],
        "identities": TrustedIdentity.objects.all(), "root_form": RootForm(), "identity_form": IdentityForm(), **forms,
    }  # fmt: skip
    return render(request, "audit/keyless.html", context, status=status)
