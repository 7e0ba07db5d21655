"""Robot accounts: what they may do, make them, give them another secret, delete them."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from harborweb.registry import errors, image
from harborweb.registry.errors import RegistryError, plain
from harborweb.registry.harbor import reading
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.transport import Answer, parse_json

FOR_EVER = -1
EVERY_PROJECT = "*"
NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True, order=True)
class Right:
    """One thing that a robot may do, such as repository:pull."""

    resource: str
    action: str

    def __str__(self) -> str:
        return f"{self.resource}:{self.action}"


@dataclass(frozen=True)
class Grant:
    """Rights in one place: `kind` is "system" (namespace "/") or "project" (its name, or EVERY_PROJECT)."""

    kind: str
    namespace: str
    rights: frozenset[Right]

    def body(self) -> dict[str, Any]:
        """What Harbor is sent."""
        access = [{"resource": one.resource, "action": one.action} for one in sorted(self.rights)]
        return {"kind": self.kind, "namespace": self.namespace, "access": access}


@dataclass(frozen=True)
class NewRobot:
    """A robot to be, of the whole system; `days` until its secret stops working, FOR_EVER for never."""

    name: str
    grants: tuple[Grant, ...]
    days: int
    description: str = ""

    def body(self) -> dict[str, Any]:
        """What Harbor is sent."""
        return {
            "name": self.name, "description": self.description, "duration": self.days, "level": "system",
            "disable": False, "permissions": [one.body() for one in self.grants],
        }  # fmt: skip


@dataclass(frozen=True)
class Robot:
    """A robot as Harbor shows it; `name` carries Harbor's prefix (robot$). `expires` None: never."""

    id: int
    name: str
    description: str
    level: str
    disabled: bool
    expires: datetime | None
    created: datetime | None
    grants: tuple[Grant, ...]


@dataclass(frozen=True)
class Made:
    """A robot just made: the only time that Harbor tells its secret."""

    id: int
    name: str
    expires: datetime | None
    secret: str = field(repr=False)


async def create(harbor: Harbor, new: NewRobot) -> Made:
    """Make a robot; raises "conflict" where there is one of that name, "unsure" where its secret never arrived."""
    if not NAME.fullmatch(new.name):
        raise RegistryError(
            "invalid",
            _("“%s” is no robot’s name.") % plain(new.name),
            _("It has small letters, digits and . _ -, for example harborweb-read."),
        )
    what, look = _("robot %s") % new.name, _look(new.name)
    content = _told(harbor, await harbor.write("POST", "/robots", new.body(), what=what, look=look))
    made = Made(
        reading.number(content.get("id")), image.text(content.get("name")), _expiry(content.get("expires_at")),
        image.text(content.get("secret")),
    )  # fmt: skip
    if not (made.id and made.secret and made.name.endswith(new.name)):
        raise errors.unsure(harbor.endpoint.host, what, _("It says that it did and gives no secret."), look)
    return made


async def get(harbor: Harbor, number: int) -> Robot:
    """One robot; raises NotFound where it is gone."""
    content = await harbor.get(f"/robots/{int(number)}", what=_("robot %d") % number)
    return robot(image.mapping(content))


async def every(harbor: Harbor) -> AsyncIterator[Robot]:
    """Every robot of the whole system (not those of single projects)."""
    async for one in harbor.all("/robots", robot, what=_("the robots")):
        yield one


async def refresh(harbor: Harbor, number: int) -> str:
    """Give a robot another secret, which is returned; the old one stops working at once."""
    what, look = _("the secret of robot %d") % number, _("Try whether the robot’s old secret still works.")
    answer = await harbor.write("PATCH", f"/robots/{int(number)}", {"secret": ""}, what=what, look=look)
    secret = image.text(_told(harbor, answer).get("secret"))
    if not secret:
        raise errors.unsure(harbor.endpoint.host, what, _("It says that it did and gives no secret."), look)
    return secret


async def delete(harbor: Harbor, number: int, name: str = "") -> None:
    """Delete a robot; raises NotFound where it is gone already."""
    shown = name or str(number)
    await harbor.write("DELETE", f"/robots/{int(number)}", what=_("robot %s") % shown, look=_look(shown))


def robot(item: dict[str, Any]) -> Robot:
    """A robot of `GET /robots`."""
    return Robot(
        id=reading.number(item.get("id")), name=image.text(item.get("name")),
        description=image.text(item.get("description")), level=image.text(item.get("level")),
        disabled=item.get("disable") is True, expires=_expiry(item.get("expires_at")),
        created=reading.moment(item.get("creation_time")),
        grants=tuple(_grant(one) for one in image.objects(item.get("permissions"))),
    )  # fmt: skip


def _grant(item: dict[str, Any]) -> Grant:
    rights = frozenset(
        Right(image.text(one.get("resource")), image.text(one.get("action")))
        for one in image.objects(item.get("access"))
    )
    return Grant(image.text(item.get("kind")), image.text(item.get("namespace")), rights)


def _told(harbor: Harbor, answer: Answer) -> dict[str, Any]:
    """The object in the answer to a write that was done; empty where it holds none."""
    try:
        return image.mapping(parse_json(answer.body, harbor.endpoint.host))
    except RegistryError:
        return {}


def _expiry(value: object) -> datetime | None:
    """When a secret stops working; -1 is never, and so is what is no time."""
    seconds = reading.number(value)
    try:
        found = datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
    return found if found and found.year < reading.LAST_YEAR else None


def _look(name: str) -> str:
    return _("Look in Harbor, Administration, Robot Accounts, whether %s is there.") % name
