"""Who asks, and what they may do: users by role, robots by the rights they were given."""

import base64
import binascii
import time
from dataclasses import dataclass
from typing import Any

from tests.harbor_double.model import Project, Robot, User
from tests.harbor_double.state import State


def _rights(text: str) -> set[tuple[str, str]]:
    """Rights from lines of `resource: action action`."""
    rights = set()
    for line in text.strip().splitlines():
        resource, _, actions = line.strip().partition(": ")
        rights |= {(resource, action) for action in actions.split()}
    return rights


# permissions: what a robot can be given
PROJECT_RIGHTS = _rights("""
    log: list
    project: read delete update
    metadata: read create delete list update
    repository: read update delete list pull push
    artifact: read create list delete
    scan: create read stop
    sbom: create stop read
    tag: create list delete
    accessory: list
    artifact-addition: read
    artifact-label: create delete
    scanner: create read
    preheat-policy: read create delete list update
    immutable-tag: create delete list update
    notification-policy: read create delete list update
    tag-retention: read create delete list update
    label: read create delete list update
    quota: read
    robot: create read list delete
    export-cve: create read
    member: create read update list delete
""")
SYSTEM_RIGHTS = _rights("""
    audit-log: list
    preheat-instance: read create delete list update
    project: list create
    replication-policy: read create delete list update
    replication: read create list
    replication-adapter: list
    registry: read create delete list update
    scan-all: read update stop create
    system-volumes: read
    garbage-collection: read create list update stop
    purge-audit: read create list update stop
    jobservice-monitor: list stop
    scanner: read create delete list update
    label: read create delete update
    security-hub: read list
    catalog: read
    quota: read list update
    robot: create read list delete
    user: create read update list delete
    ldap-user: create list
    user-group: create read update list delete
""")
# users-current-permissions: a developer's
DEVELOPER = _rights("""
    project: read
    member: read list
    label: read list
    quota: read
    repository: create read update list push pull
    tag-retention: create read update delete list operate
    configuration: read
    robot: read list
    scan: read
    sbom: read
    scanner: read
    artifact: create read list
    artifact-addition: read
    tag: list create
    accessory: list
    artifact-label: create delete
    export-cve: create read list
""")
# public-anonymous-*, public-outsider-*: what anybody may see of a public project
ANYBODY = _rights("""
    project: read
    repository: read list pull
    artifact: read list
    artifact-addition: read
    tag: list
    accessory: list
    label: read list
    scan: read
    sbom: read
    scanner: read
    configuration: read
    quota: read
    metadata: read list
""")
GUEST = ANYBODY | _rights("member: read list\nrobot: read list\nlog: list")
BY_ROLE = {2: DEVELOPER, 3: GUEST, 5: _rights("project: read\nrepository: pull"), 4: DEVELOPER | _rights("""
    repository: delete
    artifact: delete
    tag: delete
    immutable-tag: create delete list update
    notification-policy: read list
    metadata: read create delete list update
""")}  # fmt: skip


@dataclass(frozen=True)
class Who:
    """The one who asks: a user, a robot, or nobody."""

    user: User | None = None
    robot: Robot | None = None

    @property
    def known(self) -> bool:
        return self.user is not None or self.robot is not None

    @property
    def admin(self) -> bool:
        return self.user is not None and self.user.admin

    @property
    def name(self) -> str:
        if self.user:
            return self.user.name
        return self.robot.name if self.robot else "anonymous"

    def may(self, project: Project, resource: str, action: str) -> bool:
        """Whether the right `resource:action` is theirs in `project`; push brings pull along."""
        wanted = {(resource, action)}
        if wanted == {("repository", "pull")}:
            wanted.add(("repository", "push"))
        if self.robot:
            mine = self.robot.access("project", (project.name, "*"))
            if ("project", action) in self.robot.access("project", ("*",)):
                # robot-permission-matrix, sysaudit: `/project/*` matches all below it, so reading every project is
                # reading all that is in them
                return True
            return bool(wanted & (mine | (PUBLIC_TO_ROBOTS if project.public else set())))
        role = project.role(self.user)
        if self.admin or role == 1:
            return True
        return bool(wanted & (BY_ROLE.get(role, set()) | (ANYBODY if project.public else set())))

    def may_system(self, resource: str, action: str) -> bool:
        """Whether the right is theirs in the whole system."""
        if self.robot:
            return (resource, action) in self.robot.access("system", ("/",))
        return self.admin

    def sees(self, project: Project) -> bool:
        """Whether a list of projects shows it (robot-permission-matrix: a robot sees its own and public ones)."""
        if self.admin or project.public:
            return True
        if self.robot:
            names = {one["namespace"] for one in self.robot.permissions if one["kind"] == "project"}
            return project.name in names or "*" in names
        return project.role(self.user) != 0


PUBLIC_TO_ROBOTS = ANYBODY
NOBODY = Who()


def basic(header: str) -> tuple[str, str] | None:
    """Name and password of an Authorization header, or None if it is no Basic one."""
    kind, _, rest = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, found, password = base64.b64decode(rest).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if found else None


def sign_in(state: State, name: str, password: str) -> Who:
    """Who this is; nobody if the password is wrong, which freezes a user for a while (wrong-password-lockout).

    A wrong password is answered late, and a right one in that time is refused at once.
    """
    robot = state.robot(name)
    if robot:
        return Who(robot=robot) if robot.usable and robot.secret == password else NOBODY
    if state.frozen.get(name, 0) > time.monotonic():
        return NOBODY
    user = state.users.get(name)
    if user and user.password == password:
        return Who(user)
    state.frozen[name] = time.monotonic() + state.freeze_seconds
    time.sleep(state.freeze_seconds)
    return NOBODY


def lines(rights: set[tuple[str, str]]) -> list[dict[str, Any]]:
    """Rights as the API lists them."""
    return [{"action": action, "resource": resource} for resource, action in sorted(rights)]
