"""Make projects, and what they may hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from harborweb.registry import image
from harborweb.registry.errors import NotFound
from harborweb.registry.harbor import paths, reading
from harborweb.registry.harbor.client import Harbor

NO_LIMIT = -1


@dataclass(frozen=True)
class NewProject:
    """A project to be; `storage` is its quota in bytes, NO_LIMIT for none, None for what Harbor gives by itself.

    `registry` is the id of an upstream registry, which makes it a proxy cache: only Harbor's administrators may.
    Of a cache, `speed_kb` bounds what it fetches with (kbit/s), and `keep_gone` goes on serving what the upstream
    has removed (2.15).
    """

    name: str
    public: bool = False
    storage: int | None = None
    registry: int | None = None
    speed_kb: int = NO_LIMIT
    keep_gone: bool = False

    def body(self) -> dict[str, Any]:
        """What Harbor is sent."""
        metadata = {"public": "true" if self.public else "false"}
        content: dict[str, Any] = {"project_name": self.name, "metadata": metadata}
        if self.registry is not None:
            content["registry_id"] = self.registry
            metadata["proxy_speed_kb"] = str(self.speed_kb)
            if self.keep_gone:
                metadata["proxy_cache_local_on_not_found"] = "true"
        if self.storage is not None:
            content["storage_limit"] = self.storage
        return content


@dataclass(frozen=True)
class Quota:
    """How much a project may hold and holds, in bytes; `limit` is NO_LIMIT for none."""

    id: int
    project: str
    project_id: int
    limit: int
    used: int

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return self.limit != NO_LIMIT


async def create(harbor: Harbor, new: NewProject) -> reading.Project:
    """Make a project and return it as Harbor then shows it; raises "conflict" where there is one of that name."""
    where = paths.project(new.name)
    await harbor.create(
        "/projects", new.body(), what=_("project %s") % new.name,
        look=_("Look in the list of projects whether %s is there.") % new.name,
    )  # fmt: skip
    return reading.project(await harbor.get(where, what=new.name))


async def delete(harbor: Harbor, name: str) -> None:
    """Delete an empty project; raises "in_use" where it holds repositories."""
    await harbor.write(
        "DELETE", paths.project(name), what=_("project %s") % name,
        look=_("Look in the list of projects whether %s is there.") % name,
    )  # fmt: skip


async def exists(harbor: Harbor, name: str) -> bool:
    """Whether there is a project of that name, also one that we may not see."""
    paths.project(name)
    try:
        await harbor.ask("HEAD", "/projects", {"project_name": name}, what=name)
    except NotFound:
        return False
    return True


async def quotas(harbor: Harbor) -> list[Quota]:
    """The quota of every project; administrators, and robots with the system right quota:list."""
    return [
        one async for one in harbor.all("/quotas", quota, {"reference": "project"}, what=_("the quotas of projects"))
    ]


async def usage(harbor: Harbor, name: str) -> Quota | None:
    """What one project holds (its summary); None where this account may not see quotas there."""
    content = image.mapping(await harbor.get(f"{paths.project(name)}/summary", what=name))
    found = content.get("quota")
    if not isinstance(found, Mapping):
        return None
    return Quota(0, name, 0, _bytes(found.get("hard"), NO_LIMIT), _bytes(found.get("used"), 0))


def quota(item: dict[str, Any]) -> Quota:
    """A quota of `GET /quotas`."""
    of = image.mapping(item.get("ref"))
    return Quota(
        reading.number(item.get("id")), image.text(of.get("name")), reading.number(of.get("id")),
        _bytes(item.get("hard"), NO_LIMIT), _bytes(item.get("used"), 0),
    )  # fmt: skip


def _bytes(of: object, default: int) -> int:
    found = image.mapping(of).get("storage")
    return reading.number(found) if found is not None else default
