"""The pages of deployment."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms as django_forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import services as configuration
from harborweb.deployment import outcomes, pages, putting_right, services
from harborweb.deployment.forms import DeployForm, FolderForm, UploadForm, UrlForm
from harborweb.deployment.models import Deployment, Installer
from harborweb.errors import Problem
from harborweb.jobs.models import Job


@requires(Role.VIEWER)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What runs, what it needs, what was deployed."""
    return _home(request)


def _home(request: HttpRequest, problem: Problem | None = None) -> HttpResponse:
    context = pages.home()
    needs, trouble = pages.what_needs(context["host"], context["silent"]), outcomes.troubled()
    context |= {"trouble": trouble, "trouble_end": trouble and outcomes.end(trouble)}
    return render(
        request, "deployment/home.html", {**context, "needs": needs, "problem": problem}, status=409 if problem else 200
    )


@requires(Role.VIEWER)
@require_safe
def containers(request: HttpRequest) -> HttpResponse:
    """The table of containers, which the page asks for again and again."""
    titled = "titled" in request.GET  # the page that asks has the standing in its title
    return render(request, "deployment/_containers.html", {**pages.home(), "titled": titled, "swap": titled})


@requires(Role.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def deploy(request: HttpRequest) -> HttpResponse:
    """Say what a deployment will do, and do it once confirmed."""
    context = pages.home()
    # what runs stays with its version unless another is chosen: a newer one is an upgrade
    proposed = context["running"].installer if context["running"] else context["installer"]
    initial = {
        "revision": request.GET.get("revision") or (context["revision"] and context["revision"].number),
        "installer": getattr(proposed, "pk", None),
        "with_trivy": bool(context["running"] and context["running"].with_trivy), "roll_back": True,
    }  # fmt: skip
    form = DeployForm(request.POST or None, initial=initial)
    status, problem = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                deployment = services.deploy(
                    request, form.cleaned_data["revision"], form.cleaned_data["installer"],
                    with_trivy=form.cleaned_data["with_trivy"], roll_back=form.cleaned_data["roll_back"],
                )  # fmt: skip
            except Problem as refused:
                status, problem = 409, refused
            else:
                return redirect("deployment:detail", number=deployment.number)
    shown = {**context, "form": form, "problem": problem, "preview": _preview(initial)}
    return render(request, "deployment/deploy.html", shown, status=status)


def _preview(chosen: Mapping[str, Any]) -> outcomes.Preview | None:
    """What deploying these would change; None where one of them is none, or cannot be read."""
    form = DeployForm(chosen)
    try:
        if form.is_valid():
            return outcomes.preview(form.cleaned_data["revision"], form.cleaned_data["installer"])
    except Problem:  # a revision that cannot be read says so where it is deployed
        return None
    return None


@requires(Role.OPERATOR)
@require_safe
def preview(request: HttpRequest) -> HttpResponse:
    """What deploying the chosen revision from the chosen installer would change; a part of the page of deploying."""
    return render(request, "deployment/_preview.html", {"preview": _preview(request.GET)})


@requires(Role.VIEWER)
@require_safe
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """One deployment with its steps, its log and the containers."""
    return _detail(request, number)


def _detail(request: HttpRequest, number: int, problem: Problem | None = None) -> HttpResponse:
    deployment = _deployment(number)
    context = {
        **pages.home(), "deployment": deployment, "job": deployment.job, "own_page": True, "problem": problem,
        "by_hand": pages.by_hand(deployment), **_ending(deployment),
    }  # fmt: skip
    return render(request, "deployment/detail.html", context, status=409 if problem else 200)


def _deployment(number: int) -> Deployment:
    rows = Deployment.objects.select_related("revision", "installer", "job", "recovery")
    return get_object_or_404(rows, number=number)


def _ending(deployment: Deployment) -> dict[str, Any]:
    return {"deployment": deployment, "end": outcomes.end(deployment), **outcomes.asks(deployment)}


@requires(Role.VIEWER)
@require_safe
def ending(request: HttpRequest, number: int) -> HttpResponse:
    """How a deployment left the host; the page of the deployment asks for it while it may change."""
    return render(request, "deployment/_ending.html", _ending(_deployment(number)))


@requires(Role.OPERATOR)
@require_POST
def put_right(request: HttpRequest, number: int) -> HttpResponse:
    """Put back what was there before an interrupted deployment, or leave it as it is."""
    return _repair(request, number, lambda one: putting_right.put_right(request, one, leave="leave" in request.POST))


@requires(Role.OPERATOR)
@require_POST
def put_back(request: HttpRequest, number: int) -> HttpResponse:
    """Put back what was there before a deployment that stands."""
    return _repair(request, number, lambda one: putting_right.put_back(request, one))


def _repair(request: HttpRequest, number: int, ask: Callable[[Deployment], Job]) -> HttpResponse:
    try:
        ask(_deployment(number))
    except Problem as problem:
        return _detail(request, number, problem)
    return redirect("deployment:detail", number=number)


@requires(Role.OPERATOR)
@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """Stop what runs."""
    return _stack(request, services.stop)


@requires(Role.OPERATOR)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Start what was stopped."""
    return _stack(request, services.start)


def _stack(request: HttpRequest, ask: Callable[[HttpRequest], Job]) -> HttpResponse:
    try:
        job = ask(request)
    except Problem as problem:
        return _home(request, problem)
    return redirect("jobs:detail", pk=job.pk)


@requires(Role.VIEWER)
@require_safe
def installer(request: HttpRequest) -> HttpResponse:
    """The newest installer, and the three ways to get another."""
    return _installer(request, Installer.objects.select_related("job").first())


@requires(Role.VIEWER)
@require_safe
def installer_one(request: HttpRequest, pk: int) -> HttpResponse:
    """One installer."""
    return _installer(request, get_object_or_404(Installer, pk=pk))


def _installer(
    request: HttpRequest, shown: Installer | None, status: int = 200, **forms: django_forms.Form
) -> HttpResponse:
    context = {
        "installer": shown, "draft": configuration.current_draft(), "others": Installer.objects.filter(ready=True)[:10],
        "host": pages.host(), "silent": pages.is_silent(pages.host(), None), "limit": settings.INSTALLER_MAX_BYTES,
        "folder_form": FolderForm(auto_id="folder_%s", initial=_given(shown, Installer.Source.FOLDER)),
        "upload_form": UploadForm(auto_id="upload_%s", initial=_given(shown, Installer.Source.UPLOAD)),
        "url_form": UrlForm(auto_id="url_%s", initial=_given(shown, Installer.Source.URL)), **forms,
    }  # fmt: skip
    return render(request, "deployment/installer.html", context, status=status)


def _given(shown: Installer | None, source: str) -> dict[str, str]:
    """What was typed for an installer that did not become one, to be mended and sent again."""
    if shown is None or shown.ready or shown.source != source:
        return {}
    return {source: shown.name, "expected_sha256": shown.expected_sha256}


def _refused(request: HttpRequest, name: str, form: django_forms.Form, problem: Problem | None = None) -> HttpResponse:
    """The page again, with what was typed and the problem at its field."""
    if problem:
        form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    return _installer(request, Installer.objects.select_related("job").first(), 422, **{name: form})


@requires(Role.OPERATOR)
@require_POST
def installer_folder(request: HttpRequest) -> HttpResponse:
    """Use an installer that lies on the host."""
    form = FolderForm(request.POST, auto_id="folder_%s")
    if not form.is_valid():
        return _refused(request, "folder_form", form)
    try:
        added = services.add_folder(request, form.cleaned_data["folder"])
    except Problem as problem:
        return _refused(request, "folder_form", form, problem)
    return redirect("deployment:installer_one", pk=added.pk)


@requires(Role.OPERATOR)
@require_POST
def installer_upload(request: HttpRequest) -> HttpResponse:
    """Take an uploaded archive; it goes to the host worker through the database."""
    form = UploadForm(request.POST, request.FILES, auto_id="upload_%s")
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.INSTALLER_MAX_BYTES + 1024 * 1024:
        form.full_clean()
        form.errors.pop("archive", None)  # the handler took no file that large
        return _refused(request, "upload_form", form, services.too_large())
    if not form.is_valid():
        return _refused(request, "upload_form", form)
    file = form.cleaned_data["archive"]
    try:
        added = services.add_upload(request, file, file.name, form.cleaned_data["expected_sha256"])
    except Problem as problem:
        return _refused(request, "upload_form", form, problem)
    return redirect("deployment:installer_one", pk=added.pk)


@requires(Role.OPERATOR)
@require_POST
def installer_url(request: HttpRequest) -> HttpResponse:
    """Have an archive fetched."""
    form = UrlForm(request.POST, auto_id="url_%s")
    if not form.is_valid():
        return _refused(request, "url_form", form)
    try:
        added = services.add_url(request, form.cleaned_data["url"], form.cleaned_data["expected_sha256"])
    except Problem as problem:
        return _refused(request, "url_form", form, problem)
    return redirect("deployment:installer_one", pk=added.pk)


@requires(Role.OPERATOR)
@require_POST
def installer_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin the wizard's draft anew from this installer's template."""
    shown = get_object_or_404(Installer, pk=pk, ready=True)
    try:
        services.begin_draft(request, shown)
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("deployment:installer_one", pk=pk)
    messages.success(request, _("The wizard has a new draft."))
    return redirect("configuration:home")
