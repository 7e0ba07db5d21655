"""Look at a registry: is it a Harbor, which version, are its parts well, who does it take us for."""

import asyncio
from dataclasses import dataclass, field

from django.utils import timezone

from harborweb.errors import Problem
from harborweb.registry import errors
from harborweb.registry.check import QUICK
from harborweb.registry.client import Client
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import system
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry
from harborweb.registry.running import run, within

SECONDS = 40
MOST = 40  # characters of a version
SEEN = ["kind", "version", "account", "components", "healthy", "seen", "looked", "fault"]
# What says "no Harbor here": everything else says that we could not look.
NO_HARBOR = {"not_a_registry", "not_found", "redirects"}


@dataclass(frozen=True)
class Seen:
    """What a look at a registry found; a Harbor's health is None where it did not tell."""

    harbor: bool
    version: str = ""
    account: system.Kind = system.Kind.NOBODY
    health: system.Health | None = field(default=None)


def see(endpoint: Endpoint) -> Seen:
    """Look at what answers there; raises RegistryError when nothing does, or it does not know our password."""
    return run(within(SECONDS, endpoint.host, _see(endpoint)))


async def _see(endpoint: Endpoint) -> Seen:
    async with Harbor(endpoint, QUICK) as harbor:
        try:
            info = await system.info(harbor)
        except RegistryError as error:
            client = Client(endpoint, QUICK, harbor.transport)
            if error.kind not in NO_HARBOR and await client.is_harbor():
                raise
            await client.ping()
            return Seen(harbor=False)
        who, health = await asyncio.gather(system.whoami(harbor), _health(harbor))
        return Seen(True, errors.plain(info.version)[:MOST], who.kind, health)


async def _health(harbor: Harbor) -> system.Health | None:
    try:
        return await system.health(harbor)
    except RegistryError:
        return None


def look(registry: Registry) -> Registry:
    """Look at `registry` and keep what was seen in its row; what goes wrong is kept as its fault, not raised."""
    now = timezone.now()
    try:
        note(registry, see(registry.endpoint()))
    except Problem as problem:
        registry.fault = str(problem)
    registry.looked = now
    registry.save(update_fields=SEEN)
    return registry


def note(registry: Registry, seen: Seen) -> None:
    """Write what was seen into the fields of `registry`, without saving them."""
    registry.kind = Registry.Kind.HARBOR if seen.harbor else Registry.Kind.OTHER
    registry.version = seen.version or (registry.version if seen.harbor else "")
    registry.account = str(seen.account) if seen.harbor else ""
    registry.healthy = seen.health.healthy if seen.health else None
    parts = seen.health.components if seen.health else ()
    registry.components = [{"name": one.name, "healthy": one.healthy, "error": one.error} for one in parts]
    registry.seen = registry.looked = timezone.now()
    registry.fault = ""


def look_at_all() -> None:
    """Look at every registry, one after the other; each is bounded and none stops the next."""
    for registry in Registry.objects.all():
        look(registry)
