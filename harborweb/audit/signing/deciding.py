"""Automatic signing: what was pushed is signed where a rule says so and Harbor's own log confirms who pushed.

A webhook is told by whoever knows its secret, and project administrators read it in Harbor. So it is only the occasion:
the registry is asked for the tag's digest, Harbor's log for the pusher, and what cannot be confirmed is not signed.
Signatures are no images: they come without a tag, at a tag of cosign's, or refer to something, and none of these is
considered. So signing sets off no signing.
"""

import time
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from django.db import transaction
from django.utils.translation import gettext as _

from harborweb.audit.models import SigningDecision, SigningRule
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry import running
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.pushes import Push, last_push
from harborweb.registry.models import Registry
from harborweb.registry.names import COSIGN_TAG
from harborweb.signing import services as signing
from harborweb.signing.limits import is_over

KEPT = 2_000  # decisions of one registry
ASK_AGAIN = (0.0, 1.0, 3.0)  # seconds: Harbor writes its log a little after it has told of a push
MOST_WAITS = 10  # of one round, however many tags and rules: who knows the webhook's secret may tell of thousands


def consider(run: Run, registry: Registry, repository: str, pushed: Mapping[str, str]) -> None:
    """Decide about each pushed image (digest by tag), write why, and ask for the signatures; raises nothing."""
    project, waits = repository.partition("/")[0], iter(range(MOST_WAITS))
    rules = SigningRule.objects.filter(registry=registry, project=project, on_since__isnull=False).select_related("key")
    for tag, digest in pushed.items():
        if COSIGN_TAG.fullmatch(tag):
            continue
        for rule in rules:
            decision = _decided(rule, repository, tag, digest, waits)
            if decision is not None:
                run.line(str(decision))
    _forget(registry)


def _decided(rule: SigningRule, repository: str, tag: str, digest: str, waits: Iterator[int]) -> SigningDecision | None:
    """The decision as it was kept; None where this very push was decided before."""
    decision = SigningDecision(
        rule=rule, registry=rule.registry, project=rule.project, repository=repository, tag=tag, digest=digest,
        signs=False,
    )  # fmt: skip
    if not any(fnmatchcase(tag, one) for one in rule.tags):
        decision.reason = _("The tag fits none of the rule’s patterns: %s.") % ", ".join(rule.tags)
        return _kept(decision)
    try:
        push = _confirmed(rule.registry, repository, tag, digest, waits)
        decision.pusher, decision.entry = push.who, push.number
        rule.refresh_from_db()  # while Harbor was asked, somebody may have changed their mind
        same = SigningDecision.objects.filter(
            rule=rule, repository=repository, tag=tag, digest=digest, entry=push.number
        )
        if same.exists():
            return None
        decision.reason = _refusal(rule, push)
        if not decision.reason:
            return _signed(rule, decision)
    except Problem as problem:
        decision.reason = str(problem)[:500]
    except SigningRule.DoesNotExist:
        decision.reason = _("The rule was removed meanwhile.")
    return _kept(decision)


def _refusal(rule: SigningRule, push: Push) -> str:
    """Why a confirmed push is not signed, or nothing."""
    if push.who not in rule.pushers:
        return _("Pushed by %(who)s, whom the rule does not name.") % {"who": push.who}
    if rule.on_since is None:
        return _("The rule was switched off meanwhile.")
    if push.at < rule.on_since:
        return _("Pushed before the rule was switched on.")
    if not rule.key.signs or rule.key.asks:
        return _("The key %s cannot sign by itself: its password is not stored here.") % rule.key.name
    if rule.key.revoked_from is not None or is_over(rule.key):
        return _("The key %s is revoked, or its time is up.") % rule.key.name
    return ""


@transaction.atomic
def _signed(rule: SigningRule, decision: SigningDecision) -> SigningDecision:
    decision.signs = True
    decision.reason = _("Harbor’s log says that %(who)s pushed it, and rule %(rule)d names them and the tag.") % {
        "who": decision.pusher, "rule": rule.pk,
    }  # fmt: skip
    decision.job = signing.request_sign(
        None, rule.registry, decision.repository, decision.digest, decision.tag, rule.key,
        signer=_("harborweb, by rule %d") % rule.pk,
    )  # fmt: skip
    return _kept(decision)


def _confirmed(registry: Registry, repository: str, tag: str, digest: str, waits: Iterator[int]) -> Push:
    """The push by which the tag got this digest, as Harbor's log has it; raises Problem where it has none.

    Each time that Harbor is waited for takes one of `waits`; without any it is asked once.
    """

    async def ask() -> Push | None:
        async with Harbor(registry.endpoint()) as harbor:
            return await last_push(harbor, repository, tag)

    if not registry.is_harbor:
        raise Problem(_("Not confirmed: this registry is no Harbor."), _("Only Harbor says who pushed."))
    push = None
    for wait in ASK_AGAIN:
        if wait and next(waits, None) is None:
            break
        time.sleep(wait)
        push = running.run(ask())
        if push is not None and push.digest == digest:
            return push
    if push is not None:
        raise Problem(
            _("Not confirmed: the last push of this tag in Harbor’s log is of another digest."),
            _("Somebody moved the tag otherwise, or pushed again meanwhile."),
        )
    raise Problem(
        _("Not confirmed: Harbor’s log does not say who pushed this tag."),
        _("Its audit log may be off for pushes, or forwarded elsewhere."),
    )


@transaction.atomic
def _kept(decision: SigningDecision) -> SigningDecision:
    decision.rule = SigningRule.objects.filter(pk=decision.rule_id or 0).first()  # removed while Harbor was asked: none
    decision.save()
    return decision


def _forget(registry: Registry) -> None:
    """Keep the newest decisions."""
    kept = SigningDecision.objects.filter(registry=registry)
    last = kept.values_list("pk", flat=True)[KEPT : KEPT + 1].first()
    if last is not None:
        kept.filter(pk__lte=last).delete()
