"""The page that shows what only Harbor's machine knows."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from harborweb.accounts.roles import Role, requires
from harborweb.configuration import services as configuration
from harborweb.deployment import pages
from harborweb.deployment.host import services
from harborweb.errors import Problem


@requires(Role.VIEWER)
@never_cache
@require_safe
def machine(request: HttpRequest) -> HttpResponse:
    """The newest check, live while it runs, and the button for another."""
    host = pages.host()
    context = {
        "job": services.last(), "draft": configuration.current_draft(), "latest": configuration.latest_revision(),
        "host": host, "silent": pages.is_silent(host, None),
    }  # fmt: skip
    return render(request, "deployment/machine.html", context)


@requires(Role.OPERATOR)
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """Begin a check of the draft, or of the revision that the form names."""
    number = request.POST.get("revision", "")
    try:
        services.request(request, int(number) if number.isascii() and number.isdigit() and len(number) < 10 else None)
    except Problem as problem:
        messages.error(request, str(problem))
    return redirect("deployment:machine")
