"""The pages of jobs: list, one job with its live log, stop, download."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.accounts.services import record
from harborweb.jobs import pages, services
from harborweb.jobs.models import Job

PER_PAGE = 50


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


@requires(Role.VIEWER)
@require_safe
def list_jobs(request: HttpRequest) -> HttpResponse:
    """All jobs, those that run first; filters are addresses."""
    services.mark_lost()
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    page = Paginator(pages.listed(state, kind), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "jobs/list.html", {"page": page, **pages.filters(state, kind)})


@requires(Role.VIEWER)
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One job; `before` shows an earlier part of a long log, `line` the part with that line."""
    services.mark_lost()
    job = get_object_or_404(Job, pk=pk)
    line = _number(request, "line")
    before = pages.window(job, _number(request, "before"), line)
    following = (before or 0) + pages.LINES_AT_ONCE
    context = {"job": job, "line": line, "before": before, "following": following, "own_page": True}
    return render(request, "jobs/detail.html", context)


@requires(Role.VIEWER)
@require_safe
def rows(request: HttpRequest, pk: int) -> HttpResponse:
    """What came after the last line that the page has (`after`), and how the job stands now.

    `mark` is the state that the page shows, `page` says that it is the job's own;
    with `form=line` the answer is the job in one line.
    """
    services.mark_lost()
    job = get_object_or_404(Job, pk=pk)
    if request.GET.get("form") == "line":
        return _telling(job.settled, render(request, "jobs/_line.html", {"job": job}))
    after = _number(request, "after") or 0
    lines = pages.lines_after(job, after)
    own_page, changed = "page" in request.GET, request.GET.get("mark") != job.mark
    context = {"job": job, "lines": lines, "after": after, "own_page": own_page, "changed": changed, "oob": True}
    return _telling(job.settled and not pages.more(job, lines), render(request, "jobs/_rows.html", context))


def _telling(settled: bool, response: HttpResponse) -> HttpResponse:
    """Pages may wait for the event `job-settled` on their body, to draw anew what the job has changed."""
    if settled:
        response["HX-Trigger-After-Settle"] = "job-settled"
    return response


@requires(Role.SIGNER)
@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a job to stop."""
    job = get_object_or_404(Job, pk=pk)
    if not services.may_stop(request.user, job):
        raise PermissionDenied(_("Stopping this job needs the role operator."))
    if services.stop(job, request.user.get_username()):
        record(request, "stop job", job.title, f"#{job.pk}")
    return redirect("jobs:detail", pk=pk)


@requires(Role.VIEWER)
@require_safe
def log(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole log as text, to keep."""
    job = get_object_or_404(Job, pk=pk)
    response = HttpResponse("".join(pages.whole_log(job)), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="harborweb-job-{pk}.log"'
    return response
