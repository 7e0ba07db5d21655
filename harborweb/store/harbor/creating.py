"""Make a project in a Harbor, as somebody whose password is used once and kept nowhere."""

import json
from dataclasses import dataclass

from harborweb.registry.client import Client
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import projects
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.paths import API
from harborweb.registry.harbor.projects import NewProject
from harborweb.registry.harbor.reading import Project
from harborweb.registry.models import Registry
from harborweb.store.harbor.asking import asking


@dataclass(frozen=True)
class Call:
    """What Harbor is sent, for reading before it is sent."""

    method: str
    address: str
    body: str

    @property
    def text(self) -> str:
        """As it stands in a request, without the password."""
        return f"{self.method} {self.address}\n\n{self.body}"


def call(registry: Registry, new: NewProject) -> Call:
    """The one request that makes `new`."""
    address = f"{registry.url.rstrip('/')}{API}/projects"
    return Call("POST", address, json.dumps(new.body(), indent=2, ensure_ascii=False))


def create(registry: Registry, new: NewProject, username: str, password: str) -> Project:
    """Make `new` as `username`; raises RegistryError ("conflict", "forbidden", "unauthorized", "unsure", …)."""

    async def ask(harbor: Harbor, _client: Client) -> Project:
        try:
            return await projects.create(harbor, new)
        except RegistryError as error:
            if error.kind == "conflict":
                error.field = "name"
            raise

    return asking(registry.endpoint_as(username, password), ask)
