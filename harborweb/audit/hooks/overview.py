"""What pages say of a registry's webhooks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.models import Hook, HookEvent
from harborweb.errors import Problem
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry
from harborweb.registry.running import run
from harborweb.registry.services import PATIENCE

NOTICE_DAYS = 7  # how long a word about a quota stands
MOST_NOTICES = 5
MOST_PROJECTS = 1_000


@dataclass(frozen=True)
class Line:
    """One project: its hook, None where there never was one, and how many of its events were left for the sweep."""

    project: str
    hook: Hook | None
    waiting: int = 0
    left: int = 0

    @property
    def state(self) -> tuple[str, str]:
        """Shape and word."""
        if self.hook is None or not self.hook.enabled:
            return "off", _("off")
        if self.left or self._refused():
            return "warn", _("on, with failures")
        return "good", _("on")

    def _refused(self) -> bool:
        """Whether the last thing that came was no event."""
        hook = self.hook
        if hook is None or hook.problem_at is None:
            return False
        return hook.last_event is None or hook.problem_at > hook.last_event


@dataclass(frozen=True)
class Told:
    """How a registry, or one project of it, tells us: how many projects do, and the last event."""

    on: int
    last: datetime | None


def projects_of(registry: Registry) -> tuple[list[str], Problem | None]:
    """The projects that Harbor shows us, at most MOST_PROJECTS, and why there are none where it did not say."""

    async def ask() -> list[str]:
        async with Harbor(registry.endpoint(), PATIENCE) as harbor:
            return [one.name for one in await browsing.first_projects(harbor, MOST_PROJECTS)]

    if not registry.is_harbor:
        return [], None
    try:
        return run(ask()), None
    except Problem as problem:
        return [], problem


def lines(registry: Registry, projects: Iterable[str]) -> list[Line]:
    """A line for each of `projects` and for each that has a hook, in order of their names."""
    recent = Q(told__received__gt=timezone.now() - timedelta(days=NOTICE_DAYS))
    hooks = {
        hook.project: hook
        for hook in Hook.objects.filter(registry=registry).annotate(
            waiting=Count("told", Q(told__state__in=[HookEvent.State.WAITING, HookEvent.State.TAKEN])),
            left=Count("told", Q(told__state=HookEvent.State.LEFT) & recent),
        )
    }
    return [
        Line(name, hook, getattr(hook, "waiting", 0), getattr(hook, "left", 0))
        for name in sorted({*projects, *hooks})
        for hook in [hooks.get(name)]
    ]


def told(registry: Registry, project: str = "") -> Told:
    """Whether and when `registry` told us something last."""
    hooks = Hook.objects.filter(registry=registry, enabled=True)
    if project:
        hooks = hooks.filter(project=project)
    found = hooks.aggregate(on=Count("pk"), last=Max("last_event"))
    return Told(found["on"], found["last"])


def quota_notices(registry: Registry, project: str = "") -> list[HookEvent]:
    """What Harbor said of quotas within a week, the newest of each project, the newest first."""
    kinds = [HookEvent.Kind.QUOTA_EXCEEDED, HookEvent.Kind.QUOTA_WARNING]
    recent = HookEvent.objects.filter(
        registry=registry, kind__in=kinds, received__gt=timezone.now() - timedelta(days=NOTICE_DAYS)
    ).select_related("hook")
    if project:
        recent = recent.filter(hook__project=project)
    newest: dict[int, HookEvent] = {}
    for event in recent.order_by("-pk")[:200]:
        newest.setdefault(event.hook_id, event)
    return list(newest.values())[:MOST_NOTICES]


def newest_events(registry: Registry, most: int = 20) -> list[HookEvent]:
    """The last events of a registry."""
    return list(HookEvent.objects.filter(registry=registry).select_related("hook").order_by("-pk")[:most])
