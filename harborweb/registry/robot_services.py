"""The door to our robots: make them, renew them, remove them, and say when somebody has to.

An administrator's password travels to the worker sealed, in a slot that opens once within five minutes; it is in no
database, session, log or task argument.
"""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.registry import tasks
from harborweb.registry.harbor import paths, projects, system
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import RENEW, Registry, Robot
from harborweb.registry.running import run, within
from harborweb.registry.services import PATIENCE

DAYS = 90
SECONDS = 40  # for what is asked while somebody waits
SHORTEST_DAYS = 15  # renewed 14 days before
LATE = timedelta(days=2)  # so long after it was due somebody is told
PAUSE = timedelta(hours=12)  # between two attempts of the scheduler
KINDS = ("make_robots", "renew_robots", "remove_robots")


@dataclass(frozen=True)
class Asked:
    """What somebody typed: an administrator of Harbor, used once, and which robots."""

    name: str
    password: str
    purposes: Sequence[str] = (Robot.Purpose.READ, Robot.Purpose.SIGN, Robot.Purpose.KEEP)
    projects: Sequence[str] = ()  # none: every project
    days: int = DAYS


@dataclass(frozen=True)
class Due:
    """What somebody has to do about the robots of a registry; `kind` is "warn" or "bad"."""

    registry: Registry
    kind: str
    title: str
    text: str


def request_robots(request: HttpRequest | None, registry: Registry, asked: Asked) -> Job:
    """Begin making robots; raises Problem, with its field, when Harbor does not take this administrator."""
    _is_harbor(registry)
    for name in asked.projects:
        paths.project(name)
    _prove(registry, asked)
    detail = _("for %(purposes)s, in %(projects)s, for %(days)d days") % {
        "purposes": ", ".join(asked.purposes), "projects": ", ".join(asked.projects) or _("every project"),
        "days": asked.days,
    }  # fmt: skip
    arguments = {"purposes": list(asked.purposes), "projects": list(asked.projects), "days": asked.days}
    return _begin(request, registry, "make_robots", _("Make robots in %s") % registry.name, arguments, asked, detail)


def request_rotation(request: HttpRequest | None, registry: Registry) -> Job:
    """Begin renewing the robots now (somebody asks) or those that are due (the scheduler does)."""
    _is_harbor(registry)
    arguments = {"all": request is not None}
    title = _("Renew the robots in %s") % registry.name
    return _begin(request, registry, "renew_robots", title, arguments, None, "")


def request_removal(request: HttpRequest | None, registry: Registry, asked: Asked | None) -> Job:
    """Begin deleting our robots in Harbor, as the administrator who was typed, else as the robot that renews."""
    if asked is not None:
        _prove(registry, asked)
    title = _("Remove the robots in %s") % registry.name
    return _begin(request, registry, "remove_robots", title, {}, asked, "")


def forget(request: HttpRequest | None, robot: Robot) -> None:
    """Drop the row of a robot that was left in Harbor, once somebody has deleted it there."""
    name, registry = robot.username or robot.name, robot.registry.name
    Robot.objects.filter(pk=robot.pk, state=Robot.State.LEFT).delete()
    record(request, "forget robot", registry, name)


def renew_due() -> list[Job]:
    """Begin a job wherever robots are due or half made and one may renew them; at most twice a day."""
    begun = []
    for registry in Registry.objects.filter(kind=Registry.Kind.HARBOR):
        keeper = registry.robot(Robot.Purpose.KEEP)
        if keeper is None or keeper.expired or not needs_work(registry):
            continue
        recent = Job.objects.filter(kind="renew_robots", subject=registry.name, created__gt=timezone.now() - PAUSE)
        if not recent.exists():
            begun.append(request_rotation(None, registry))
    return begun


def needs_work(registry: Registry) -> bool:
    """Whether a robot is due, or an attempt left something behind and nobody works on it."""
    ready = registry.robots.filter(state=Robot.State.READY)
    if any(one.due for one in ready):
        return True
    halves = registry.robots.filter(state__in=(Robot.State.MAKING, Robot.State.RETIRING))
    return halves.exists() and not working(registry)


def working(registry: Registry) -> Job | None:
    """The job that works on the robots of `registry` now."""
    return Job.objects.filter(exclusive=_exclusive(registry), state__in=Job.ACTIVE).first()


def warnings(registry: Registry | None = None) -> list[Due]:
    """What somebody has to do about robots, of one registry or of all."""
    found = []
    for one in [registry] if registry else Registry.objects.filter(kind=Registry.Kind.HARBOR):
        if (warning := _warning(one)) is not None:
            found.append(warning)
    return found


def _warning(registry: Registry) -> Due | None:
    ready = list(registry.robots.filter(state=Robot.State.READY))
    keeper = next((one for one in ready if one.purpose == Robot.Purpose.KEEP), None)
    again = _("Type the name and password of an administrator of Harbor again, and new ones are made.")
    dead = [str(one) for one in ready if one.expired]
    if dead:
        title = _("%s has expired.") % ", ".join(dead)
        return Due(registry, "bad", title, _("What was typed for this registry is used instead. %s") % again)
    due = [one for one in ready if one.due]
    if not due:
        return None
    days = min(one.days_left or 0 for one in due)
    title = _("%(names)s expires in %(days)d d.") % {"names": ", ".join(map(str, due)), "days": days}
    if keeper is None:
        return Due(registry, "warn", title, again)
    last = Job.objects.filter(kind="renew_robots", subject=registry.name).first()
    if last is not None and last.settled and last.state != Job.State.SUCCEEDED:
        text = _("Renewing it failed: %(why)s %(again)s") % {"why": last.error, "again": again}
        return Due(registry, "bad", title, text)
    if days < (RENEW - LATE).days:
        text = _("It should have been renewed by itself by now: see that scheduler and a worker run, or renew it here.")
        return Due(registry, "warn", title, text)
    return None  # it is renewed by itself, within the hour


def _begin(
    request: HttpRequest | None, registry: Registry, kind: str, title: str, arguments: Mapping[str, object],
    asked: Asked | None, detail: str,
) -> Job:  # fmt: skip
    click = secrets.token_hex(8)
    slot = sealing.put_once(json.dumps([asked.name, asked.password])) if asked else ""
    work = {"make_robots": tasks.make_robots, "renew_robots": tasks.renew_robots, "remove_robots": tasks.remove_robots}
    job = jobs.request(
        work[kind], kind=kind, title=title, subject=registry.name, by=request,
        arguments={"registry": registry.pk, "slot": slot, "click": click, **arguments}, exclusive=_exclusive(registry),
    )  # fmt: skip
    if job.arguments.get("click") != click:  # another job works on them: what was typed is not needed
        sealing.drop(filter(None, [slot]))
    else:
        record(request, kind.replace("_", " "), registry.name, detail)
    return job


def _prove(registry: Registry, asked: Asked) -> None:
    """Raise Problem unless Harbor takes this name and password for one of its administrators, and has the projects."""

    async def ask() -> tuple[system.Who, list[str]]:
        async with Harbor(registry.endpoint_as(asked.name, asked.password), PATIENCE) as harbor:
            who = await system.whoami(harbor)
            there = await asyncio.gather(*(projects.exists(harbor, name) for name in asked.projects))
            return who, [name for name, found in zip(asked.projects, there, strict=True) if not found]

    who, missing = run(within(SECONDS, registry.host, ask()))
    if who.kind != system.Kind.ADMINISTRATOR:
        raise Problem(
            _("%s is no administrator of Harbor, so it cannot make robots for the whole system.") % asked.name,
            _("Type an administrator’s name, such as admin. It is used once and not stored."),
            field="administrator",
        )
    if missing:
        raise Problem(
            _("Harbor has no project %s.") % ", ".join(missing), _("Correct the list of projects."), field="projects"
        )


def _is_harbor(registry: Registry) -> None:
    if not registry.is_harbor:
        raise Problem(
            _("%s is no Harbor as far as it was seen.") % registry.name,
            _("Robots are made in a Harbor only. Look at it again on its connection page."),
        )


def _exclusive(registry: Registry) -> str:
    return f"robots:{registry.pk}"
