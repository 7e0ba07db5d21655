"""The door of notices: channels made, changed, tried and removed; the token of the metrics."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.services import record
from harborweb.audit.hooks.hashing import hashed
from harborweb.audit.models import Channel, MetricsAccess
from harborweb.audit.notices import noting
from harborweb.audit.notices.sending import PURPOSE, new_secret

Kind = Channel.Kind


def save(request: HttpRequest, channel: Channel, typed: Mapping[str, Any]) -> str:
    """Write what was typed; returns the new webhook's secret, to be shown once, or nothing.

    An empty address keeps the one there is. A new channel is told what happens from now on.
    """
    fresh = channel.pk is None
    for name in ("name", "kind", "registry", "ca_pem", "kinds", "projects", "minutes", "base", "enabled"):
        setattr(channel, name, typed[name])
    if typed["address"]:
        channel.address_sealed = sealing.seal(typed["address"], PURPOSE)
        channel.shown = shown_address(channel.kind, typed["address"])
        channel.due, channel.failures, channel.problem, channel.problem_at = timezone.now(), 0, "", None
    secret = ""
    if channel.kind == Kind.WEBHOOK and (channel.secret_sealed is None or typed.get("renew")):
        secret = new_secret()
        channel.secret_sealed = sealing.seal(secret, PURPOSE)
    if fresh:
        channel.cursor, channel.created_by = noting.newest(), request.user.get_username()
    channel.save()
    record(request, "add notice channel" if fresh else "change notice channel", channel.name, channel.shown)
    return secret


def shown_address(kind: str, address: str) -> str:
    """Where it goes, for everybody: of a URL the origin alone, for the path and the query are often the secret."""
    if kind == Kind.EMAIL:
        return address[:500]
    url = urlsplit(address)
    return f"{url.scheme}://{url.hostname or ''}{f':{url.port}' if url.port else ''}/…"[:500]


def remove(request: HttpRequest, channel: Channel) -> None:
    """Delete a channel with its history."""
    name = channel.name
    channel.delete()
    record(request, "remove notice channel", name)


def new_token(request: HttpRequest) -> str:
    """A fresh token for the metrics, shown once; the one before it opens nothing any more."""
    token = secrets.token_urlsafe(32)
    MetricsAccess.objects.all().delete()
    MetricsAccess.objects.create(token_hash=hashed(token), made_by=request.user.get_username())
    record(request, "make metrics token", "metrics")
    return token


def close_metrics(request: HttpRequest) -> None:
    """Nobody may scrape any more."""
    if MetricsAccess.objects.all().delete()[0]:
        record(request, "remove metrics token", "metrics")


def may_scrape(authorization: str) -> bool:
    """Whether an Authorization header bears the token; who does is noted."""
    access = MetricsAccess.objects.first()
    scheme, _space, token = authorization.partition(" ")
    if access is None or scheme.lower() != "bearer" or not constant_time_compare(hashed(token), access.token_hash):
        return False
    MetricsAccess.objects.filter(pk=access.pk).update(scraped=timezone.now())
    return True


def said(channel: Channel) -> tuple[str, str]:
    """Its state as shape and word."""
    if not channel.enabled:
        return "off", _("Off")
    if channel.problem:
        return "bad", _("Failing")
    return ("good", _("Works")) if channel.told or channel.messages.filter(state="sent").exists() else (
        "none", _("Nothing sent yet")
    )  # fmt: skip
