"""Projects, repositories and artifacts of a registry."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRedirect

from harborweb.accounts.roles import Role, requires
from harborweb.audit import services as audit
from harborweb.errors import Problem
from harborweb.registry import names
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.models import Registry
from harborweb.registry.services import catalog
from harborweb.signing import services as signing
from harborweb.store import services

ROWS = 100


@requires(Role.VIEWER)
@require_GET
def projects(request: HttpRequest, pk: int) -> HttpResponse:
    """The projects of a registry: first path segments of what it lists."""
    registry = get_object_or_404(Registry, pk=pk)
    context: dict[str, Any] = {"registry": registry, "q": request.GET.get("q", "").strip()}
    try:
        found = catalog(registry)
    except Problem as problem:
        return render(request, "store/projects.html", {**context, "problem": problem}, status=502)
    judged = {project.name: project for project in audit.summary(registry).projects}
    rows = [(name, count, judged.get(name)) for name, count in found.projects() if context["q"] in name]
    context |= {
        "catalog": found,
        "page": Paginator(rows, ROWS).get_page(request.GET.get("page")),
        "swept": bool(judged),
    }
    return render(request, "store/projects.html", context)


@requires(Role.VIEWER)
@require_GET
def go(request: HttpRequest, pk: int) -> HttpResponse:
    """To a repository whose name was typed; it need not be listed."""
    registry = get_object_or_404(Registry, pk=pk)
    name = request.GET.get("name", "").strip().strip("/").removeprefix(f"{registry.host}/")
    try:
        return redirect("store:repository", registry.pk, names.check_repository(name))
    except Problem as problem:
        context = {"registry": registry, "typed": name, "go_problem": problem}
        return render(request, "store/projects.html", context, status=422)


@requires(Role.VIEWER)
@require_GET
def repositories(request: HttpRequest, pk: int, project: str) -> HttpResponse:
    """The repositories of a project."""
    registry = get_object_or_404(Registry, pk=pk)
    context: dict[str, Any] = {"registry": registry, "project": project, "q": request.GET.get("q", "").strip()}
    try:
        found = catalog(registry)
    except Problem as problem:
        return render(request, "store/repositories.html", {**context, "problem": problem}, status=502)
    rows = [name for name in found.of(project) if context["q"] in name]
    context |= {"catalog": found, "page": Paginator(rows, ROWS).get_page(request.GET.get("page"))}
    return render(request, "store/repositories.html", context)


@requires(Role.VIEWER)
@require_GET
def repository(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """One page of a repository's tags, or what a search finds there."""
    registry = get_object_or_404(Registry, pk=pk)
    q, last, unfold = (request.GET.get(key, "").strip() for key in ("q", "last", "unfold"))
    context: dict[str, Any] = {
        "registry": registry, "repository": name, "project": name.partition("/")[0], "q": q, "last": last,
        "unfold": unfold,
    }  # fmt: skip
    try:
        if q:
            found = services.search(registry, name, q)
            if found.digest:
                return _to(request, _artifact_url(registry, name, found.digest, found.tag))
            context["found"] = found
        else:
            context["listing"] = services.listing(registry, name, last, unfold=bool(unfold))
    except Problem as problem:
        return render(request, "store/repository.html", {**context, "problem": problem}, status=_status(problem))
    return render(request, "store/repository.html", context)


@requires(Role.VIEWER)
@require_GET
def artifact(request: HttpRequest, pk: int, name: str, digest: str) -> HttpResponse:
    """One artifact by digest; `?tag=` says which tag led here, so that a tag that has moved is told."""
    registry = get_object_or_404(Registry, pk=pk)
    tag = request.GET.get("tag", "").strip()
    keys = signing.signing_keys()
    context: dict[str, Any] = {
        "registry": registry, "repository": name, "project": name.partition("/")[0], "digest": digest, "tag": tag,
        "keys": keys,
    }  # fmt: skip
    try:
        found, around, verdict = services.artifact(registry, name, digest, tag)
    except Problem as problem:
        return render(request, "store/fault.html", {**context, "problem": problem}, status=_status(problem))
    context |= {
        "artifact": found, "around": around, "verdict": verdict,
        "moved": bool(tag) and found.tag_digest not in {digest, ""},
        "commands": services.commands(registry, name, digest),
        "now_url": _artifact_url(registry, name, found.tag_digest, tag) if found.tag_digest else "",
    }  # fmt: skip
    return render(request, "store/artifact.html", context)


def _status(problem: Problem) -> int:
    """404 for what a registry says is not there and for addresses that name nothing, 502 for a registry's fault."""
    absent = isinstance(problem, NotFound) or (isinstance(problem, RegistryError) and problem.kind == "invalid")
    return 404 if absent else 502


def _to(request: HttpRequest, url: str) -> HttpResponse:
    """To another page; htmx would put it into the place of the list, so the browser is sent there."""
    return HttpResponseClientRedirect(url) if request.headers.get("HX-Request") else redirect(url)


def _artifact_url(registry: Registry, name: str, digest: str, tag: str) -> str:
    url = reverse("store:artifact", args=[registry.pk, name, digest])
    return f"{url}?{urlencode({'tag': tag})}" if tag else url
