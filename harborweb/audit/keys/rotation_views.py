"""The pages of a rotation: one page, whose steps are forms."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.http import number_in
from harborweb.accounts.roles import Role, requires
from harborweb.audit.keys import rotation
from harborweb.errors import Problem
from harborweb.signing import services as signing
from harborweb.signing.models import BulkItem, Key


@requires(Role.ADMINISTRATOR)
@require_GET
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is, and the next step."""
    return _page(request, _old(pk))


@requires(Role.ADMINISTRATOR)
@require_POST
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """Step 1: the new key."""
    old = _old(pk)
    new = Key.objects.filter(pk=number_in(request.POST.get("successor"))).exclude(pk=pk).first()
    if new is None:
        return _page(request, old)
    return _done(request, old, lambda: rotation.choose(request, old, new))


@requires(Role.ADMINISTRATOR)
@require_POST
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Step 2: look again at what the old key has signed."""
    old = _old(pk)
    return _done(request, old, lambda: rotation.look(request, old))


@requires(Role.ADMINISTRATOR)
@sensitive_post_parameters("password")
@require_POST
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    """Step 3: sign again."""
    old = _old(pk)
    return _done(request, old, lambda: rotation.sign(request, old, request.POST.get("password", "")))


def _old(pk: int) -> Key:
    return get_object_or_404(Key.objects.select_related("successor"), pk=pk, state=Key.State.READY)


def _done(request: HttpRequest, old: Key, step: Any) -> HttpResponse:
    try:
        step()
    except Problem as problem:
        return _page(request, old, problem)
    return redirect("audit:rotation", old.pk)


def _page(request: HttpRequest, old: Key, problem: Problem | None = None) -> HttpResponse:
    found = rotation.state(old)
    context = {
        "key": old, "state": found, "problem": problem, "retire": rotation.retirement(old),
        "choices": [one for one in signing.signing_keys() if one.pk != old.pk and one.trusted],
        "lists": [
            (one, counts, sum(counts[state] for state in BulkItem.OPEN))
            for one in found.lists for counts in [one.counts()]
        ],
    }  # fmt: skip
    return render(request, "audit/keys/rotation.html", context, status=422 if problem else 200)
