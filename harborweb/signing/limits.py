"""When and where a key's signatures count: set, recorded, and brought back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.signing.models import Key, KeyChange
from harborweb.verification.keys import load_public_key
from harborweb.verification.trust import TrustedKey

SOON_DAYS = 30


@dataclass(frozen=True)
class Limits:
    """Whether a key counts, from when to when, in which projects; who comes after it, and whether it is published."""

    trusted: bool = True
    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked_from: datetime | None = None
    revoked_reason: str = ""
    successor: int | None = None  # a key's number
    projects: tuple[str, ...] = ()
    published: bool = False

    @classmethod
    def of(cls, key: Key) -> "Limits":
        """Those that hold for `key`."""
        return cls(
            key.trusted, key.not_before, key.not_after, key.revoked_from, key.revoked_reason, key.successor_id,
            tuple(key.projects), key.published,
        )  # fmt: skip

    @classmethod
    def read(cls, document: dict[str, Any]) -> "Limits":
        """Those in a document that `written` has made; a successor that was deleted since is none."""
        times = {name: parse_datetime(document[name] or "") for name in ("not_before", "not_after", "revoked_from")}
        successor = Key.objects.filter(pk=document["successor"] or 0).first()
        return cls(
            trusted=document["trusted"], revoked_reason=document["revoked_reason"],
            successor=successor.pk if successor else None, projects=tuple(document["projects"]),
            published=document["published"], **times,
        )  # fmt: skip

    def written(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "trusted": self.trusted, "revoked_reason": self.revoked_reason, "successor": self.successor,
            "projects": list(self.projects), "published": self.published,
            **{name: getattr(self, name) and getattr(self, name).isoformat()
               for name in ("not_before", "not_after", "revoked_from")},
        }  # fmt: skip

    def trust(self, key: Key) -> TrustedKey | None:
        """What the audit makes of `key` under these limits; None: its signatures count nowhere."""
        if not self.trusted or key.state != Key.State.READY:
            return None
        public = load_public_key(key.public_pem.encode(), key.name)
        return TrustedKey(
            public, self.not_before, self.not_after, self.revoked_from, self.revoked_reason, self.projects
        )


def set_limits(request: HttpRequest | None, key: Key, limits: Limits, *, restored: bool = False) -> bool:
    """Save `limits`, with what they were, so that they can be brought back; False where nothing is another.

    Raises Problem for limits that contradict each other.
    """
    check(key, limits)
    with transaction.atomic():
        row = Key.objects.select_for_update().get(pk=key.pk)
        before = Limits.of(row)
        if before == limits:
            return False
        Key.objects.filter(pk=key.pk).update(
            trusted=limits.trusted, not_before=limits.not_before, not_after=limits.not_after,
            revoked_from=limits.revoked_from, revoked_reason=limits.revoked_reason, successor=limits.successor,
            projects=list(limits.projects), published=limits.published,
        )  # fmt: skip
        KeyChange.objects.create(
            key=row, by=request.user.get_username() if request else "", before=before.written(), after=limits.written()
        )
        record(request, _action(before, limits, restored), row.name, "; ".join(differences(before, limits)))
    return True


def _action(before: Limits, after: Limits, restored: bool) -> str:
    if restored:
        return "restore key limits"
    if before.trusted != after.trusted:
        return "trust key" if after.trusted else "stop trusting key"
    if before.revoked_from != after.revoked_from:
        return "revoke key" if after.revoked_from else "withdraw revocation of key"
    return "change key limits"


def check(key: Key, limits: Limits) -> None:
    """Raise Problem for limits that contradict each other."""
    if limits.not_before and limits.not_after and limits.not_before >= limits.not_after:
        raise Problem(
            _("The window ends before it begins."),
            _("Then no signature at all would count. Stop trusting the key, if that is meant."),
            field="not_after",
        )
    if limits.revoked_from and not limits.revoked_reason.strip():
        raise Problem(
            _("A revocation has a reason."),
            _("It is shown with every signature that does not count because of it."),
            field="revoked_reason",
        )
    seen, row = {key.pk}, limits.successor
    while row is not None:
        if row in seen:
            raise Problem(
                _("These keys would succeed each other in a circle."), _("Choose another successor."), field="successor"
            )
        seen.add(row)
        row = Key.objects.filter(pk=row).values_list("successor", flat=True).first()


def differences(before: Limits, after: Limits) -> list[str]:
    """What is another, each as "trusted until: - → 2 Dec 2026 00:00 UTC"."""
    names = {
        "trusted": _("trusted"), "not_before": _("trusted from"), "not_after": _("trusted until"),
        "revoked_from": _("revoked from"), "revoked_reason": _("reason"), "successor": _("successor"),
        "projects": _("projects"), "published": _("published"),
    }  # fmt: skip
    return [
        f"{word}: {_shown(name, getattr(before, name))} → {_shown(name, getattr(after, name))}"
        for name, word in names.items()
        if getattr(before, name) != getattr(after, name)
    ]


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, tuple):
        return ", ".join(value) or _("every project")
    if name == "successor" and value:
        return Key.objects.filter(pk=value).values_list("name", flat=True).first() or "-"
    return str(value or "-")


def moment(at: datetime) -> str:
    """A moment as people read it, with its zone: "2 Dec 2026 00:00 UTC"."""
    return date_format(timezone.localtime(at), "j M Y H:i T")


def is_over(key: Key, now: datetime | None = None) -> bool:
    """Whether what it signs from now on would not count: revoked, or its time is up."""
    now = now or timezone.now()
    return any(end is not None and end <= now for end in (key.revoked_from, key.not_after))


def check_signs(key: Key) -> None:
    """Raise Problem unless `key` can sign, and what it signs now can count."""
    if not key.signs:
        raise Problem(
            _("%s cannot sign: only its public half is here.") % key.name, _("Choose a key pair."), field="key"
        )
    if not is_over(key):
        return
    end = min(one for one in (key.revoked_from, key.not_after) if one is not None)
    raise Problem(
        _("%(name)s signs no more: a signature that is first seen after %(end)s does not count.")
        % {"name": key.name, "end": moment(end)},
        _("Sign with its successor, %s.") % key.successor.name
        if key.successor
        else _("Choose another key, or set its limits anew."),
        field="key",
    )


def state_of(key: Key, now: datetime | None = None) -> tuple[str, str, str]:
    """A ready key's state: name (trusted, ends, begins, revoked, ended, off), its word, and the words below it."""
    now = now or timezone.now()
    if not key.trusted:
        return "off", _("Not trusted"), ""
    if key.revoked_from is not None and key.revoked_from <= now:
        return "revoked", _("Revoked"), _("from %s") % _day(key.revoked_from)
    if key.not_after is not None and key.not_after <= now:
        return "ended", _("Ended"), _day(key.not_after)
    if key.not_before is not None and key.not_before > now:
        return "begins", _("Not yet"), _("from %s") % _day(key.not_before)
    end = min((one for one in (key.not_after, key.revoked_from) if one is not None), default=None)
    if end is None:
        return "trusted", _("Trusted"), _("no end set")
    days = (end - now).days
    if days >= SOON_DAYS:
        return "trusted", _("Trusted"), _("until %s") % _day(end)
    words = _("Ends today") if not days else _("Ends in 1 day") if days == 1 else _("Ends in %d days") % days
    return "ends", words, _("until %s") % _day(end)


def ending(now: datetime | None = None) -> list[Key]:
    """Trusted keys that end or are revoked within SOON_DAYS, the next first."""
    now = now or timezone.now()
    found = [key for key in Key.objects.filter(trusted=True, state=Key.State.READY) if state_of(key, now)[0] == "ends"]
    return sorted(found, key=lambda key: min(one for one in (key.not_after, key.revoked_from) if one is not None))


def _day(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y")
