"""Sign-ins, failed ones and lock-outs go into the trail."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from harborweb.accounts.models import User
from harborweb.accounts.services import record


def _known(credentials: dict[str, Any]) -> str:
    """The name as typed where somebody has it; else nothing, because people type passwords there too."""
    name = str(credentials.get("username", ""))[:150]
    return name if User.objects.filter(username=name).exists() else ""


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **_more: Any) -> None:
    """Somebody came in."""
    record(request, "sign in", user.get_username(), user=user)


@receiver(user_logged_out)
def signed_out(request: HttpRequest, user: User | None, **_more: Any) -> None:
    """Somebody left."""
    if user is not None:
        record(request, "sign out", user.get_username(), user=user)


@receiver(user_login_failed)
def failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_more: Any) -> None:
    """A name and a password that do not fit."""
    if request is not None and not getattr(request, "axes_locked_out", False):
        record(request, "failed sign-in", _known(credentials) or "-")


@receiver(user_locked_out)
def locked(request: HttpRequest, username: str, **_more: Any) -> None:
    """Too many failed tries."""
    record(request, "lock-out", _known({"username": username}) or "-")
