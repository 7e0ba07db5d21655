"""What the top bar shows on every page."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from harborweb.accounts.models import User
from harborweb.accounts.roles import Role
from harborweb.accounts.views import THEME_COOKIE, THEMES
from harborweb.audit.counts import open_findings
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry


@dataclass(frozen=True)
class Room:
    """A link of the top bar."""

    name: str
    url: str
    current: bool
    count: int = 0


def _rooms(request: HttpRequest, findings: int) -> list[Room]:
    """The rooms in the order of work; `current` by the namespace of the page's address, and by its name for those of
    the audit's pages that are of keys."""
    match = getattr(request, "resolver_match", None)
    here = match.namespaces[0] if match and match.namespaces else ""
    view = match.view_name if match else ""
    keys = view.startswith(("audit:key", "audit:rotation"))
    rooms = [
        (_("Dashboard"), "dashboard:home", view == "dashboard:home", 0),
        (_("Configuration"), "configuration:home", here == "configuration", 0),
        (_("Deployment"), "deployment:home", here == "deployment", 0),
        (_("Access"), "access:home", here == "access", 0),
        (_("Registry"), "store:registries", here == "store", 0),
        (_("Keys"), "signing:keys", here == "signing" or keys, 0),
        (_("Audit"), "audit:home", here == "audit" and not keys, findings),
        (_("Jobs"), "jobs:list", here == "jobs", 0),
        (_("Activity"), "accounts:activity", view == "accounts:activity", 0),
    ]
    return [Room(name, reverse(target), current, count) for name, target, current, count in rooms]


def bar(request: HttpRequest) -> dict[str, Any]:
    """`bar`, `languages` and `theme` for base.html; no bar for strangers, and none where the database is down."""
    user = getattr(request, "user", None)
    theme = request.COOKIES.get(THEME_COOKIE, "")
    shown: dict[str, Any] = {"bar": None, "languages": settings.LANGUAGES, "theme": theme if theme in THEMES else ""}
    try:
        if isinstance(user, User):
            shown["bar"] = {
                "rooms": _rooms(request, open_findings()),
                "running": Job.objects.filter(state__in=Job.ACTIVE).count(),
                "registry": Registry.objects.order_by("pk").first(),
                "administrator": user.may(Role.ADMINISTRATOR),
            }
    except DatabaseError:
        shown["bar"] = None
    return shown
