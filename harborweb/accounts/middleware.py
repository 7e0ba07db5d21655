"""Every view names its role; this is where that is enforced."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from harborweb.accounts.roles import Role

_UNDECLARED = object()


class RoleMiddleware:
    """Lets a request through to its view only when the person has the role that the view declares.

    Fails closed: a view that declares no role is refused to everybody.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 405 and not response.content and not request.headers.get("HX-Request"):
            return _nothing_to_show(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> HttpResponse | None:
        """None lets the request through; anything else is the answer.

        A path with a NUL in it means nothing here; PostgreSQL takes none as a value, and a page would break on it.
        """
        if "\0" in request.path:
            return HttpResponseBadRequest(_("This address cannot be meant."), content_type="text/plain; charset=utf-8")
        role = getattr(view, "required_role", _UNDECLARED)
        if role is None:
            return None
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        if isinstance(role, Role) and request.user.may(role):
            return None
        return forbidden(request, role if isinstance(role, Role) else None)


def forbidden(request: HttpRequest, needed: Role | None) -> HttpResponse:
    """The 403 page, which names the role that would be needed; a sentence alone for htmx."""
    if request.headers.get("HX-Request"):
        sentence = _("Nothing was done: this needs the role %(role)s.") if needed else _("Nothing was done.")
        text = sentence % {"role": needed.label} if needed else sentence
        return HttpResponse(text, status=403, content_type="text/plain; charset=utf-8")
    return render(request, "403.html", {"needed": needed}, status=403)


def _nothing_to_show(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A page instead of nothing where somebody opens the address that a form is sent to."""
    page = render(request, "405.html", status=405)
    page["Allow"] = response["Allow"]
    return page


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page, and from there back to the page the person was on; a form that was sent is not done."""
    htmx = bool(request.headers.get("HX-Request"))
    looked = request.method in ("GET", "HEAD")
    if htmx:
        back = _path(request.headers.get("HX-Current-URL", ""))
    else:
        back = request.get_full_path() if looked else _path(request.headers.get("Referer", ""))
    if not looked:
        messages.warning(
            request, _("You were signed out meanwhile. Nothing was done: sign in, then send it once more.")
        )
    query = QueryDict(mutable=True)
    if back not in ("", "/"):
        query["next"] = back
    address = reverse("accounts:sign_in") + (f"?{query.urlencode(safe='/')}" if query else "")
    if htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _path(address: str) -> str:
    """The path and query of the page that a request came from."""
    here = urlsplit(address)
    return here.path + (f"?{here.query}" if here.query else "")
