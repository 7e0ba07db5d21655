"""Pages of drift, and of importing an installation that runs already."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import services as configuration
from harborweb.deployment import drift_pages, drift_services, looking, pages
from harborweb.deployment.forms import FolderForm
from harborweb.errors import Problem
from harborweb.jobs.models import Job


@requires(Role.VIEWER)
@never_cache
@require_safe
def drift(request: HttpRequest) -> HttpResponse:
    """Where the host differs from what was deployed, with every diff."""
    context = {
        "report": drift_pages.report(), "host": pages.host(), "silent": pages.is_silent(pages.host(), None),
        "job": Job.objects.filter(kind="drift", state__in=Job.ACTIVE).first(), "active": pages.active_job(),
        "running": looking.running() is not None,
    }  # fmt: skip
    return render(request, "deployment/drift.html", context)


@requires(Role.OPERATOR)
@require_POST
def drift_look(request: HttpRequest) -> HttpResponse:
    """Have the host worker look now."""
    try:
        drift_services.look(request)
    except Problem as problem:
        messages.error(request, str(problem))
    return redirect("deployment:drift")


@requires(Role.OPERATOR)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def existing(request: HttpRequest) -> HttpResponse:
    """Import an installation that runs already: ask for its folder, show what was found and what is missing."""
    form = FolderForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                drift_services.take_over(request, form.cleaned_data["folder"])
            except Problem as problem:
                form.add_error(problem.field if problem.field in form.fields else None, str(problem))
            else:
                return redirect("deployment:existing")
    form.fields["folder"].help_text = ""
    host = pages.host()
    context = {
        "form": form, "job": drift_services.last_import(), "host": host, "silent": pages.is_silent(host, None),
        "draft": configuration.current_draft(),
    }  # fmt: skip
    return render(request, "deployment/existing.html", context, status=status)
