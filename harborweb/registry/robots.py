"""The workshop where our robots are made, renewed and removed in a Harbor.

Crash-safe: the row of a robot is written before Harbor is asked for it, so that whatever a killed worker left is found
by name and deleted by the next attempt. An old robot goes only after the new one was seen to work. Nothing is deleted
in Harbor whose name is not the one that we gave it.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.services import record
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.registry import probing, seeing
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.harbor import browsing, projects, robots, system
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import ROBOT_PURPOSE, Registry, Robot
from harborweb.registry.rights import grants
from harborweb.registry.running import run as await_it

LIMITS = Limits(seconds=20, connect_seconds=5, overall_seconds=40)
READY, MAKING, RETIRING, LEFT = Robot.State.READY, Robot.State.MAKING, Robot.State.RETIRING, Robot.State.LEFT

Result = TypeVar("Result")


@dataclass(frozen=True)
class Wish:
    """A robot to be made: for what, with which rights (as Harbor wants them), for how many days."""

    purpose: Robot.Purpose
    rights: list[dict[str, Any]]
    days: int


def make(run: Run) -> dict[str, Any]:
    """Make the robots with an administrator's password, which is used here and kept nowhere.

    1. See who makes them
    2. Clear away what an earlier attempt left
    3. Make each robot and see that it works; one step each
    4. Delete the robots that were replaced
    5. See that all of them work
    """
    registry = _registry(run)
    maker = _typed(run, registry)
    arguments = run.arguments
    wishes = [
        Wish(purpose, [one.body() for one in grants(purpose, arguments["projects"])], int(arguments["days"]))
        for purpose in map(Robot.Purpose, arguments["purposes"])
    ]
    return _renew(run, registry, maker, wishes)


def rotate(run: Run) -> dict[str, Any]:
    """Renew the robots that are due with the one that may; the same steps, the same rights."""
    registry = _registry(run)
    keeper = registry.robot(Robot.Purpose.KEEP)
    if keeper is None or keeper.expired:
        raise Problem(
            _("No robot of %s may renew the others.") % registry.name,
            _("Open its connection, “Make robots”, and type the name and password of an administrator of Harbor."),
        )
    maker = keeper.endpoint()
    run.secret(maker.password)
    ready = list(registry.robots.filter(state=READY))
    due = [one for one in ready if one.due or run.arguments.get("all")]
    return _renew(run, registry, maker, [Wish(Robot.Purpose(one.purpose), one.rights, one.days) for one in due])


def remove(run: Run) -> dict[str, Any]:
    """Delete our robots in Harbor; what was typed for the registry is used again.

    1. See who deletes them
    2. Delete each, the one that renews last
    """
    registry = _registry(run)
    keeper = registry.robot(Robot.Purpose.KEEP)
    if run.arguments.get("slot"):
        maker = _typed(run, registry)
    elif keeper is not None:
        maker = keeper.endpoint()
        run.secret(maker.password)
    else:
        raise Problem(_("Nobody was named who may delete the robots."), _("Type an administrator’s name and password."))
    run.step(1, 2, _("See who deletes them"))
    _who(run, maker)
    run.step(2, 2, _("Delete each robot"))
    with transaction.atomic():
        registry.robots.filter(state__in=(READY, MAKING)).update(state=RETIRING)
        registry.use_robots()
    left = _retire(run, registry, [maker])
    _look(run, registry)
    return {"registry": registry.pk, "made": [], "left": left}


def _renew(run: Run, registry: Registry, maker: Endpoint, wishes: list[Wish]) -> dict[str, Any]:
    of = len(wishes) + 4
    run.step(1, of, _("See who makes them"))
    _who(run, maker)
    run.step(2, of, _("Clear away what an earlier attempt left"))
    _tidy(run, registry, maker)
    made: list[Robot] = []
    for number, wish in enumerate(wishes, start=3):
        run.step(number, of, _("Make the robot that %s") % wish.purpose.label)
        made.append(_make(run, registry, maker, wish))
    run.step(of - 1, of, _("Delete the robots that were replaced"))
    keeper = next((one for one in made if one.purpose == Robot.Purpose.KEEP), None)
    left = _retire(run, registry, [maker, *([keeper.endpoint()] if keeper else [])])
    run.step(of, of, _("See that all of them work"))
    for robot in registry.robots.filter(state=READY):
        _prove(run, robot, _("Harbor let it in a moment ago and does not now: make the robots anew."))
    _look(run, registry)
    return {"registry": registry.pk, "made": [one.username for one in made], "left": left}


def _make(run: Run, registry: Registry, maker: Endpoint, wish: Wish) -> Robot:
    """One robot, from its row to its first use."""
    wish = _where_there(run, maker, wish)
    name = f"harborweb-{wish.purpose}-{secrets.token_hex(3)}"
    row = Robot.objects.create(
        registry=registry, purpose=wish.purpose, name=name, rights=wish.rights, days=wish.days
    )  # fmt: skip
    new = robots.NewRobot(name, _grants(wish.rights), wish.days, "Made and renewed by harborweb")
    try:
        made = _ask(maker, lambda harbor: robots.create(harbor, new))
    except RegistryError as error:
        if error.kind != "unsure":  # Harbor said no, so there is none
            row.delete()
        raise
    run.secret(made.secret)
    row.number, row.username = made.id, made.name
    row.secret_sealed = sealing.seal(made.secret, ROBOT_PURPOSE)
    row.expires = made.expires or timezone.now() + timedelta(days=wish.days)
    row.save()
    _prove(run, row, _("What it should replace is still in use. Start this again: it is deleted first."))
    with transaction.atomic():
        registry.robots.filter(purpose=wish.purpose, state=READY).update(state=RETIRING)
        row.state = READY
        row.save(update_fields=["state"])
        registry.use_robots()
    until = date_format(timezone.localtime(row.expires), "Y-m-d H:i")
    run.line(_("%(name)s works until %(until)s") % {"name": row.username, "until": until})
    _tell(run, "make robot", registry, row.username)
    return row


def _where_there(run: Run, maker: Endpoint, wish: Wish) -> Wish:
    """The wish without projects that are gone: for these Harbor makes no robot. Raises Problem where none is left."""
    named = sorted({str(one["namespace"]) for one in wish.rights if one["kind"] == "project"} - {robots.EVERY_PROJECT})

    async def find(harbor: Harbor) -> list[str]:
        return [name for name in named if not await projects.exists(harbor, name)]

    gone = _ask(maker, find) if named else []
    if not gone:
        return wish
    run.line(_("Not in Harbor any more: %s") % ", ".join(gone))
    if gone == named:
        raise Problem(
            _("The projects that this robot was for are gone from Harbor: %s.") % ", ".join(gone),
            _("Make robots again, for projects that are there."),
        )
    left = [one for one in wish.rights if one["kind"] != "project" or one["namespace"] not in gone]
    return replace(wish, rights=left)


def _look(run: Run, registry: Registry) -> None:
    """Bring what the connection's page shows up to date: who we are there now, and what we may do."""
    seeing.look(registry)
    try:
        probing.check_rights(registry)
    except Problem as problem:
        registry.rights = {}  # those of the accounts before
        registry.save(update_fields=["rights"])
        run.line(_("What our accounts may do could not be checked: %s") % problem)


def _prove(run: Run, robot: Robot, advice: str) -> None:
    """See that a robot's secret works, and that it may do the first thing it is for."""
    endpoint = robot.endpoint()
    run.secret(endpoint.password)

    async def ask(harbor: Harbor) -> None:
        await system.whoami(harbor)
        if robot.purpose == Robot.Purpose.READ:
            await browsing.projects(harbor, size=1)
        elif robot.purpose == Robot.Purpose.KEEP and robot.number:
            await robots.get(harbor, robot.number)

    try:
        _ask(endpoint, ask)
    except RegistryError as error:
        raise Problem(
            _("%(name)s does not work: %(why)s") % {"name": robot.username, "why": error.message},
            advice,
        ) from error


def _tidy(run: Run, registry: Registry, maker: Endpoint) -> None:
    """Delete in Harbor what a killed or refused attempt left half made; drop rows whose robots have expired."""
    registry.robots.filter(state__in=(RETIRING, LEFT), expires__lt=timezone.now()).delete()
    rows = list(registry.robots.filter(state=MAKING))
    if not rows:
        return

    async def find(harbor: Harbor) -> dict[str, robots.Robot]:
        return {one.name: one async for one in robots.every(harbor)}

    there = _ask(maker, find)
    for row in rows:
        one = next((found for name, found in there.items() if name.endswith(row.name)), None)
        if one is None:
            row.delete()  # Harbor never made it
            continue
        row.number, row.username = one.id, one.name
        row.expires = row.expires or one.expires
        row.save()
        run.line(_("%s was half made; it is deleted") % one.name)
        _drop(run, row, [maker])


def _retire(run: Run, registry: Registry, makers: list[Endpoint]) -> list[str]:
    """Delete replaced robots, the one that renews last; the names of those that Harbor did not let us delete."""
    rows = registry.robots.filter(state__in=(RETIRING, LEFT), number__isnull=False)
    ordered = sorted(rows, key=lambda one: one.purpose == Robot.Purpose.KEEP)
    return [row.username or row.name for row in ordered if not _drop(run, row, makers)]


def _drop(run: Run, row: Robot, makers: Iterable[Endpoint]) -> bool:
    """Delete one robot in Harbor and its row; False, with the reason kept, where nobody of `makers` may."""
    why = _("Harbor never told its number.")
    for maker in makers if row.number else ():
        try:
            there = _ask(maker, lambda harbor: _delete(harbor, row))
        except RegistryError as error:
            why = str(error)
            continue
        if there:
            run.line(_("%s is deleted") % row.username)
            _tell(run, "delete robot", row.registry, row.username)
        else:
            run.line(_("%s is not in Harbor any more") % row.username)
        row.delete()
        return True
    row.state, row.note = LEFT, why
    row.save(update_fields=["state", "note", "number", "username", "expires"])
    run.line(_("%(name)s stays in Harbor: %(why)s") % {"name": row.username or row.name, "why": why})
    return False


async def _delete(harbor: Harbor, row: Robot) -> bool:
    """Delete the robot in Harbor, provided that it still is ours; False where it is gone."""
    number = row.number or 0
    try:
        found = await robots.get(harbor, number)
        if not found.name.endswith(row.name):
            return False
        await robots.delete(harbor, number, row.username)
    except NotFound:
        return False
    return True


def _who(run: Run, maker: Endpoint) -> None:
    """Raise unless Harbor knows who makes or deletes robots."""
    who = _ask(maker, system.whoami)
    run.line(_("Harbor knows %s") % who.name)


def _typed(run: Run, registry: Registry) -> Endpoint:
    """Who was typed for this job: read once from a slot that is empty afterwards."""
    name, password = json.loads(sealing.take_once(run.arguments["slot"]))
    run.secret(password)
    return registry.endpoint_as(name, password)


def _registry(run: Run) -> Registry:
    registry = Registry.objects.filter(pk=run.arguments["registry"]).first()
    if registry is None:
        raise Problem(_("The registry was removed before the job began."), _("Add it again."))
    return registry


def _grants(rights: list[dict[str, Any]]) -> tuple[robots.Grant, ...]:
    return robots.robot({"permissions": rights}).grants


def _ask(endpoint: Endpoint, question: Callable[[Harbor], Awaitable[Result]]) -> Result:
    """Ask one thing of a Harbor, within its bounds."""

    async def ask() -> Result:
        async with Harbor(endpoint, LIMITS) as harbor:
            return await question(harbor)

    return await_it(ask())


def _tell(run: Run, action: str, registry: Registry, name: str) -> None:
    record(None, action, registry.name, name, user=run.job.who)
