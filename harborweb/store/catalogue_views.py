"""The store: cards of what a registry holds, and how to run and publish it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.errors import Problem
from harborweb.registry.models import Registry
from harborweb.store.harbor import catalogue, publishing
from harborweb.store.harbor.asking import Asked
from harborweb.store.showing import failed, frame
from harborweb.store.words import verdicts


@requires(Role.VIEWER)
@require_GET
def store(request: HttpRequest, pk: int) -> HttpResponse:
    """A card for each repository of a Harbor; a plain registry has no descriptions and pulls, so its list does."""
    registry = get_object_or_404(Registry, pk=pk)
    if not registry.is_harbor:
        return redirect("store:projects", registry.pk)
    asked = Asked.of(request, catalogue.SORTS, catalogue.KINDS)
    context: dict[str, Any] = frame(registry, asked, catalogue.SORTS, catalogue.KINDS, verdicts())
    try:
        shelf = catalogue.shelf(registry, asked)
    except Problem as problem:
        return failed(request, "store/catalogue.html", context, problem)
    context |= {"shelf": shelf, "lists": shelf.lists, "page": shelf.lists.page, "push": publishing.push(registry)}
    return render(request, "store/catalogue.html", context)
