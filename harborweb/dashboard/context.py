"""What the top bar shows on every page."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from harborweb.accounts.roles import Role
from harborweb.accounts.views import THEME_COOKIE, THEMES
from harborweb.jobs.models import Job


@dataclass(frozen=True)
class Room:
    """A link of the top bar."""

    name: str
    url: str
    current: bool
    count: int = 0


def _rooms(request: HttpRequest, findings: int) -> list[Room]:
    """The rooms in the order of work; `current` by the namespace of the page's address."""
    match = getattr(request, "resolver_match", None)
    here = match.namespaces[0] if match and match.namespaces else ""
    view = match.view_name if match else ""
    rooms = [
        (_("Dashboard"), "dashboard:home", view == "dashboard:home", 0),
        (_("Configuration"), "configuration:home", here == "configuration", 0),
        (_("Deployment"), "deployment:home", here == "deployment", 0),
        (_("Registry"), "store:registries", here == "store", 0),
        (_("Keys"), "signing:keys", here == "signing", 0),
        (_("Audit"), "audit:home", here == "audit", findings),
        (_("Jobs"), "jobs:list", here == "jobs", 0),
        (_("Activity"), "accounts:activity", view == "accounts:activity", 0),
    ]
    found = []
    for name, target, current, count in rooms:
        try:
            found.append(Room(name, reverse(target), current, count))
        except NoReverseMatch:
            continue
    return found


def bar(request: HttpRequest) -> dict[str, Any]:
    """`bar` for base.html; empty for those who are not signed in, and where the database is down."""
    user = getattr(request, "user", None)
    theme = request.COOKIES.get(THEME_COOKIE, "")
    shown: dict[str, Any] = {"bar": None, "languages": settings.LANGUAGES, "theme": theme if theme in THEMES else ""}
    try:
        if user is None or not user.is_authenticated:
            return shown
        running = Job.objects.filter(state__in=Job.ACTIVE).count()
        registry = apps.get_model("registry", "Registry").objects.order_by("pk").first()
        findings = _findings()
    except (DatabaseError, LookupError):
        registry, running, findings = None, 0, 0
    shown["bar"] = {
        "rooms": _rooms(request, findings),
        "running": running,
        "registry": registry,
        "administrator": bool(user and user.may(Role.ADMINISTRATOR)),
    }
    return shown


def _findings() -> int:
    try:
        summary = import_module("harborweb.audit.services").summary()
    except (ImportError, AttributeError):
        return 0
    return int(getattr(summary, "findings", 0) or 0)
