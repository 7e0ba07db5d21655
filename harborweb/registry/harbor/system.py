"""What a Harbor says of itself, and of who asks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from harborweb.registry import errors, image
from harborweb.registry.auth import basic
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import reading
from harborweb.registry.harbor.client import Harbor, Query
from harborweb.registry.harbor.paths import API
from harborweb.registry.harbor.robots import Right
from harborweb.registry.transport import parse_json

UNAUTHORIZED = 401
A_ROBOT = 412
OIDC = "oidc_auth"
MAX_PARTS = 50


class Kind(StrEnum):
    """Who asks."""

    NOBODY = "nobody"
    PERSON = "person"
    ADMINISTRATOR = "administrator"
    ROBOT = "robot"


@dataclass(frozen=True)
class Who:
    """Who a Harbor takes us for."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Info:
    """What a Harbor says of itself; `version` is empty for those who have not signed in, such as 2.15.2 else."""

    version: str
    build: str
    external_url: str
    auth_mode: str
    read_only: bool
    storage: str
    own_ca: bool
    everybody_creates: bool
    now: datetime | None


@dataclass(frozen=True)
class Component:
    """One part of a Harbor."""

    name: str
    healthy: bool
    error: str


@dataclass(frozen=True)
class Health:
    """How a Harbor's parts are; it does not notice a broken registry credential."""

    healthy: bool
    components: tuple[Component, ...]

    @property
    def ill(self) -> list[Component]:
        """The parts that are not well."""
        return [one for one in self.components if not one.healthy]


@dataclass(frozen=True)
class Volume:
    """The disk that a Harbor writes to, in bytes."""

    total: int
    free: int


async def whoami(harbor: Harbor) -> Who:
    """Who Harbor takes us for; raises "unauthorized" for a wrong password.

    Only `/users/current` tells: elsewhere a wrong password counts as nobody and gets 200. Robots get 412 there,
    which also means "known" (facts: Harbor 2.15.2).
    """
    endpoint = harbor.endpoint
    if not endpoint.username:
        return Who(Kind.NOBODY, "")
    headers = {"Authorization": basic(endpoint.username, endpoint.password), "Accept": "application/json"}
    url = endpoint.base.with_path(f"{API}/users/current")
    answer = await harbor.transport.fetch("GET", url, headers=headers, limit=harbor.limits.error_bytes)
    if answer.status == UNAUTHORIZED:
        if await knows_cli_secret(harbor):
            return Who(Kind.PERSON, endpoint.username)
        raise errors.wrong_password(endpoint.host, endpoint.username)
    if answer.status == A_ROBOT and errors.said(answer.body):
        return Who(Kind.ROBOT, endpoint.username)
    if answer.status >= 300:
        raise errors.from_harbor(endpoint.host, endpoint.username, answer.status, answer.body, _("this account"))
    content = image.mapping(parse_json(answer.body, endpoint.host))
    name = image.text(content.get("username"))
    if not name:
        raise errors.not_a_registry(endpoint.host, _("it does not say who we are"))
    admin = content.get("sysadmin_flag") is True or content.get("admin_role_in_auth") is True
    return Who(Kind.ADMINISTRATOR if admin else Kind.PERSON, name)


async def knows_cli_secret(harbor: Harbor) -> bool:
    """Whether people sign in by OIDC here, and ours was known by a CLI secret in the place of a password.

    Such a secret opens lists and images; /users/current it does not (Harbor's source, and goharbor/harbor#16647). What
    Harbor says of itself it says in full to who is known, and to everybody else without its version.
    """
    try:
        said = await info(harbor)
    except RegistryError:
        return False
    return said.auth_mode == OIDC and bool(said.version)


async def info(harbor: Harbor) -> Info:
    """What Harbor says of itself; raises not_a_registry for what is no Harbor."""
    content = await harbor.get("/systeminfo", what=_("what Harbor says of itself"))
    if not isinstance(content, dict) or "auth_mode" not in content:
        raise errors.not_a_registry(harbor.endpoint.host, _("it is no Harbor"))
    version, _dash, build = image.text(content.get("harbor_version")).partition("-")
    return Info(
        version=version.removeprefix("v"), build=build, external_url=image.text(content.get("external_url")),
        auth_mode=image.text(content.get("auth_mode")), read_only=content.get("read_only") is True,
        storage=image.text(content.get("registry_storage_provider_name")), own_ca=content.get("has_ca_root") is True,
        everybody_creates=content.get("project_creation_restriction") == "everyone",
        now=reading.moment(content.get("current_time")),
    )  # fmt: skip


async def health(harbor: Harbor) -> Health:
    """How its parts are; while it starts, its proxy answers 502, which is a RegistryError."""
    content = await harbor.get("/health", what=_("its health"))
    parts = image.objects(image.mapping(content).get("components"))
    if not parts:
        raise errors.not_a_registry(harbor.endpoint.host, _("it says nothing of its parts"))
    return Health(
        image.mapping(content).get("status") == "healthy",
        tuple(
            Component(_shown(one.get("name")), one.get("status") == "healthy", _shown(one.get("error")))
            for one in parts[:MAX_PARTS]
        ),
    )


async def volumes(harbor: Harbor) -> list[Volume]:
    """Its disks; administrators, and robots with the system right system-volumes:read."""
    content = image.mapping(await harbor.get("/systeminfo/volumes", what=_("its disks")))
    return [
        Volume(reading.number(one.get("total")), reading.number(one.get("free")))
        for one in image.objects(content.get("storage"))
    ]


async def permissions(harbor: Harbor) -> dict[str, frozenset[Right]]:
    """The rights that this Harbor can give to a robot, by "system" and "project"; administrators only."""
    content = image.mapping(await harbor.get("/permissions", what=_("the rights of robots")))
    return {kind: _rights(listed) for kind, listed in content.items()}


async def my_rights(harbor: Harbor, project: int) -> frozenset[Right]:
    """What the person who asks may do in the project with this id (robots are refused)."""
    scope: Query = {"scope": f"/project/{int(project)}", "relative": True}
    return _rights(await harbor.get("/users/current/permissions", scope, what=_("our own rights")))


def _rights(listed: Any) -> frozenset[Right]:
    return frozenset(
        Right(image.text(one.get("resource")), image.text(one.get("action"))) for one in image.objects(listed)
    )


def _shown(value: object) -> str:
    return errors.plain(image.text(value))
