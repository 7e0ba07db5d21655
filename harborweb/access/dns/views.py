"""The pages of names in the LAN."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from harborweb.access import doubts
from harborweb.access.asking import asked, form_of
from harborweb.access.dns.answer import doubts as doubts_of_addresses
from harborweb.access.dns.answer import filled_in
from harborweb.access.dns.forms import AnswerForm
from harborweb.access.dns.recipes import SERVERS, TITLES, WHY, recipe
from harborweb.access.place import place
from harborweb.access.recipes.pages import parts
from harborweb.accounts.roles import Role, requires


@requires(Role.VIEWER)
@require_GET
def first(request: HttpRequest) -> HttpResponse:
    """The server that most LANs have."""
    return redirect("access:names_of", next(iter(SERVERS)))


@requires(Role.VIEWER)
@never_cache
@require_GET
def page(request: HttpRequest, name: str) -> HttpResponse:
    """The text for one DNS server, filled in, every line explained; what has to be known about names beside it."""
    _known(name)
    form = _form(request.GET)
    context: dict[str, Any] = {
        "name": name, "form": form, "servers": TITLES.items(), "asked": asked(AnswerForm, request.GET),
    }  # fmt: skip
    if form.made is not None:
        made = recipe(name, form.made)
        said = [*doubts.of_name(form.made.name), *doubts_of_addresses(form.made)]
        context |= {"answer": form.made, "recipe": made, "parts": parts(made, WHY), "doubts": said}
    status = 422 if form.errors and context["asked"] else 200
    return render(request, "access/dns/page.html", context, status=status)


@requires(Role.VIEWER)
@never_cache
@require_GET
def text(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One piece as plain text, to take away without a mouse."""
    _known(name)
    form = _form(request.GET)
    pieces = recipe(name, form.made).pieces if form.made is not None else ()
    if not 0 < number <= len(pieces):
        raise Http404
    return HttpResponse(pieces[number - 1].text, content_type="text/plain; charset=utf-8")


def _known(name: str) -> None:
    if name not in SERVERS:
        raise Http404


def _form(given: QueryDict) -> AnswerForm:
    """Known from harbor.yml is enough when it names an address; else the page asks for one."""
    known = filled_in(place())
    return form_of(AnswerForm, given, lambda: known, "ipv6" if "ipv6" in known else "ipv4")
