"""The pages of a registry's policy: what holds, typing another one, and what that one would change."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.http import Request, number_in
from harborweb.accounts.roles import Role, requires
from harborweb.audit.choosing import registry_of
from harborweb.audit.models import PolicyRevision
from harborweb.audit.policies import pages, revisions
from harborweb.audit.policies.impact import impact
from harborweb.audit.policies.standings import latest, number_of, policy_of
from harborweb.audit.report import file_name
from harborweb.errors import Problem
from harborweb.registry.models import Registry
from harborweb.verification.policy import Policy, read_policy

HISTORY = 20


@requires(Role.VIEWER)
@require_GET
def home(request: Request) -> HttpResponse:
    """What is wanted of the images of a registry, or was by an older revision."""
    registry = registry_of(request)
    if registry is None:
        return render(request, "audit/policy.html", {"registry": None})
    shown = pages.revision_or_none(registry, request.GET.get("number", ""))
    policy = read_policy(shown.document) if shown else policy_of(registry)
    if project := request.GET.get("suggest", "")[:255]:
        policy = pages.with_suggestion(registry, project)
    return _page(request, registry, pages.Draft.of(policy), shown=shown, policy=policy)


@requires(Role.OPERATOR)
@require_POST
def edit(request: Request, pk: int) -> HttpResponse:
    """A row more, less or elsewhere; or, with all rows right, what they would change."""
    registry = get_object_or_404(Registry, pk=pk)
    action = request.POST.get("do", "impact")
    if action == "text":
        return _from_text(request, registry)
    if action == "rows":
        return _from_text(request, registry, rows=True)
    if action != "impact":
        return _page(request, registry, pages.Draft.changed(request.POST, action))
    draft = pages.Draft.posted(request.POST)
    try:
        policy = draft.policy()
    except Problem as problem:
        return _page(request, registry, draft, problem=problem, status=422)
    if policy is None:
        return _page(
            request, registry, draft, problem=Problem(_("Nothing was saved: a row is not right yet.")), status=422
        )
    return _impact(request, registry, policy)


@requires(Role.OPERATOR)
@require_POST
def restore(request: Request, pk: int, number: int) -> HttpResponse:
    """What going back to an older revision would change."""
    registry = get_object_or_404(Registry, pk=pk)
    revision = get_object_or_404(PolicyRevision, registry=registry, number=number)
    return _impact(request, registry, read_policy(revision.document), restored=number)


@requires(Role.OPERATOR)
@require_POST
def save(request: Request, pk: int) -> HttpResponse:
    """Make what was looked at the policy that holds."""
    registry = get_object_or_404(Registry, pk=pk)
    given = request.POST
    try:
        policy = pages.from_request(request)
        saved = revisions.save(
            request, registry, policy, base=number_in(given.get("base", "")), note=given.get("note", ""),
            restored=number_in(given.get("restored", "")),
        )  # fmt: skip
    except Problem as problem:
        return _page(request, registry, pages.Draft.of(policy_of(registry)), problem=problem, status=422)
    if saved.job is not None:
        return redirect("jobs:detail", saved.job.pk)
    return redirect(f"{reverse('audit:policy')}?registry={registry.pk}&saved={saved.revision.number}")


@requires(Role.VIEWER)
@require_GET
def export(request: Request, pk: int) -> HttpResponse:
    """A policy as a file for the command line."""
    registry = get_object_or_404(Registry, pk=pk)
    asked = request.GET.get("number", "")
    revision = pages.revision_or_none(registry, asked)
    if asked and revision is None:
        raise Http404(_("There is no such revision."))
    policy = read_policy(revision.document) if revision else policy_of(registry)
    name = file_name(f"policy-{registry.name}.json")
    return HttpResponse(
        pages.file_of(policy), content_type="application/json",
        headers={"Content-Disposition": f"attachment; filename={name}"},
    )  # fmt: skip


def _from_text(request: Request, registry: Registry, *, rows: bool = False) -> HttpResponse:
    try:
        policy = pages.from_request(request)
        if rows:
            return _page(request, registry, pages.Draft.of(policy), policy=policy)
        return _impact(request, registry, policy)
    except Problem as problem:
        draft = pages.Draft.changed(request.POST, "")
        return _page(request, registry, draft, problem=problem, text=request.POST.get("document", ""), status=422)


def _impact(request: HttpRequest, registry: Registry, policy: Policy, restored: int = 0) -> HttpResponse:
    context = {
        "registry": registry, "impact": impact(registry, policy), "policy": policy, "file": pages.file_of(policy),
        "base": number_in(request.POST.get("base", "")) if "base" in request.POST else number_of(registry),
        "restored": restored, "ended": pages.ended(policy),
    }  # fmt: skip
    return render(request, "audit/policy_impact.html", context)


def _page(request: HttpRequest, registry: Registry, draft: pages.Draft, status: int = 200, **more: Any) -> HttpResponse:
    now = latest(registry)
    context = {
        "registry": registry, "registries": Registry.objects.order_by("name"), "draft": draft, "latest": now,
        "base": request.POST.get("base", now.number if now else 0), "keys": pages.key_names(),
        "file": pages.file_of(more.get("policy") or policy_of(registry)),
        "revisions": PolicyRevision.objects.filter(registry=registry)[:HISTORY],
        "saved": request.GET.get("saved", "")[:9], "projects": pages.projects(registry),
    }  # fmt: skip
    return render(request, "audit/policy.html", context | more, status=status)
