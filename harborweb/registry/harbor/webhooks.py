"""Webhook policies of a project: what Harbor tells whom when something happens there."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from harborweb.registry import image
from harborweb.registry.harbor import paths, reading
from harborweb.registry.harbor.client import Harbor


@dataclass(frozen=True)
class Target:
    """Where Harbor sends it; `auth_header` is the secret that it puts into the header Authorization."""

    address: str
    auth_header: str = field(default="", repr=False)
    skip_cert_verify: bool = False
    payload_format: str = "Default"  # or CloudEvents
    type: str = "http"

    def body(self) -> dict[str, Any]:
        """What Harbor is sent."""
        return {
            "type": self.type, "address": self.address, "auth_header": self.auth_header,
            "skip_cert_verify": self.skip_cert_verify, "payload_format": self.payload_format,
        }  # fmt: skip


@dataclass(frozen=True)
class NewPolicy:
    """A policy to be, or what an old one shall become."""

    name: str
    events: tuple[str, ...]
    target: Target
    description: str = ""
    enabled: bool = True

    def body(self) -> dict[str, Any]:
        """What Harbor is sent."""
        return {
            "name": self.name, "description": self.description, "enabled": self.enabled,
            "event_types": list(self.events), "targets": [self.target.body()],
        }  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """A policy as Harbor shows it, its header's secret included."""

    id: int
    name: str
    description: str
    enabled: bool
    events: tuple[str, ...]
    targets: tuple[Target, ...]
    created: datetime | None


@dataclass(frozen=True)
class Events:
    """What a Harbor can tell of, and how."""

    events: tuple[str, ...]
    formats: tuple[str, ...]


async def every(harbor: Harbor, project: str) -> list[Policy]:
    """The policies of `project`; project administrators, and robots with notification-policy:list there."""
    what = _("the webhooks of %s") % project
    return [one async for one in harbor.all(_path(project), policy, what=what)]


async def events(harbor: Harbor, project: str) -> Events:
    """What this Harbor can tell of."""
    content = image.mapping(await harbor.get(f"{paths.project(project)}/webhook/events", what=project))
    formats = [
        one
        for kind in image.objects(content.get("payload_formats"))
        if kind.get("notify_type") == "http"
        for one in image.texts(kind.get("formats"))
    ]
    return Events(tuple(image.texts(content.get("event_type"))), tuple(formats))


async def last_triggers(harbor: Harbor, project: str) -> dict[str, datetime]:
    """When each policy of `project`, by name, was last triggered by anything; those that never were are missing."""
    content = await harbor.get(f"{paths.project(project)}/webhook/lasttrigger", what=project)
    found: dict[str, datetime] = {}
    for one in image.objects(content):
        name, at = image.text(one.get("policy_name")), reading.moment(one.get("last_trigger_time"))
        if at is not None:
            found[name] = max(at, found.get(name, at))
    return found


async def create(harbor: Harbor, project: str, new: NewPolicy) -> int:
    """Make a policy; its id. Raises "conflict" where there is one of that name, "invalid" for an unknown event."""
    return await harbor.create(_path(project), new.body(), what=_what(project, new.name), look=_look(project, new.name))


async def update(harbor: Harbor, project: str, number: int, new: NewPolicy) -> None:
    """Make policy `number` what `new` says."""
    body = {**new.body(), "id": int(number)}
    path = f"{_path(project)}/{int(number)}"
    await harbor.write("PUT", path, body, what=_what(project, new.name), look=_look(project, new.name))


async def delete(harbor: Harbor, project: str, number: int, name: str = "") -> None:
    """Delete policy `number`; raises NotFound where it is gone already."""
    shown = name or str(number)
    path = f"{_path(project)}/{int(number)}"
    await harbor.write("DELETE", path, what=_what(project, shown), look=_look(project, shown))


def policy(item: dict[str, Any]) -> Policy:
    """A policy of `GET …/webhook/policies`."""
    return Policy(
        id=reading.number(item.get("id")), name=image.text(item.get("name")),
        description=image.text(item.get("description")), enabled=item.get("enabled") is True,
        events=tuple(image.texts(item.get("event_types"))),
        targets=tuple(_target(one) for one in image.objects(item.get("targets"))),
        created=reading.moment(item.get("creation_time")),
    )  # fmt: skip


def _target(item: dict[str, Any]) -> Target:
    return Target(
        image.text(item.get("address")), image.text(item.get("auth_header")), item.get("skip_cert_verify") is True,
        image.text(item.get("payload_format")), image.text(item.get("type")),
    )  # fmt: skip


def _path(project: str) -> str:
    return f"{paths.project(project)}/webhook/policies"


def _what(project: str, name: str) -> str:
    return _("webhook %(name)s of %(project)s") % {"name": name, "project": project}


def _look(project: str, name: str) -> str:
    return _("Look in Harbor, project %(project)s, Webhooks, whether %(name)s is there as it should be.") % {
        "project": project, "name": name,
    }  # fmt: skip
