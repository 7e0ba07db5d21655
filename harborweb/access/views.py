"""The hall of access: where Harbor is reached, and the ways on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from harborweb.access.place import place
from harborweb.accounts.roles import Role, requires


@requires(Role.VIEWER)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Where Harbor is reached, and everything this room can do about it."""
    return render(request, "access/home.html", {"place": place()})
