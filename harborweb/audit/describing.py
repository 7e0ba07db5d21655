"""What a report says of a registry that was swept: when, with which keys, by which policy."""

import json

from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.audit import counts
from harborweb.audit.badge.disagreeing import FALSE, MISSING, SHOWN
from harborweb.audit.filtering import Filter
from harborweb.audit.formats.about import About, TrustedBy
from harborweb.audit.policies.standings import latest
from harborweb.audit.report import key_file
from harborweb.audit.words import WORDS
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict

BADGES = {
    FALSE: gettext_lazy("only what Harbor shows as signed and no trusted key signed"),
    MISSING: gettext_lazy("only what a trusted key signed and Harbor does not show as signed"),
    SHOWN: gettext_lazy("only what Harbor shows as signed"),
}


def about(registry: Registry | None, scope: str = "") -> About:
    """The head of a report about what is kept of `registry`; `scope` says what part of it, empty: all."""
    last = counts.last_sweep(registry)
    return About(
        host=registry.host if registry else "-", made=timezone.now(), name=registry.name if registry else "",
        swept=last.finished if last else None, complete=last.complete if last else False,
        keys=tuple(_trusted(key) for key in Key.objects.filter(trusted=True, state=Key.State.READY).order_by("name")),
        scope=scope, policy=_policy(registry),
    )  # fmt: skip


def _policy(registry: Registry | None) -> str:
    """The policy that holds, as JSON; nothing where there is none."""
    revision = latest(registry) if registry else None
    return json.dumps(revision.document, indent=1, ensure_ascii=False) if revision else ""


def scope(chosen: Filter) -> str:
    """What a filter leaves of the whole, in words; nothing where it leaves all."""
    parts = []
    if chosen.verdict == "findings":
        parts.append(_("findings only"))
    elif chosen.verdict != "all":
        parts.append(_("only those with the verdict “%s”") % WORDS[Verdict(chosen.verdict)])
    if chosen.project:
        parts.append(_("only the project %s") % chosen.project)
    if chosen.key:
        parts.append(_("only what the key %s… signed") % chosen.key[:16])
    if chosen.badge:
        parts.append(str(BADGES[chosen.badge]))
    if chosen.text:
        parts.append(_("only what matches “%s”") % chosen.text)
    return ", ".join(parts)


def _trusted(key: Key) -> TrustedBy:
    def day(at: object) -> str:
        return format_date(timezone.localtime(at), "j M Y H:i T")  # type: ignore[arg-type]

    notes = []
    if key.not_before:
        notes.append(_("counts from %s on") % day(key.not_before))
    if key.not_after:
        notes.append(_("counts until %s") % day(key.not_after))
    if key.revoked_from:
        notes.append(_("revoked from %s on") % day(key.revoked_from))
    if key.projects:
        notes.append(_("only in %s") % ", ".join(key.projects))
    fingerprint = key.fingerprint or ""
    return TrustedBy(
        key.name, fingerprint, key.algorithm, key.public_pem.strip(), key_file(key.name, fingerprint), "; ".join(notes)
    )
