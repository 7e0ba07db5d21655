"""The door of rules: make one, switch it, remove it; each is recorded."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.audit.models import Hook, SigningRule
from harborweb.errors import Problem
from harborweb.registry.models import Registry
from harborweb.registry.names import is_repository
from harborweb.signing.models import Key

MOST = 100


@dataclass(frozen=True)
class NewRule:
    """A rule as it was typed."""

    project: str
    tags: list[str]
    pushers: list[str]
    key: Key


def add(request: HttpRequest, registry: Registry, wanted: NewRule) -> SigningRule:
    """Keep a rule, switched off; raises Problem for one that could not be meant."""
    if not registry.is_harbor:
        raise Problem(
            _("%s is no Harbor.") % registry.name,
            _("Only a Harbor tells who pushed, so only there images are signed by rule."),
        )
    if not is_repository(wanted.project) or "/" in wanted.project:
        raise Problem(_("This is no project’s name."), _("Type it as Harbor shows it."), field="project")
    if any(set(one) & set("*?[") for one in wanted.pushers):
        raise Problem(
            _("A pusher is named whole, not by a pattern."),
            _("Whoever could choose a fitting name would get signatures. Type each name."),
            field="pushers",
        )
    if SigningRule.objects.filter(registry=registry).count() >= MOST:
        raise Problem(_("There are %d rules already.") % MOST, _("Remove one first."))
    rule = SigningRule.objects.create(
        registry=registry, project=wanted.project, tags=wanted.tags, pushers=wanted.pushers, key=wanted.key,
        created_by=request.user.get_username(),
    )  # fmt: skip
    record(request, "add signing rule", f"{registry.name}/{rule.project}", _described(rule))
    return rule


def switch(request: HttpRequest, rule: SigningRule, on: bool) -> None:
    """Switch a rule on or off; on, only later pushes count."""
    rule.on_since = timezone.now() if on else None
    rule.save(update_fields=["on_since"])
    where = f"{rule.registry.name}/{rule.project}"
    record(request, "switch signing rule on" if on else "switch signing rule off", where, _described(rule))


def remove(request: HttpRequest, rule: SigningRule) -> None:
    """Remove a rule; what it decided stays in the trail."""
    record(request, "remove signing rule", f"{rule.registry.name}/{rule.project}", _described(rule))
    rule.delete()


def telling(registry: Registry) -> set[str]:
    """The projects of which Harbor tells us: without that no rule hears of a push."""
    return set(Hook.objects.filter(registry=registry, enabled=True).values_list("project", flat=True))


def _described(rule: SigningRule) -> str:
    words = {"tags": ", ".join(rule.tags), "who": ", ".join(rule.pushers), "key": rule.key.name}
    return _("tags %(tags)s, pushed by %(who)s, key %(key)s") % words
