"""The page that names a text's flaws with their lines, repairs those it is asked to, and takes that back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import mending, services
from harborweb.configuration.answers import REPAIR
from harborweb.configuration.forms import version_of
from harborweb.configuration.models import DraftVersion
from harborweb.configuration.text import repairs
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.views import unsealed
from harborweb.errors import Problem


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def flaws(request: HttpRequest) -> HttpResponse:
    """What is wrong with the text, and what a repair of `kind` (all of them by default) would change."""
    draft = services.current_draft()
    if draft is None:
        return redirect("configuration:home")
    text = draft.text()
    found = repairs.flaws(text)
    there = [kind for kind in repairs.KINDS if any(flaw.kind == kind for flaw in found)]
    kinds = [kind for kind in there if kind in request.GET.getlist("kind")] or there
    context: dict[str, Any] = {
        "draft": draft, "flaws": found, "kinds": kinds, "may_edit": request.user.may(Role.OPERATOR),  # type: ignore[union-attr]
        "choices": [(kind, mending.TITLES[kind], kind in kinds) for kind in there], "problem": _unread(text),
        "mending": mending.foreseen(text, kinds) if kinds else None, "repaired": REPAIR in draft.typed(),
    }  # fmt: skip
    return render(request, "configuration/repair.html", context)


def _unread(text: str) -> TextProblem | None:
    """Why YAML cannot read it."""
    try:
        Document(text)
    except TextProblem as problem:
        return problem
    return None


@requires(Role.OPERATOR)
@require_POST
@unsealed
def repair(request: HttpRequest) -> HttpResponse:
    """Repair the flaws of the kinds that were ticked."""
    kinds = [kind for kind in repairs.KINDS if kind in request.POST.getlist("kind")]
    version = version_of(request.POST)
    try:
        services.change(version, lambda state: mending.mended(state, kinds, version), request, [REPAIR, *kinds])
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("configuration:repair")
    messages.success(request, _("Repaired. The page of flaws takes it back."))
    return redirect("configuration:repair")


@requires(Role.OPERATOR)
@require_POST
@unsealed
def take_back(request: HttpRequest) -> HttpResponse:
    """Undo the last repair; answers given since stay."""
    draft = services.current_draft()
    number = draft.typed().get(REPAIR, "").partition(":")[0] if draft else ""
    row = DraftVersion.objects.filter(version=int(number)).first() if number.isdigit() else None
    if row is None:
        messages.error(request, _("There is no repair to take back."))
        return redirect("configuration:repair")
    before = services.state_from(row)
    try:
        services.change(version_of(request.POST), lambda state: mending.taken_back(state, before), request, [REPAIR])
    except Problem as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("The repair is taken back: the text is as it was before."))
    return redirect("configuration:repair")
