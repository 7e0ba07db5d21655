"""The projects of a registry and their repositories."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from harborweb.accounts.roles import Role, requires
from harborweb.audit import services as audit
from harborweb.errors import Problem
from harborweb.registry import names
from harborweb.registry.errors import RegistryError
from harborweb.registry.models import Registry
from harborweb.registry.services import catalog
from harborweb.store.harbor import links, publishing
from harborweb.store.harbor import projects as harbor_projects
from harborweb.store.harbor import repositories as harbor_repositories
from harborweb.store.harbor.asking import Asked
from harborweb.store.showing import failed, frame
from harborweb.store.words import verdicts

ROWS = 100


@requires(Role.VIEWER)
@require_GET
def projects(request: HttpRequest, pk: int) -> HttpResponse:
    """The projects of a Harbor; of a plain registry, the first path segments of what it lists."""
    registry = get_object_or_404(Registry, pk=pk)
    if registry.is_harbor:
        return _projects_of_harbor(request, registry)
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


def _projects_of_harbor(request: HttpRequest, registry: Registry) -> HttpResponse:
    asked = Asked.of(request, harbor_projects.SORTS, harbor_projects.KINDS)
    context = frame(registry, asked, harbor_projects.SORTS, harbor_projects.KINDS, verdicts())
    try:
        lists = harbor_projects.listed(registry, asked)
    except Problem as problem:
        return failed(request, "store/harbor/projects.html", context, problem)
    context |= {"lists": lists, "page": lists.page, "push": publishing.push(registry)}
    return render(request, "store/harbor/projects.html", context)


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
    if registry.is_harbor:
        return _repositories_of_harbor(request, registry, project)
    context: dict[str, Any] = {"registry": registry, "project": project, "q": request.GET.get("q", "").strip()}
    try:
        found = catalog(registry)
    except Problem as problem:
        return render(request, "store/repositories.html", {**context, "problem": problem}, status=502)
    rows = [name for name in found.of(project) if context["q"] in name]
    context |= {"catalog": found, "page": Paginator(rows, ROWS).get_page(request.GET.get("page"))}
    return render(request, "store/repositories.html", context)


def _repositories_of_harbor(request: HttpRequest, registry: Registry, project: str) -> HttpResponse:
    asked = Asked.of(request, harbor_repositories.SORTS)
    context = frame(registry, asked, harbor_repositories.SORTS, (), verdicts()) | {"project": project}
    try:
        found = harbor_repositories.listed(registry, project, asked)
    except Problem as problem:
        if isinstance(problem, RegistryError) and problem.kind == "forbidden":
            problem.advice = _(
                "Harbor says the same of a project that does not exist. Look into the list of projects, or give this "
                "account the right in Harbor."
            )
        return failed(request, "store/harbor/repositories.html", context, problem)
    number = found.project.id if found.project else 0
    context |= {
        "lists": found.lists, "page": found.lists.page, "this": found.project,
        "in_harbor": links.project(registry, number), "members": links.project(registry, number, "members"),
        "push": publishing.push(registry, project),
    }  # fmt: skip
    return render(request, "store/harbor/repositories.html", context)
