"""Pages of keys, and the two buttons: sign, verify."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from harborweb.accounts.http import Request, number_in
from harborweb.accounts.roles import Role, requires
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.signing import ranges, services
from harborweb.signing.forms import ImageForm, ImportForm, KeyForm, KmsForm, NameForm, NewKeyForm, SignForm, VerifyForm
from harborweb.signing.limit_forms import LimitsForm
from harborweb.signing.limits import Limits
from harborweb.signing.models import Key
from harborweb.tools import cosign_kms

SECRETS = ("password", "again", "pem")


@requires(Role.VIEWER)
@require_GET
def keys(request: HttpRequest) -> HttpResponse:
    """Every key, and which cosign the workers have."""
    return render(request, "signing/keys.html", {**_table(), "state": services.cosign_state()})


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters(*SECRETS)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Make a key pair."""
    form = NewKeyForm(request.POST or None)
    if form.is_valid():
        typed = form.cleaned_data
        try:
            key = services.request_pair(
                request, typed["name"], typed["password_mode"], typed["password"], trusted=typed["trusted"]
            )
            return redirect("signing:key", key.pk)
        except Problem as problem:
            _refuse(form, problem)
    return _form(request, form, "signing/new.html")


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters(*SECRETS)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def import_key(request: HttpRequest) -> HttpResponse:
    """Take in a public key at once, or a private one by a job."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        typed = form.cleaned_data
        try:
            if form.is_private:
                key = services.request_import(
                    request, typed["name"], typed["password_mode"], typed["password"], typed["pem"],
                    trusted=typed["trusted"],
                )  # fmt: skip
            else:
                key = services.add_public_key(request, typed["name"], typed["pem"].encode(), trusted=typed["trusted"])
            return redirect("signing:key", key.pk)
        except Problem as problem:
            _refuse(form, problem, "pem")
    return _form(request, form, "signing/import.html")


@requires(Role.ADMINISTRATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def connect_kms(request: HttpRequest) -> HttpResponse:
    """Use a key that stays in a KMS."""
    form = KmsForm(request.POST or None)
    if form.is_valid():
        typed = form.cleaned_data
        try:
            key = services.request_kms(request, typed["name"], typed["uri"], trusted=typed["trusted"])
            return redirect("signing:key", key.pk)
        except Problem as problem:
            _refuse(form, problem)
    return _form(request, form, "signing/kms.html", services=cosign_kms.SERVICES)


@requires(Role.VIEWER)
@require_GET
def key(request: HttpRequest, pk: int) -> HttpResponse:
    """One key: its public half, its state, and the job that makes it."""
    return _key_page(request, get_object_or_404(Key.objects.select_related("job"), pk=pk))


@requires(Role.VIEWER)
@require_GET
def public(request: HttpRequest, pk: int) -> HttpResponse:
    """The public half as a file."""
    row = get_object_or_404(Key, pk=pk, state=Key.State.READY)
    headers = {"Content-Disposition": f'attachment; filename="{row.file_name}"'}
    return HttpResponse(row.public_pem, content_type="application/x-pem-file", headers=headers)


@requires(Role.ADMINISTRATOR)
@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name for a key."""
    row = get_object_or_404(Key, pk=pk)
    form = NameForm(request.POST)
    if form.is_valid():
        try:
            services.rename(request, row, form.cleaned_data["name"])
            return redirect("signing:key", pk)
        except Problem as problem:
            _refuse(form, problem)
    return _key_page(request, get_object_or_404(Key, pk=pk), 422, name_form=form)


@requires(Role.ADMINISTRATOR)
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a key for good."""
    row = get_object_or_404(Key, pk=pk)
    try:
        services.delete(request, row, request.POST.get("typed", "").strip())
    except Problem as problem:
        return _key_page(request, row, 422, delete_problem=problem, typed=request.POST.get("typed", ""))
    messages.success(request, _("Key %s is deleted.") % row.name)
    return redirect("signing:keys")


@requires(Role.SIGNER)
@require_POST
def look(request: Request) -> HttpResponse:
    """Ask a worker which cosign it has."""
    return _job(request, services.request_look(request), "signing/_look_job.html")


@requires(Role.SIGNER)
@sensitive_post_parameters("password")
@require_POST
def sign(request: Request) -> HttpResponse:
    """Sign what was seen."""
    form = SignForm(request.POST)
    if form.is_valid():
        typed = form.cleaned_data
        try:
            job = services.request_sign(
                request, typed["registry"], typed["repository"], typed["digest"], typed["tag"], typed["key"],
                annotations=typed["annotations"], password=typed["password"], format=typed["format"],
                expires=typed["expires"], recursive=typed["recursive"],
            )  # fmt: skip
            return _job(request, job, "signing/_sign_job.html")
        except Problem as problem:
            _refuse(form, problem)
    return _panel(request, form, "sign")


@requires(Role.SIGNER)
@require_POST
def verify(request: Request) -> HttpResponse:
    """Ask cosign whether what was seen is signed."""
    form = VerifyForm(request.POST)
    if form.is_valid():
        typed = form.cleaned_data
        try:
            job = services.request_verify(
                request, typed["registry"], typed["repository"], typed["digest"], typed["tag"], typed["key"]
            )
            return _job(request, job, "signing/_verify_job.html")
        except Problem as problem:
            _refuse(form, problem)
    return _panel(request, form, "verify")


def _table() -> dict[str, Any]:
    """Every key, and the chart of when each counts."""
    rows = list(Key.objects.select_related("job", "successor"))
    return {"keys": rows, "chart": ranges.chart(rows)}


def _refuse(form: Any, problem: Problem, default: str | None = None) -> None:
    """Show a Problem at the field it belongs to."""
    field = problem.field or default
    form.add_error(field if field in form.fields else None, str(problem))


def _form(request: HttpRequest, form: KeyForm, template: str, **more: Any) -> HttpResponse:
    context = {"form": form, "state": services.cosign_state(), **more}
    return render(request, template, context, status=422 if form.is_bound else 200)


def _key_page(request: HttpRequest, row: Key, status: int = 200, **more: Any) -> HttpResponse:
    """The page of one key; where making it failed, the form to try again with what was typed (never secrets)."""
    again: KeyForm | None = None
    if row.now == Key.State.FAILED:
        typed = {"name": row.name, "password_mode": row.password_mode, "trusted": row.trusted, "uri": row.kms_uri}
        again = (KmsForm if row.kms_uri else ImportForm if row.imported else NewKeyForm)(initial=typed)
    address = reverse(f"signing:{'kms' if row.kms_uri else 'import' if row.imported else 'new'}")
    context = {"key": row, "again": again, "again_url": address, **more}
    if row.now == Key.State.READY:
        earlier = row.changes.filter(pk=number_in(request.GET.get("restore"))).first()
        limits = Limits.read(earlier.before) if earlier else Limits.of(row)
        context |= {
            **_table(),
            "form": LimitsForm.of(row, limits),
            "restored": earlier,
            "changes": row.changes.all()[:10],
        }
    return render(request, "signing/key.html", context, status=status)


def _job(request: Request, job: Job, fragment: str) -> HttpResponse:
    """The live job in place of the panel, or its page where there is no JavaScript."""
    if request.htmx:
        return render(request, fragment, {"job": job})
    return redirect("jobs:detail", job.pk)


def _panel(request: Request, form: ImageForm, which: str) -> HttpResponse:
    """The panel again with what is wrong, and what was typed still there; without JavaScript a page."""
    image = {name: form.cleaned_data.get(name) for name in ("registry", "repository", "digest", "tag")}
    template = f"signing/_{which}_panel.html" if request.htmx else "signing/panel.html"
    return render(request, template, {**image, "form": form, "which": which}, status=422)
