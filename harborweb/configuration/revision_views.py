"""Pages of revisions: one of them, two compared, restored, exported, its secrets shown once."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import revisions, services
from harborweb.configuration.diff import compare
from harborweb.configuration.models import Revision
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.together import Conflict
from harborweb.configuration.veil import masked, masked_lines
from harborweb.configuration.views import unsealed
from harborweb.errors import Problem

VIEWS = ("side", "unified")


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def revision(request: HttpRequest, number: int) -> HttpResponse:
    """One saved harbor.yml: what changed with it, and all of it, secrets masked."""
    return _revision(request, get_object_or_404(Revision, number=number))


def _revision(request: HttpRequest, shown: Revision, *, status: int = 200, **more: Any) -> HttpResponse:
    earlier = Revision.objects.filter(number__lt=shown.number).first()
    document = Document(shown.text())
    old = Document(earlier.text() if earlier else shown.template())
    context = {
        "revision": shown, "earlier": earlier, "diff": compare(old, document, before=3),
        "lines": masked_lines(document), "draft": services.current_draft(), "latest": services.latest_revision(),
        "disk": revisions.on_disk(), **more,
    }  # fmt: skip
    return render(request, "configuration/revision.html", context, status=status)


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def compared(request: HttpRequest) -> HttpResponse:
    """Two of revisions, draft and file on disk, side by side or unified, secrets masked."""
    latest = services.latest_revision()
    names = (request.GET.get("from", ""), request.GET.get("to") or (str(latest.number) if latest else ""))
    view = request.GET.get("view", "side")
    left, right = revisions.side(names[0]), revisions.side(names[1])
    context: dict[str, Any] = {
        "sides": revisions.sides(), "left": left, "right": right, "names": names,
        "view": view if view in VIEWS else VIEWS[0], "whole": "whole" in request.GET,
    }  # fmt: skip
    if left and right:
        try:
            old, new = Document(left.text), Document(right.text)
        except TextProblem as problem:
            return render(request, "configuration/compare.html", {**context, "problem": problem}, status=422)
        around = max(len(old.lines), len(new.lines)) if context["whole"] else 3
        context["diff"] = compare(old, new, before=around)
    return render(request, "configuration/compare.html", context)


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def revision_file(request: HttpRequest, number: int) -> HttpResponse:
    """A saved harbor.yml to download, secrets masked."""
    shown = get_object_or_404(Revision, number=number)
    return _file(masked(Document(shown.text())).encode(), f"harbor-revision-{shown.number}-masked.yml")


def _file(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@requires(Role.ADMINISTRATOR)
@sensitive_variables()
@never_cache
@require_POST
@unsealed
def export(request: HttpRequest, number: int) -> HttpResponse:
    """The whole harbor.yml with its secrets, to download; recorded."""
    shown = get_object_or_404(Revision, number=number)
    return _file(revisions.export(shown, request), f"harbor-revision-{shown.number}.yml")


@requires(Role.ADMINISTRATOR)
@sensitive_variables()
@never_cache
@require_POST
@unsealed
def reveal(request: HttpRequest, number: int) -> HttpResponse:
    """The secrets of a revision, in this one answer only; recorded."""
    shown = get_object_or_404(Revision, number=number)
    context = {"revision": shown, "secrets": revisions.reveal(shown, request)}
    return render(request, "configuration/revealed.html", context)


@requires(Role.OPERATOR)
@require_POST
@unsealed
def edit(request: HttpRequest, number: int) -> HttpResponse:
    """Begin a draft from a saved revision."""
    shown = get_object_or_404(Revision, number=number)
    try:
        services.edit_revision(shown, request)
    except Problem as problem:
        return _revision(request, shown, problem=problem, status=409)
    return redirect("configuration:draft")


@requires(Role.OPERATOR)
@never_cache
@require_POST
@unsealed
def restore(request: HttpRequest, number: int) -> HttpResponse:
    """Save an old revision's text as the newest revision."""
    shown = get_object_or_404(Revision, number=number)
    note = request.POST.get("note", "")
    try:
        restored = revisions.restore(shown, note, request)
    except Problem as problem:
        return _revision(request, shown, problem=problem, note=note, status=409)
    messages.success(request, _("Saved as revision %(number)s.") % {"number": restored.number})
    return redirect("configuration:revision", restored.number)


@requires(Role.OPERATOR)
@never_cache
@require_POST
@unsealed
def take_disk(request: HttpRequest) -> HttpResponse:
    """Save the file on disk as the newest revision."""
    try:
        taken = revisions.take_from_disk(request.POST.get("digest", ""), request)
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("configuration:home")
    messages.success(request, _("Saved as revision %(number)s.") % {"number": taken.number})
    return redirect("configuration:revision", taken.number)


@requires(Role.OPERATOR)
@sensitive_post_parameters()
@never_cache
@require_POST
@unsealed
def take_up(request: HttpRequest) -> HttpResponse:
    """Put what was typed on a page whose draft had ended into a draft."""
    try:
        services.take_up(request.POST.get("kept", ""), request)
    except Conflict as conflict:
        context = {"conflict": conflict, "latest": services.latest_revision()}
        return render(request, "configuration/gone.html", context, status=409)
    return redirect("configuration:review")
