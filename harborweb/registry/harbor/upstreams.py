"""Upstream registries that a Harbor replicates from or keeps a cache of; a proxy project is `projects.create`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from harborweb.registry import image
from harborweb.registry.harbor import reading
from harborweb.registry.harbor.client import Harbor


@dataclass(frozen=True)
class NewUpstream:
    """An upstream to be; `type` is one of `adapters`: an unknown one makes Harbor answer 500."""

    name: str
    type: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    insecure: bool = False  # do not verify its certificate
    ca_pem: str = ""
    description: str = ""

    def body(self) -> dict[str, Any]:
        """What Harbor is sent."""
        content: dict[str, Any] = {
            "name": self.name, "type": self.type, "url": self.url, "insecure": self.insecure,
            "description": self.description,
        }  # fmt: skip
        if self.username:
            content["credential"] = {
                "type": "basic", "access_key": self.username, "access_secret": self.password,
            }  # fmt: skip
        if self.ca_pem:
            content["ca_certificate"] = self.ca_pem
        return content

    def ping_body(self) -> dict[str, Any]:
        """What Harbor is sent to try it first."""
        content: dict[str, Any] = {"type": self.type, "url": self.url, "insecure": self.insecure}
        if self.username:
            content |= {"credential_type": "basic", "access_key": self.username, "access_secret": self.password}
        if self.ca_pem:
            content["ca_certificate"] = self.ca_pem
        return content


@dataclass(frozen=True)
class Upstream:
    """An upstream as Harbor shows it; the password it keeps to itself."""

    id: int
    name: str
    type: str
    url: str
    username: str
    insecure: bool
    status: str  # healthy, unhealthy
    created: datetime | None

    @property
    def healthy(self) -> bool:
        """Whether Harbor reached it when it last tried."""
        return self.status == "healthy"


@dataclass(frozen=True)
class Endpoint:
    """An address that Harbor itself suggests for a type."""

    key: str
    url: str


async def adapters(harbor: Harbor) -> list[str]:
    """The types of upstream that this Harbor knows; administrators, and robots with replication-adapter:list."""
    return image.texts(await harbor.get("/replication/adapters", what=_("the types of upstream registries")))


async def endpoints(harbor: Harbor) -> dict[str, list[Endpoint]]:
    """The addresses that Harbor suggests, by type (docker-hub, github-ghcr, quay and so on where it has any)."""
    listed = image.mapping(await harbor.get("/replication/adapterinfos", what=_("the types of upstream registries")))
    return {
        kind: [
            Endpoint(image.text(one.get("key")), image.text(one.get("value")))
            for one in image.objects(image.mapping(image.mapping(info).get("endpoint_pattern")).get("endpoints"))
        ]
        for kind, info in listed.items()
    }


async def ping(harbor: Harbor, new: NewUpstream) -> None:
    """Let Harbor try an upstream that is not kept yet; raises "invalid" with its words where it cannot reach it.

    Nothing is changed by it, so a lost answer is no more than that.
    """
    await harbor.write("POST", "/registries/ping", new.ping_body(), what=new.url, look=_("Try again: nothing changes."))


async def every(harbor: Harbor) -> list[Upstream]:
    """Every upstream; administrators, and robots with the system right registry:list."""
    return [one async for one in harbor.all("/registries", upstream, what=_("the upstream registries"))]


async def get(harbor: Harbor, number: int) -> Upstream:
    """One upstream; raises NotFound where it is gone."""
    content = await harbor.get(f"/registries/{int(number)}", what=_("upstream registry %d") % number)
    return upstream(image.mapping(content))


async def create(harbor: Harbor, new: NewUpstream) -> int:
    """Keep an upstream; its id. Harbor tries it first: "invalid" where it cannot, "conflict" for a name taken."""
    return await harbor.create("/registries", new.body(), what=_what(new.name), look=_look(new.name))


async def delete(harbor: Harbor, number: int, name: str = "") -> None:
    """Forget an upstream; raises "in_use" where a proxy project stands on it."""
    shown = name or str(number)
    await harbor.write("DELETE", f"/registries/{int(number)}", what=_what(shown), look=_look(shown))


def upstream(item: dict[str, Any]) -> Upstream:
    """An upstream of `GET /registries`."""
    return Upstream(
        id=reading.number(item.get("id")), name=image.text(item.get("name")), type=image.text(item.get("type")),
        url=image.text(item.get("url")),
        username=image.text(image.mapping(item.get("credential")).get("access_key")),
        insecure=item.get("insecure") is True, status=image.text(item.get("status")),
        created=reading.moment(item.get("creation_time")),
    )  # fmt: skip


def _what(name: str) -> str:
    return _("upstream registry %s") % name


def _look(name: str) -> str:
    return _("Look in Harbor, Administration, Registries, whether %s is there.") % name
