"""The door of the registry room: registries in the database, and what can be looked up in one."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, QuerySet
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.errors import Problem
from harborweb.registry import names
from harborweb.registry.check import Check, check, withheld
from harborweb.registry.client import Client
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import RegistryError, plain
from harborweb.registry.models import PASSWORD_PURPOSE, Registry, Robot
from harborweb.registry.running import run
from harborweb.registry.seeing import SEEN, look, note, see

__all__ = ["Catalog", "Check", "Details", "asking", "catalog", "check", "every", "remove", "save"]

# A page that somebody waits for: shorter than a sweep's patience.
PATIENCE = Limits(seconds=15, connect_seconds=5, retries=1, wait_seconds=2)
TYPED = [
    "name", "url", "username", "password_sealed", "allow_http", "ca_pem", "signatures_repository",
    "signatures_registry",
]  # fmt: skip
MAX_REPOSITORIES = 20_000

Result = TypeVar("Result")


@dataclass(frozen=True)
class Details:
    """What somebody typed about a registry; `password` None keeps the stored one."""

    name: str
    url: str
    username: str = ""
    password: str | None = None
    allow_http: bool = False
    ca_pem: str = ""
    signatures_repository: str = ""
    signatures_registry: Registry | None = None

    def place(self, registry: Registry | None) -> tuple[str, Registry | None]:
        """Repository and registry of the signatures, None for `registry` itself; raises Problem for half of it."""
        name = self.signatures_repository.strip()
        other = None if self.signatures_registry == registry else self.signatures_registry
        if other is not None and not name:
            raise Problem(
                _("There is a registry of signatures without a repository."),
                _("Type the repository in %(name)s that holds them, or choose no other registry.")
                % {"name": other.name},
                field="signatures_repository",
            )
        if name and not names.is_repository(name):
            raise Problem(
                _("“%(name)s” is no repository name.") % {"name": plain(name)},
                _("Write it without the host, for example team/signatures."),
                field="signatures_repository",
            )
        return name, other

    def endpoint(self, before: Registry | None = None) -> Endpoint:
        """The endpoint to test; raises Problem where the stored password would go to another address or user."""
        password = self.password or ""
        if self.password is None and before is not None and before.password_sealed and self.username:
            old = before.own_endpoint()
            new = Endpoint(self.url, allow_http=self.allow_http)
            if (new.base, self.username) != (old.base, old.username):
                raise Problem(
                    _("The stored password belongs to %(user)s at %(host)s.")
                    % {"user": old.username, "host": old.host},
                    _("Address or user name changed, so type the password again: it is sent nowhere else by itself."),
                    field="password",
                )
            password = old.password
        if self.password and not self.username:
            raise Problem(
                _("There is a password without a user name."),
                _("Type the user name too, or neither."),
                field="username",
            )
        return Endpoint(
            self.url.strip(), self.username, password, allow_http=self.allow_http, ca_pem=self.ca_pem.strip()
        )


def save(details: Details, registry: Registry | None = None) -> tuple[Registry, Check]:
    """Test what was typed and, when the registry answers and knows us, add it or change `registry`.

    Raises Problem (nothing is saved then), with the form field it belongs to.
    """
    endpoint = details.endpoint(registry)
    place = details.place(registry)
    found = check(endpoint)
    registry = registry or Registry()
    moved = bool(registry.pk) and registry.url != str(endpoint.base)
    registry.name = details.name.strip()
    registry.url = str(endpoint.base)
    registry.username = endpoint.username
    registry.password_sealed = sealing.seal(endpoint.password, PASSWORD_PURPOSE) if endpoint.password else b""
    registry.allow_http = endpoint.allow_http
    registry.ca_pem = endpoint.ca_pem
    registry.signatures_repository, registry.signatures_registry = place
    note(registry, see(endpoint))
    try:
        with transaction.atomic():
            if moved:  # their secrets go to no other address by themselves
                where = _("It was made at the address that this registry had before.")
                registry.robots.update(state=Robot.State.LEFT, note=where, number=None)
                registry.use_robots()
            registry.save(update_fields=[*TYPED, *SEEN] if registry.pk else None)  # never what jobs keep there
    except IntegrityError as error:
        raise Problem(
            _("There is already a registry named %s.") % registry.name, _("Choose another name."), field="name"
        ) from error
    if registry.accounts:
        look(registry)  # as who reads there, which is a robot of ours
    return registry, found


def every() -> QuerySet[Registry]:
    """Every registry, its robots with it."""
    return Registry.objects.prefetch_related("robots")


def remove(registry: Registry) -> None:
    """Forget a registry here; nothing in the registry itself changes."""
    try:
        registry.delete()
    except ProtectedError as error:
        raise Problem(
            _("%s cannot be removed while other records here name it.") % registry.name,
            _("Remove what belongs to it first, such as its sweeps. It may hold another registry’s signatures, too."),
        ) from error


def asking(
    registry: Registry, question: Callable[[Client], Coroutine[Any, Any, Result]], limits: Limits = PATIENCE
) -> Result:
    """Open a client for `registry`, await `question(client)` and close it: the way from a synchronous view."""

    async def ask() -> Result:
        async with Client(registry.endpoint(), limits) as client:
            return await question(client)

    return run(ask())


@dataclass(frozen=True)
class Catalog:
    """The repositories a registry lists.

    `listed` is False where it has no list or keeps it from us (`reason` says what it answered); `more` says
    that there are more than MAX_REPOSITORIES.
    """

    names: list[str]
    listed: bool = True
    more: bool = False
    reason: str = ""

    def projects(self) -> list[tuple[str, int]]:
        """First path segments in order, each with its number of repositories."""
        counts: dict[str, int] = {}
        for name in self.names:
            project = name.partition("/")[0]
            counts[project] = counts.get(project, 0) + 1
        return sorted(counts.items())

    def of(self, project: str) -> list[str]:
        """The repositories of `project`."""
        return [name for name in self.names if name.partition("/")[0] == project]


def catalog(registry: Registry) -> Catalog:
    """What `registry` lists; raises RegistryError for faults, not for a list that is missing or denied."""

    async def names(client: Client) -> Catalog:
        found: list[str] = []
        async for name in client.repositories():
            if len(found) == MAX_REPOSITORIES:
                return Catalog(sorted(found), more=True)
            found.append(name)
        return Catalog(sorted(set(found)))

    try:
        return asking(registry, names)
    except RegistryError as error:
        if not withheld(error):
            raise
        return Catalog([], listed=False, reason=error.message)
