"""Pages of the configuration wizard. Operators edit, viewers look."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import services
from harborweb.configuration.diff import compare
from harborweb.configuration.forms import ImportForm, number_of, version_of
from harborweb.configuration.mending import readable
from harborweb.configuration.models import Draft, Revision
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.together import Conflict
from harborweb.configuration.veil import masked, masked_lines
from harborweb.configuration.wizard import Wizard
from harborweb.errors import Problem

View = TypeVar("View", bound=Callable[..., HttpResponse])
PER_PAGE = 50


def unsealed(view: View) -> View:
    """When the app's secret is not the one that sealed the draft or revision, say so instead of breaking."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except TextProblem:  # of the draft: revisions could be read when they were saved
            return redirect("configuration:repair")
        except Problem as problem:
            context = {"problem": problem, "draft": services.current_draft()}
            return render(request, "configuration/unreadable.html", context, status=409)

    return shown  # type: ignore[return-value]  # the same call, as wraps says


@requires(Role.VIEWER)
@require_GET
@unsealed
def home(request: HttpRequest) -> HttpResponse:
    """Where configuring begins: the draft, the latest revision, the revisions before."""
    draft = services.current_draft()
    page = Paginator(Revision.objects.all(), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {"draft": draft, "latest": services.latest_revision(), "revisions": page}
    if draft is not None:
        state = services.state_of(draft)
        context["wizard"] = Wizard(state) if readable(state.text) else None
    return render(request, "configuration/home.html", context)


@requires(Role.OPERATOR)
@never_cache
@require_GET
def import_page(request: HttpRequest) -> HttpResponse:
    """Ask for a harbor.yml or a template."""
    return _import_form(request, ImportForm())


@requires(Role.OPERATOR)
@sensitive_post_parameters("text", "file")
@never_cache
def import_read(request: HttpRequest) -> HttpResponse:
    """Begin a draft from what was uploaded or pasted."""
    if request.method != "POST":
        return redirect("configuration:import")
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _import_form(request, form, status=422)
    typed = form.cleaned_data
    try:
        services.import_text(typed["content"], origin=typed["origin"], request=request, replace=typed["replace"])
    except Problem as problem:
        line = getattr(problem, "line", None)
        return _import_form(request, form, problem=problem, line=line, status=422)
    if _by_htmx(request):
        return HttpResponseClientRedirect(reverse("configuration:draft"))
    return redirect("configuration:draft")


def _import_form(request: HttpRequest, form: ImportForm, *, status: int = 200, **context: Any) -> HttpResponse:
    """The import page. With htmx only the faults come, beside what was typed; without it, passwords are typed again."""
    context |= {"form": form, "draft": services.current_draft(), "pasted": _veiled(form.data.get("text", ""))}
    template = (
        "configuration/_import_faults.html" if _by_htmx(request) and status != 200 else "configuration/import.html"
    )
    return render(request, template, context, status=status)


def _by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _veiled(text: str) -> str:
    """Pasted text that may go back into a page: with its secrets as dots, or nothing where YAML cannot tell them."""
    try:
        return masked(Document(text.replace("\r\n", "\n"))) if text.strip() else ""
    except TextProblem:
        return ""


@requires(Role.OPERATOR)
@require_POST
def discard(request: HttpRequest) -> HttpResponse:
    """Throw the draft away."""
    try:
        services.discard(version_of(request.POST), request)
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect("configuration:home")
    messages.success(request, _("The draft is discarded. Revisions are as they were."))
    return redirect("configuration:home")


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def whole_file(request: HttpRequest) -> HttpResponse:
    """The draft as a whole, secrets masked."""
    draft = services.current_draft()
    if draft is None:
        return redirect("configuration:home")
    lines = masked_lines(Document(draft.text()))
    return render(request, "configuration/file.html", {"draft": draft, "lines": lines})


@requires(Role.VIEWER)
@never_cache
@require_GET
@unsealed
def review(request: HttpRequest) -> HttpResponse:
    """Everything that would be saved, before it is."""
    draft = services.current_draft()
    return redirect("configuration:home") if draft is None else _review(request, draft)


@requires(Role.OPERATOR)
@never_cache
@unsealed
def save(request: HttpRequest) -> HttpResponse:
    """Save the draft that was reviewed as the next revision."""
    if request.method != "POST":
        return redirect("configuration:review")
    try:
        revision = services.save_revision(
            version_of(request.POST), request.POST.get("note", ""), request, number_of(request.POST.get("latest", ""))
        )
    except Problem as problem:
        draft = services.current_draft()
        if draft is None and isinstance(problem, Conflict):
            context = {"conflict": problem, "latest": services.latest_revision(), "note": request.POST.get("note", "")}
            return render(request, "configuration/gone.html", context, status=409)
        if draft is None:
            messages.error(request, str(problem))
            return redirect("configuration:home")
        status = 409 if isinstance(problem, Conflict) else 422
        return _review(request, draft, problem=problem, note=request.POST.get("note", ""), status=status)
    messages.success(request, _("Saved as revision %(number)s.") % {"number": revision.number})
    return redirect("configuration:revision", revision.number)


def _review(request: HttpRequest, draft: Draft, *, status: int = 200, **more: Any) -> HttpResponse:
    wizard = Wizard(services.state_of(draft))
    latest = services.latest_revision()
    old = Document(latest.text()) if latest else wizard.state.first
    faults = (*wizard.errors, *wizard.warnings)
    context = {
        "draft": draft, "wizard": wizard, "latest": latest, "may_edit": request.user.may(Role.OPERATOR),  # type: ignore[union-attr]
        "diff": compare(old, wizard.state.document, faults, before=3), **more,
    }  # fmt: skip
    return render(request, "configuration/review.html", context, status=status)
