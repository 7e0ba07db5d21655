"""Robot accounts: made with rights that are at most their maker's, listed, refreshed, deleted."""

import re
import secrets
from typing import Any

from starlette.responses import Response

from tests.harbor_double.answers import Refusal, answer, asked, done, matches, ordered, paged, when
from tests.harbor_double.model import Project, Robot
from tests.harbor_double.routing import BASE, Call, api
from tests.harbor_double.state import State
from tests.harbor_double.who import PROJECT_RIGHTS, SYSTEM_RIGHTS

WEAK = (
    "the password or secret must be 8-128, inclusively, characters long with at least 1 uppercase letter, "
    "1 lowercase letter and 1 number"
)


def shown(state: State, robot: Robot) -> dict[str, Any]:
    """A robot as the API has it, without its secret (robot-get)."""
    body: dict[str, Any] = {
        "creation_time": when(robot.made), "creator_ref": robot.creator, "creator_type": robot.creator_type,
        "disable": robot.disable, "duration": robot.duration, "editable": True, "expires_at": robot.expires,
        "id": robot.id, "level": robot.level, "name": robot.name, "permissions": _held(state, robot),
        "update_time": when(robot.made),
    }  # fmt: skip
    return {**body, "description": robot.description} if robot.description else body


def _may(call: Call, level: str, project: Project | None, action: str) -> None:
    """The right on robots, of the system or of a project."""
    if level == "system" or project is None:
        call.system("robot", action)
        return
    call.signed_in()
    by_system = call.who.may_system("robot", action)
    if not by_system and not call.who.may(project, "robot", action):
        raise Refusal(403, "forbidden")


@api("GET", "/robots")
def robots(call: Call) -> Response:
    """The system's robots, or a project's: `q=Level=project,ProjectID=2` (robots-list-*)."""
    wanted = asked(call.query)
    level, number = wanted.get("level", "system"), wanted.get("projectid", "")
    project = None
    if level == "project":
        if not number.isdigit():
            raise Refusal(400, "must with project ID when to query project robots")
        project = call.state.projects.get(int(number))
    _may(call, level, project, "list")
    found = [
        one
        for one in call.state.robots.values()
        if one.level == level and one.project == (project.id if project else 0)
        and matches(wanted.get("name"), one.name, one.name.rpartition("+")[2].removeprefix("robot$"))
    ]  # fmt: skip
    keys = {"name": lambda one: one.name, "id": lambda one: one.id, "creation_time": lambda one: one.id}
    return paged(call.path, call.query, ordered(found, call.query, keys, "name"), lambda one: shown(call.state, one))


@api("POST", "/robots")
def create(call: Call) -> Response:
    """Make a robot; its secret is in this answer and never again (robot-create-*)."""
    call.signed_in()
    body = call.body("robot")
    name, level, duration = body.get("name", ""), body.get("level", ""), body.get("duration", 0)
    permissions: list[dict[str, Any]] = body.get("permissions") or []
    _valid(level, duration, name, permissions)
    project = None
    for one in permissions:
        if one["kind"] == "project" and one["namespace"] != "*":
            found = call.state.project(one["namespace"])
            if found is None:
                raise Refusal(404, f"project {one['namespace']} not found")
            project = found if level == "project" else project
    _may(call, level, project, "create")
    _not_more(call, permissions)
    prefix = call.state.configuration.get("robot_name_prefix", "robot$")
    whole = f"{project.name}+{name}" if project else name
    if call.state.robot(prefix + whole):
        call.state.next("robot")  # the database's sequence is used up all the same
        raise Refusal(409, f"robot account {project.id if project else 0}:{whole} already exists")
    given = body.get("secret") or ""
    if given and not strong(given):
        raise Refusal(400, WEAK)
    robot = call.state.add_robot(
        name, permissions, project, duration=duration, description=body.get("description", ""),
        disable=bool(body.get("disable")), secret=given or new_secret(),
        creator=call.who.robot.id if call.who.robot else call.who.user.id if call.who.user else 0,
        creator_type="robot" if call.who.robot else "local",
    )  # fmt: skip
    call.state.log(call.who.name, "create", robot.name, "robot", robot.project)
    made = {
        "creation_time": when(robot.made), "expires_at": robot.expires, "id": robot.id, "name": robot.name,
        "secret": robot.secret,
    }  # fmt: skip
    return answer(made, 201, Location=f"{BASE}/robots/{robot.id}")


def _valid(level: str, duration: Any, name: str, permissions: list[dict[str, Any]]) -> None:
    """What Harbor looks at before it looks anything up, in its order."""
    if not isinstance(duration, int) or duration == 0 or duration < -1:
        text = f"bad request error duration input: {duration}, duration must be either -1(Never) or a positive integer"
        raise Refusal(400, text)
    if level not in ("system", "project"):
        raise Refusal(400, f"bad request error level input: {level}")
    if not permissions:
        raise Refusal(400, "bad request empty permission")
    for one in permissions:
        if not one.get("access"):
            raise Refusal(400, "bad request empty access")
        rights = PROJECT_RIGHTS if one.get("kind") == "project" else SYSTEM_RIGHTS
        for access in one["access"]:
            if (access.get("resource"), access.get("action")) not in rights:
                raise Refusal(400, f"bad request permission: {access.get('resource')}:{access.get('action')}")
    if level == "project" and [one["kind"] for one in permissions] != ["project"]:
        raise Refusal(400, "bad request permission")
    if not re.fullmatch(r"[a-z0-9]+(?:[._-][a-z0-9]+)*", name):
        raise Refusal(400, "robot name is not in lower case or contains illegal characters")


def _held(state: State, robot: Robot) -> list[dict[str, Any]]:
    """A robot's rights without those in projects that are gone (Harbor's source, controller/robot)."""
    return [
        one for one in robot.permissions
        if one["kind"] == "system" or one["namespace"] == "*" or state.project(one["namespace"])
    ]  # fmt: skip


def _not_more(call: Call, permissions: list[dict[str, Any]]) -> None:
    """A robot gives another one equal or narrower rights than its own."""
    if call.who.robot is None:
        return
    for one in permissions:
        wanted = {(access["resource"], access["action"]) for access in one["access"]}
        held = [mine for mine in _held(call.state, call.who.robot) if mine["kind"] == one["kind"]]
        same = [mine for mine in held if mine["namespace"] == one["namespace"]]
        all_of_kind = [mine for mine in held if mine["namespace"] == "*"]
        rights = {
            (access["resource"], access["action"]) for mine in (same or all_of_kind)[:1] for access in mine["access"]
        }
        if not wanted <= rights:
            text = "permission scope is invalid. It must be equal to or more restrictive than the creator robot's"
            raise Refusal(403, f"{text} permissions: {call.who.name}", "DENIED")


def strong(secret: str) -> bool:
    """Whether Harbor takes it for a secret."""
    return 8 <= len(secret) <= 128 and all(re.search(one, secret) for one in ("[A-Z]", "[a-z]", "[0-9]"))


def new_secret() -> str:
    """Thirty-two letters and figures."""
    while not strong(secret := "".join(re.findall("[A-Za-z0-9]", secrets.token_urlsafe(60)))[:32]):
        pass
    return secret


def _one(call: Call, action: str) -> Robot:
    call.signed_in()
    robot = call.state.robots.get(int(call.values["id"])) if call.values["id"].isdigit() else None
    if robot is None:
        raise Refusal(404, f"robot {call.values['id']} not found")
    _may(call, robot.level, call.state.projects.get(robot.project), action)
    return robot


@api("GET", "/robots/{id}")
def get(call: Call) -> Response:
    """One robot."""
    return answer(shown(call.state, _one(call, "read")))


@api("PUT", "/robots/{id}")
def update(call: Call) -> Response:
    """Change description, duration, rights or whether it is disabled; no robot may."""
    robot, body = _one(call, "update"), call.body("robot")
    permissions = body.get("permissions") or robot.permissions
    _valid(robot.level, body.get("duration", robot.duration), robot.name.rpartition("+")[2].rpartition("$")[2],
           permissions)  # fmt: skip
    robot.permissions, robot.duration = permissions, body.get("duration", robot.duration)
    robot.description, robot.disable = body.get("description", robot.description), bool(body.get("disable"))
    return done()


@api("PATCH", "/robots/{id}")
def refresh(call: Call) -> Response:
    """Another secret, which the answer has if Harbor chose it (robot-refresh-secret)."""
    robot, given = _one(call, "update"), str(call.body("robotSec").get("secret") or "")
    if given and not strong(given):
        raise Refusal(400, WEAK)
    robot.secret = given or new_secret()
    return answer({"secret": "" if given else robot.secret})


@api("DELETE", "/robots/{id}")
def delete(call: Call) -> Response:
    """Delete a robot; its tokens stop to work."""
    robot = _one(call, "delete")
    del call.state.robots[robot.id]
    call.state.log(call.who.name, "delete", robot.name, "robot", robot.project)
    return done()
