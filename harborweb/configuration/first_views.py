"""The beginner's one page: what a Harbor cannot do without, saved and on the way to its deployment by one button."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import first, services
from harborweb.configuration.answers import answered
from harborweb.configuration.forms import answers_to, made_up, version_of
from harborweb.configuration.models import Draft
from harborweb.configuration.together import Conflict
from harborweb.configuration.views import unsealed
from harborweb.errors import Problem


@requires(Role.OPERATOR)
@never_cache
@require_GET
@unsealed
def questions(request: HttpRequest) -> HttpResponse:
    """The questions, with passwords offered where the template's stand."""
    draft = services.current_draft()
    return redirect("configuration:home") if draft is None else _page(request, draft)


@requires(Role.OPERATOR)
@sensitive_post_parameters()
@never_cache
@unsealed
def answer(request: HttpRequest) -> HttpResponse:
    """Write the answers; when nothing is wrong with them, save a revision and go on to its deployment."""
    if request.method != "POST":
        return redirect("configuration:first")
    answers = answers_to(request.POST, first.FIELDS, first.CHOICES)
    for key in first.MADE_UP:
        if request.POST.get("make_up:" + key):
            answers[key] = made_up()
    try:
        draft = services.save_answers(version_of(request.POST), answers, request, request.POST.get("kept", ""))
        if services.state_of(draft).faults() and first.First(services.state_of(draft)).wizard.errors:
            return _page(request, draft, tried=True, status=422)
        if "settings" in request.POST:
            return redirect("configuration:section", "address")
        if "review" in request.POST:
            return redirect("configuration:review")
        revision = services.save_revision(draft.version, _("the first answers"), request)
    except Conflict as conflict:
        return _conflict(request, conflict)
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("configuration:home")
    return redirect(f"{reverse('deployment:deploy')}?revision={revision.number}")


def _conflict(request: HttpRequest, conflict: Conflict) -> HttpResponse:
    if conflict.draft is None:
        context = {"conflict": conflict, "latest": services.latest_revision()}
        return render(request, "configuration/gone.html", context, status=409)
    return _page(request, conflict.draft, status=409, conflict=conflict, typed=conflict.mine)


def _page(
    request: HttpRequest, draft: Draft, *, tried: bool = False, status: int = 200,
    typed: dict[str, str] | None = None, **more: Any,
) -> HttpResponse:  # fmt: skip
    """The page; `tried`: the answers were sent once, so what is wrong with them is said."""
    state = services.state_of(draft)
    page = first.First(answered(state, typed or {}), tried=tried)
    may_make = draft.based_on is None and draft.from_installer  # a Harbor that ran keeps its database's password
    context = {
        "draft": draft, "first": page, "may_edit": True, "may_make": may_make, "offer": made_up(), **more,
    }  # fmt: skip
    return render(request, "configuration/first.html", context, status=status)
