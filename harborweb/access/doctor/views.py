"""The page of the doctor, with the board below it; everybody may read, signers may ask."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from harborweb.access.board import pages as board
from harborweb.access.doctor import pages, picture, services
from harborweb.access.doctor.services import BOARD, Wishes
from harborweb.access.place import place
from harborweb.accounts.roles import Role, requires
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.services import mark_lost


@requires(Role.VIEWER)
@never_cache
@require_safe
def page(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """The newest examination, or an earlier one; live while one runs. `proxy` chooses whose recipe is shown."""
    mark_lost()
    job = services.last() if pk is None else _one(pk)
    return render(request, "access/doctor/page.html", _around(pk) | _found(request, job, newest=pk is None))


def _around(pk: int | None) -> dict[str, Any]:
    """What runs, what ended badly, and what was asked before."""
    kinds = (services.KIND, BOARD)
    bad = [one for one in map(services.ended_badly, kinds) if one is not None and pk is None]
    return {
        "earlier": services.earlier()[:10], "active": services.active(), "active_board": services.active(BOARD),
        "bad": bad,
    }  # fmt: skip


def _found(request: HttpRequest, job: Job | None, newest: bool) -> dict[str, Any]:
    """One examination with the newest look at the name."""
    found = place()
    shown = board.board(services.last(BOARD), job, request, found)
    context: dict[str, Any] = {"job": job, "place": found, "wishes": pages.wishes(job), "board": shown}
    if job is not None:
        context |= pages.context(job, request.GET.get("proxy", ""), request.GET.get("about", ""))
        if shown is not None and shown.job is not None and newest:
            picture.named(context["hops"], shown.findings, shown.job.result["columns"])
    return context


@requires(Role.SIGNER)
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Begin an examination; the page shows it."""
    given = Wishes(*(str(request.POST.get(name, "")) for name in ("project", "at", "resolver")))
    try:
        services.request(request, given)
    except Problem as problem:
        messages.error(request, str(problem))
    return redirect("access:doctor")


@requires(Role.VIEWER)
@require_safe
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """An examination as text, to send to somebody."""
    return HttpResponse(pages.report(_one(pk)), content_type="text/plain; charset=utf-8")


def _one(pk: int) -> Job:
    job = get_object_or_404(Job, pk=pk, kind=services.KIND)
    if job.state != Job.State.SUCCEEDED:
        raise Http404
    return job
