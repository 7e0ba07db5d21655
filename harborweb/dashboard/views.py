"""The hall: one view, and the page of components for developers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires


@requires(Role.VIEWER)
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """How everything is."""
    return render(request, "dashboard/page.html")


@requires(Role.VIEWER)
@require_GET
def components(request: HttpRequest) -> HttpResponse:
    """Every component in every state."""
    return render(request, "dashboard/components.html")
