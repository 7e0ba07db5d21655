"""What every view of the store does the same way."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

from harborweb.errors import Problem
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.models import Registry
from harborweb.store.harbor import links
from harborweb.store.harbor.asking import Asked
from harborweb.store.words import KINDS, SORTS, Choice, Word


def failed(request: HttpRequest, template: str, context: dict[str, Any], problem: Problem) -> HttpResponse:
    """The page with what the registry said instead of a list."""
    return render(request, template, {**context, "problem": problem}, status=status(problem))


def status(problem: Problem) -> int:
    """404 for what a registry says is not there and for addresses that name nothing, 502 for a registry's fault."""
    absent = isinstance(problem, NotFound) or (isinstance(problem, RegistryError) and problem.kind == "invalid")
    return 404 if absent else 502


def frame(
    registry: Registry, asked: Asked, sorts: Sequence[str], kinds: Sequence[str], verdicts: list[Choice]
) -> dict[str, Any]:
    """What the filters of a Harbor's list need."""
    named: list[tuple[str, Word]] = [(one, SORTS[one]) for one in sorts]
    return {
        "registry": registry, "asked": asked, "q": asked.q, "sorts": named, "sort_word": SORTS[asked.sort],
        "kinds": [Choice(one, KINDS[one]) for one in kinds], "verdicts": verdicts, "in_harbor": links.home(registry),
        "filtered": bool(asked.q or asked.kind or asked.verdict),
    }  # fmt: skip


def to(request: HttpRequest, url: str) -> HttpResponse:
    """To another page; htmx would put it into the place of the list, so the browser is sent there."""
    return HttpResponseClientRedirect(url) if request.headers.get("HX-Request") else redirect(url)


def artifact_url(registry: Registry, name: str, digest: str, tag: str = "") -> str:
    """The page of an artifact; `tag` says which tag leads there."""
    url = reverse("store:artifact", args=[registry.pk, name, digest])
    return f"{url}?{urlencode({'tag': tag})}" if tag else url
