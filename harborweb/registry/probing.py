"""What the accounts of a registry may really do in its Harbor: each right tried where it is needed, nothing changed.

Where one of our robots may look robots up, Harbor itself says what they may do; otherwise each read is tried at a
repository that the account sees, a private one if there is any, because everybody may read a public one.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from harborweb.registry.check import QUICK
from harborweb.registry.client import Client
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import browsing, paths, projects, robots, system, upstreams
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.reading import Project
from harborweb.registry.models import Registry, Robot
from harborweb.registry.paths import push
from harborweb.registry.rights import READING, SIGNING, Need
from harborweb.registry.running import run, within

SECONDS = 40  # for one account, every trial together
HAS, MISSING, UNKNOWN = "has", "missing", "unknown"
REFUSED = {"forbidden", "unauthorized"}
WITHHELD = 412  # a policy keeps the manifest back from everybody: we may pull


@dataclass
class Found:
    """What one account may do: by right "has", "missing" or "unknown"; `how` it was found out, and where."""

    how: str = "tried"  # administrator, asked, tried
    account: str = ""
    kind: str = ""  # system.Kind
    where: str = ""
    public: bool = False
    rights: dict[str, str] = field(default_factory=dict)

    def kept(self) -> dict[str, Any]:
        """As JSON, for the registry's row."""
        return dict(vars(self))


def check_rights(registry: Registry) -> None:
    """Find out what reading and signing accounts may do, and keep it in the registry's row; raises RegistryError."""
    keeper = registry.robot(Robot.Purpose.KEEP)
    found = {}
    for name, purpose, endpoint, needs in (
        ("reading", Robot.Purpose.READ, registry.endpoint(), READING),
        ("signing", Robot.Purpose.SIGN, registry.signing_endpoint(), SIGNING),
    ):
        robot = registry.robot(purpose)
        question = _find(endpoint, needs, keeper.endpoint() if keeper and robot else None, robot)
        found[name] = run(within(SECONDS, endpoint.host, question))
    registry.rights = {"checked": timezone.now().isoformat(), **{name: one.kept() for name, one in found.items()}}
    registry.save(update_fields=["rights"])


async def _find(endpoint: Endpoint, needs: tuple[Need, ...], keeper: Endpoint | None, robot: Robot | None) -> Found:
    async with Client(endpoint, QUICK) as client:
        harbor = Harbor(endpoint, QUICK, client.transport)
        who = await system.whoami(harbor)
        found = Found(account=who.name, kind=str(who.kind))
        if who.kind == system.Kind.ADMINISTRATOR:
            found.how, found.rights = "administrator", {str(need.right): HAS for need in needs}
        elif keeper is not None and robot is not None and robot.number:
            found.how = "asked"
            found.rights = await _told(keeper, robot, needs)
        else:
            tried = await _Trial(harbor, client, found).rights(signs=needs is SIGNING)
            if who.kind == system.Kind.NOBODY:
                tried["repository:push"] = MISSING  # nobody pushes without signing in
            found.rights = {str(need.right): tried.get(str(need.right), UNKNOWN) for need in needs}
        return found


async def _told(keeper: Endpoint, robot: Robot, needs: tuple[Need, ...]) -> dict[str, str]:
    """What Harbor says of a robot of ours."""
    async with Harbor(keeper, QUICK) as harbor:
        grants = (await robots.get(harbor, robot.number or 0)).grants
    return {
        str(need.right): HAS
        if any(need.right in one.rights for one in grants if one.kind == need.level)
        else MISSING
        for need in needs
    }  # fmt: skip


class _Trial:
    """Each right tried by a read that needs it."""

    def __init__(self, harbor: Harbor, client: Client, found: Found) -> None:
        self.harbor, self.client, self.found = harbor, client, found

    async def rights(self, *, signs: bool) -> dict[str, str]:
        listed = (await browsing.projects(self.harbor)).items
        place = _best(listed)
        if place is None:
            return {}
        self.found.where, self.found.public = place.name, place.public
        rights = {"project:list": HAS if not place.public else UNKNOWN}
        rights["project:read"] = await self._may(browsing.project(self.harbor, place.name))
        repositories: list[str] = []

        async def list_repositories() -> None:
            page = await browsing.repositories(self.harbor, place.name, size=1)
            repositories.extend(one.name for one in page.items)

        rights["repository:list"] = await self._may(list_repositories())
        if rights["project:read"] == HAS:  # without it nobody is shown a summary
            rights["quota:read"] = await self._may_see_quota(place.name)
        log = f"{paths.project(place.name)}/auditlog-exts"
        rights["log:list"] = await self._may(self.harbor.get(log, {"page_size": 1}, what=place.name))
        if not signs:
            rights |= await self._upstreams()
        if repositories:
            rights |= await self._repository(repositories[0], signs=signs)
        return rights

    async def _repository(self, name: str, *, signs: bool) -> dict[str, str]:
        digests: list[str] = []

        async def list_artifacts() -> None:
            page = await browsing.artifacts(self.harbor, name, size=1)
            digests.extend(one.digest for one in page.items)

        rights = {"artifact:list": await self._may(list_artifacts())}
        if signs:
            rights["repository:push"] = await self._may_push(name)
        if digests:
            rights["artifact:read"], rights["repository:pull"] = await asyncio.gather(
                self._may(browsing.artifact(self.harbor, name, digests[0])),
                self._may(self.client.manifest(name, digests[0])),
            )
        return rights

    async def _upstreams(self) -> dict[str, str]:
        """The rights on upstream registries; reading one is tried only where there is one."""
        listed: list[int] = []

        async def list_upstreams() -> None:
            listed.extend(one.id for one in await upstreams.every(self.harbor))

        rights = {"registry:list": await self._may(list_upstreams())}
        if listed:
            rights["registry:read"] = await self._may(upstreams.get(self.harbor, listed[0]))
        return rights

    async def _may_push(self, name: str) -> str:
        """Whether Harbor's token service would let us push: its token says so, nothing is uploaded."""
        try:
            await self.client.is_harbor()
            header = await self.client.auth.header(push(name))
        except RegistryError as error:
            return MISSING if error.kind in REFUSED else UNKNOWN
        actions = actions_of(header, name)
        return UNKNOWN if actions is None else HAS if "push" in actions else MISSING

    async def _may(self, question: Awaitable[Any]) -> str:
        """Whether Harbor answers; a refusal is the right that is missing, everything else is not known."""
        try:
            await question
        except RegistryError as error:
            if error.status == WITHHELD:
                return HAS
            return MISSING if error.kind in REFUSED else UNKNOWN
        return HAS

    async def _may_see_quota(self, project: str) -> str:
        """Whether a project's summary tells how much it holds."""
        try:
            return HAS if await projects.usage(self.harbor, project) else MISSING
        except RegistryError as error:
            return MISSING if error.kind in REFUSED else UNKNOWN


def _best(listed: list[Project]) -> Project | None:
    """The project to try at: a private one with repositories before all others."""
    return min(listed, key=lambda one: (one.public, not one.repositories, one.name), default=None)


def actions_of(header: str, repository: str) -> list[str] | None:
    """What a bearer token lets its bearer do there, as its own claims say; None where it is no such token."""
    parts = header.removeprefix("Bearer ").split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        access = claims["access"] or []
        return [action for one in access if one["name"] == repository for action in one["actions"] or []]
    except (IndexError, ValueError, KeyError, TypeError, binascii.Error):
        return None
