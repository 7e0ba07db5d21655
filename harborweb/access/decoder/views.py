"""The page of the error decoder."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from harborweb.access.decoder.engine import TABLE
from harborweb.access.decoder.forms import PasteForm
from harborweb.access.decoder.links import filled, link
from harborweb.access.decoder.services import read
from harborweb.access.place import place
from harborweb.accounts.roles import Role, requires
from harborweb.errors import Problem

BETTER = "journalctl -u docker -n 50\njournalctl -u containerd -n 50\nkubectl describe pod POD"
LOUDER = (
    "skopeo --debug inspect docker://{host}/library/app:1.0",
    "podman --log-level=debug pull {host}/library/app:1.0",
)


@requires(Role.VIEWER)
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("paste")
@never_cache
def decoder(request: HttpRequest) -> HttpResponse:
    """Ask for a paste; say what it means. It comes by POST, so that it stands in no address and no access log."""
    here = place()
    context: dict[str, Any] = {
        "place": here,
        "form": PasteForm(),
        "known": len(TABLE),
        "doctor": link("doctor"),
        "better": BETTER,
        "louder": filled(LOUDER, here),
    }
    if request.method != "POST":
        return render(request, "access/decoder.html", context)
    form = PasteForm(request.POST)
    form.is_valid()
    try:
        reading = read(form.cleaned_data.get("paste", ""), here)
    except Problem as problem:
        form = PasteForm({"paste": ""})
        form.add_error("paste", str(problem))
        return render(request, "access/decoder.html", {**context, "form": form}, status=422)
    context |= {"reading": reading, "form": PasteForm(initial={"paste": reading.decoded.text})}
    return render(request, "access/decoder.html", context)
