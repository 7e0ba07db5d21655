"""The pages of backups."""

from typing import Any

from django import forms as django_forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.deployment import pages
from harborweb.deployment.backup import services
from harborweb.deployment.backup.forms import BackupForm, RestoreDatabaseForm, RestoreForm
from harborweb.deployment.models import Backup
from harborweb.errors import Problem


@requires(Role.VIEWER)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The backups there are, how old the last one is, and the forms for a new one and for a restore."""
    chosen = request.GET.get("restore", "")
    return _home(request, restore_form=RestoreForm(auto_id="restore_%s", initial={"path": chosen}))


def _home(
    request: HttpRequest, problem: Problem | None = None, status: int = 200, **forms: django_forms.Form
) -> HttpResponse:
    host, job = pages.host(), pages.active_job()
    context: dict[str, Any] = {
        "backups": Backup.objects.select_related("job", "installer")[:50], "age": services.age(),
        "source": services.source(), "job": job, "host": host, "silent": pages.is_silent(host, job),
        "place": settings.BACKUPS_DIR, "problem": problem, "form": BackupForm(auto_id="backup_%s"),
        "restore_form": RestoreForm(auto_id="restore_%s"),
        "database_form": RestoreDatabaseForm(auto_id="database_%s"), **forms,
    }  # fmt: skip
    return render(request, "deployment/backups.html", context, status=status)


def _refused(request: HttpRequest, name: str, form: django_forms.Form, problem: Problem) -> HttpResponse:
    """The page again, with the problem at its field."""
    if problem.field in form.fields:
        form.add_error(problem.field, str(problem))
        return _home(request, None, 422, **{name: form})
    return _home(request, problem, 409, **{name: form})


@requires(Role.OPERATOR)
@require_POST
def back_up(request: HttpRequest) -> HttpResponse:
    """Make a backup."""
    form = BackupForm(request.POST, auto_id="backup_%s")
    if not form.is_valid():
        return _home(request, status=422, form=form)
    given = form.cleaned_data
    try:
        made = services.back_up(request, given["passphrase"], with_database=given["with_database"])
    except Problem as problem:
        return _refused(request, "form", form, problem)
    return redirect("jobs:detail", pk=made.job_id)


@requires(Role.ADMINISTRATOR)
@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    """Restore a backup into an empty folder of the host."""
    form = RestoreForm(request.POST, auto_id="restore_%s")
    if not form.is_valid():
        return _home(request, status=422, restore_form=form)
    given = form.cleaned_data
    try:
        job = services.restore(request, given["path"], given["folder"], given["passphrase"])
    except Problem as problem:
        return _refused(request, "restore_form", form, problem)
    return redirect("jobs:detail", pk=job.pk)


@requires(Role.ADMINISTRATOR)
@require_POST
def restore_database(request: HttpRequest) -> HttpResponse:
    """Bring the database of a restored folder back."""
    form = RestoreDatabaseForm(request.POST, auto_id="database_%s")
    if not form.is_valid():
        return _home(request, status=422, database_form=form)
    try:
        job = services.restore_database(request, form.cleaned_data["folder"])
    except Problem as problem:
        return _refused(request, "database_form", form, problem)
    return redirect("jobs:detail", pk=job.pk)
