"""The pages of recipes. Everybody may read one; operators put its keys into harbor.yml."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from harborweb.access.asking import asked, form_of
from harborweb.access.doubts import of_name
from harborweb.access.place import place
from harborweb.access.recipes import keys as key_rows
from harborweb.access.recipes import services
from harborweb.access.recipes.forms import FrontForm
from harborweb.access.recipes.front import filled_in
from harborweb.access.recipes.pages import parts
from harborweb.access.recipes.proxies import PROXIES, TITLES, WHY, recipe
from harborweb.accounts.roles import Role, requires
from harborweb.configuration import services as configuration
from harborweb.errors import Problem


@requires(Role.VIEWER)
@require_GET
def first(request: HttpRequest) -> HttpResponse:
    """The recipe that most people look for."""
    return redirect("access:recipe", next(iter(PROXIES)))


@requires(Role.VIEWER)
@never_cache
@require_GET
def page(request: HttpRequest, name: str) -> HttpResponse:
    """One recipe, filled in, every line explained; its keys of harbor.yml beside it."""
    _known(name)
    form = _form(request.GET)
    context: dict[str, Any] = {
        "name": name, "form": form, "proxies": TITLES.items(), "asked": asked(FrontForm, request.GET),
        "may_edit": request.user.may(Role.OPERATOR),  # type: ignore[union-attr]  # the role let a person in
    }  # fmt: skip
    if form.made is not None:
        made = recipe(name, form.made)
        context |= {"front": form.made, "recipe": made, "parts": parts(made, WHY), "doubts": of_name(form.made.name)}
        context |= {"filled": form.filled()} | _keys(form)
    status = 422 if form.errors and context["asked"] else 200
    return render(request, "access/recipes/page.html", context, status=status)


def _keys(form: FrontForm) -> dict[str, Any]:
    """The keys that go with the recipe, or why they cannot be compared."""
    try:
        state = services.state()
    except Problem as problem:
        return {"unread": problem}
    if state is None or form.made is None:
        return {}
    rows = key_rows.keys(form.made, state)
    stands = place()
    runs = stands if stands is not None and stands.deployed and stands.url != form.made.url else None
    return {
        "keys": rows, "said": all(row.said for row in rows), "draft": configuration.current_draft(), "runs": runs,
    }  # fmt: skip


@requires(Role.VIEWER)
@never_cache
@require_GET
def text(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One piece of a recipe as plain text, to take away without a mouse."""
    _known(name)
    form = _form(request.GET)
    pieces = recipe(name, form.made).pieces if form.made is not None else ()
    if not 0 < number <= len(pieces):
        raise Http404
    return HttpResponse(pieces[number - 1].text, content_type="text/plain; charset=utf-8")


@requires(Role.OPERATOR)
@require_POST
def keys(request: HttpRequest, name: str) -> HttpResponse:
    """Put the keys that go with the recipe into the draft of harbor.yml, and come back to the page that shows them."""
    _known(name)
    form = _form(request.POST)
    back = f"{reverse('access:recipe', args=[name])}?{asked(FrontForm, request.POST)}"
    if form.made is None:
        return redirect(back)
    try:
        changed = services.put(form.made, request)
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect(back)
    words = ngettext("%(n)d answer is in the draft now.", "%(n)d answers are in the draft now.", len(changed))
    messages.success(request, words % {"n": len(changed)} if changed else _("harbor.yml says all of this already."))
    return redirect(f"{back}#keys")


def _known(name: str) -> None:
    if name not in PROXIES:
        raise Http404


def _form(given: QueryDict) -> FrontForm:
    return form_of(FrontForm, given, lambda: filled_in(services.stands()), "name")
