"""The page of automatic signing."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from harborweb.accounts.http import Request
from harborweb.accounts.roles import Role, requires
from harborweb.audit.choosing import registry_of
from harborweb.audit.models import SigningDecision, SigningRule
from harborweb.audit.signing import rule_services
from harborweb.audit.signing.forms import RuleForm
from harborweb.errors import Problem
from harborweb.registry.models import Registry

PAGE = 50


@requires(Role.VIEWER)
@require_GET
def page(request: Request) -> HttpResponse:
    """The rules of a registry, and why each push was signed or not."""
    return _page(request, registry_of(request), RuleForm())


@requires(Role.ADMINISTRATOR)
@require_POST
def add(request: Request) -> HttpResponse:
    """Keep a rule; it is off until it is switched on."""
    registry = registry_of(request)
    form = RuleForm(request.POST)
    if registry is not None and form.is_valid():
        try:
            rule_services.add(request, registry, rule_services.NewRule(**form.cleaned_data))
            return redirect(_address(registry))
        except Problem as problem:
            form.add_error(problem.field if problem.field in form.fields else None, str(problem))
    return _page(request, registry, form)


@requires(Role.ADMINISTRATOR)
@require_POST
def switch(request: Request, pk: int) -> HttpResponse:
    """Switch a rule on or off."""
    rule = get_object_or_404(SigningRule.objects.select_related("registry", "key"), pk=pk)
    rule_services.switch(request, rule, request.POST.get("on") == "1")
    return redirect(_address(rule.registry))


@requires(Role.ADMINISTRATOR)
@require_POST
def remove(request: Request, pk: int) -> HttpResponse:
    """Remove a rule."""
    rule = get_object_or_404(SigningRule.objects.select_related("registry", "key"), pk=pk)
    rule_services.remove(request, rule)
    return redirect(_address(rule.registry))


def _address(registry: Registry) -> str:
    return reverse("audit:rules") + f"?registry={registry.pk}"


def _page(request: Request, registry: Registry | None, form: RuleForm) -> HttpResponse:
    trail = SigningDecision.objects.filter(registry=registry).select_related("job", "rule")
    told = rule_services.telling(registry) if registry else set()
    rules = SigningRule.objects.filter(registry=registry).select_related("key")
    context = {
        "registry": registry, "registries": Registry.objects.order_by("name"), "form": form,
        "rules": [(rule, rule.project in told) for rule in rules],
        "page": Paginator(trail, PAGE).get_page(request.GET.get("page")),
    }  # fmt: skip
    return render(request, "audit/signing/rules.html", context, status=422 if form.is_bound else 200)
