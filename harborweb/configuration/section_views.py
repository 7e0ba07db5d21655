"""The pages of the wizard's sections: show one, write its answers, show what they would become."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import services
from harborweb.configuration.answers import CHOICES, answered, begun_again, undone_section
from harborweb.configuration.fields import BY_KEY, BY_SECTION
from harborweb.configuration.forms import answers_of, is_single, version_of
from harborweb.configuration.models import Draft
from harborweb.configuration.others import other_keys
from harborweb.configuration.searching import LONGEST_QUERY, found
from harborweb.configuration.together import Conflict
from harborweb.configuration.views import unsealed
from harborweb.configuration.wizard import Wizard
from harborweb.errors import Problem


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def draft(request: HttpRequest) -> HttpResponse:
    """Where the draft goes on: the one page of questions while nothing was answered, else the first section."""
    current = services.current_draft()
    if current is None:
        return redirect("configuration:home")
    section = request.GET.get("section", "")
    if section in BY_SECTION:  # the select that is the rail on narrow pages
        return redirect("configuration:section", section)
    may_edit = request.user.may(Role.OPERATOR)  # type: ignore[union-attr]  # the role let a person in
    fresh = may_edit and current.from_installer and current.based_on is None
    fresh = fresh and not services.state_of(current).changes
    return redirect("configuration:first") if fresh else redirect("configuration:section", "address")


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def section(request: HttpRequest, name: str) -> HttpResponse:
    """The questions of one section."""
    current = services.current_draft()
    if current is None or name not in BY_SECTION:
        return redirect("configuration:home" if current is None else "configuration:draft")
    return page(request, current, Wizard(services.state_of(current), name))


@requires(Role.OPERATOR)
@sensitive_post_parameters()
@never_cache
@unsealed
def answer(request: HttpRequest, name: str) -> HttpResponse:
    """Write the answers of one section into the draft; buttons in the form undo one, all of them, or fill one in."""
    if request.method != "POST" or name not in BY_SECTION:
        return redirect("configuration:section", name if name in BY_SECTION else "address")
    answers = answers_of(request.POST, name)
    try:
        current = _written(request, name, answers)
    except Conflict as conflict:
        if conflict.draft is None:
            context = {"conflict": conflict, "latest": services.latest_revision()}
            return render(request, "configuration/gone.html", context, status=409)
        wizard = Wizard(answered(services.state_of(conflict.draft), conflict.mine), name)
        return page(request, conflict.draft, wizard, conflict=conflict, status=409)
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("configuration:home")
    wizard = Wizard(services.state_of(current), name)
    if not is_single(request.POST) and wizard.wrong_here:
        return page(request, current, wizard, status=422)
    return redirect(_after(wizard, request))


def _written(request: HttpRequest, name: str, answers: dict[str, str]) -> Draft:
    version = version_of(request.POST)
    if "undo_section" in request.POST:
        return services.change(version, lambda state: undone_section(state, name), request)
    current = services.save_answers(version, answers, request, request.POST.get("kept", ""))
    back = request.POST.get("undo", "")
    return services.undo(current.version, back, request) if back in CHOICES or back in BY_KEY else current


def _after(wizard: Wizard, request: HttpRequest) -> str:
    """Where the button that was pressed leads."""
    if "review" in request.POST:
        return reverse("configuration:review")
    following = wizard.following()
    if "next" in request.POST and following is not None:
        return reverse("configuration:section", args=[following.name])
    return reverse("configuration:section", args=[wizard.name])


@requires(Role.OPERATOR)
@sensitive_post_parameters()
@never_cache
@require_POST
@unsealed
def preview(request: HttpRequest, name: str) -> HttpResponse:
    """What harbor.yml would be with what is typed right now; saves nothing."""
    current = services.current_draft()
    if current is None or name not in BY_SECTION:
        return HttpResponse(status=204)
    state = answered(services.state_of(current), answers_of(request.POST, name))
    context = {"draft": current, "wizard": Wizard(state, name), "may_edit": True, "unsaved": True}
    return render(request, "configuration/_preview.html", context)


@requires(Role.OPERATOR)
@require_POST
@unsealed
def begin_again(request: HttpRequest) -> HttpResponse:
    """Undo every answer: the draft as it began."""
    try:
        services.change(version_of(request.POST), begun_again, request)
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("configuration:review")
    messages.success(request, _("All answers are undone: the draft is as it began."))
    return redirect("configuration:section", "address")


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def search(request: HttpRequest) -> HttpResponse:
    """Keys by name, help text, or the comment in the template."""
    current = services.current_draft()
    if current is None:
        return redirect("configuration:home")
    words = request.GET.get("q", "")[:LONGEST_QUERY]
    wizard = Wizard(services.state_of(current))
    context = {"draft": current, "wizard": wizard, "query": words, "hits": found(wizard.state, words)}
    by_htmx = request.headers.get("HX-Target") == "found"
    return render(request, "configuration/_found.html" if by_htmx else "configuration/search.html", context)


def page(request: HttpRequest, draft: Draft, wizard: Wizard, *, status: int = 200, **more: Any) -> HttpResponse:
    """A section's page."""
    may_edit = request.user.may(Role.OPERATOR)  # type: ignore[union-attr]  # the role let a person in
    context = {"draft": draft, "wizard": wizard, "may_edit": may_edit, **more}
    if wizard.name == "advanced":
        context["others"] = other_keys(wizard.state.document)
    return render(request, "configuration/page.html", context, status=status)
