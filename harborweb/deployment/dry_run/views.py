"""The pages of dry runs."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.configuration.models import Revision
from harborweb.deployment import looking, pages
from harborweb.deployment.dry_run import services, workshop
from harborweb.deployment.forms import DeployForm
from harborweb.deployment.models import DryRun
from harborweb.deployment.services import latest_installer
from harborweb.errors import Problem


@requires(Role.OPERATOR)
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Start a dry run of what the deploy page's form says, or of a revision as it would be deployed next."""
    data = request.POST.copy()
    running = looking.running()
    installer = running.installer if running else latest_installer()
    if not data.get("installer") and installer:
        data["installer"] = str(installer.pk)
        if running and running.with_trivy:
            data["with_trivy"] = "on"
    form = DeployForm(data)
    status, problem = 422, None
    if form.is_valid():
        chosen = form.cleaned_data
        try:
            row = services.request(request, chosen["revision"], chosen["installer"], with_trivy=chosen["with_trivy"])
        except Problem as refused:
            status, problem = 409, refused
        else:
            return redirect("deployment:dry_run", pk=row.pk)
    return render(request, "deployment/deploy.html", {**pages.home(), "form": form, "problem": problem}, status=status)


@requires(Role.OPERATOR)
@require_POST
def start_draft(request: HttpRequest) -> HttpResponse:
    """Start a dry run of the draft, as it would be deployed next."""
    running = looking.running()
    installer = running.installer if running else latest_installer()
    try:
        if installer is None:
            raise Problem(_("There is no installer."), _("Get one first: its prepare does the dry run."))
        row = services.request(request, None, installer, with_trivy=bool(running and running.with_trivy))
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("configuration:review")
    return redirect("deployment:dry_run", pk=row.pk)


@requires(Role.VIEWER)
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What one dry run found, or how far it is."""
    row = get_object_or_404(DryRun.objects.select_related("revision", "installer", "job"), pk=pk)
    newer = row.revision and Revision.objects.filter(number__gt=row.revision.number).exists()
    context = {"row": row, "job": row.job, "found": workshop.of(row), "newer": newer, "own_page": True}
    return render(request, "deployment/dry_run.html", context)
