"""Where Harbor is reached: what the harbor.yml that runs says, or the registry that was added."""

from dataclasses import dataclass

from yarl import URL

from harborweb.configuration import services as configuration
from harborweb.configuration.models import Revision
from harborweb.configuration.text.reading import TextProblem
from harborweb.deployment.looking import running
from harborweb.deployment.wanted import Wanted, read
from harborweb.registry.models import Registry


@dataclass(frozen=True)
class Place:
    """The address people use, and the harbor.yml it comes from.

    `revision` is the one that runs (`deployed`), else the latest saved one, else None: then only a registry
    that was added here is known, and `wanted` is None. `registry` is the row of this address, where there is one.
    """

    url: str
    wanted: Wanted | None = None
    revision: Revision | None = None
    deployed: bool = False
    registry: Registry | None = None

    @property
    def https(self) -> bool:
        """Whether people come over https."""
        return URL(self.url).scheme == "https"

    @property
    def name(self) -> str:
        """The host's name alone."""
        return URL(self.url).host or ""

    @property
    def port(self) -> int:
        """The port people use."""
        return URL(self.url).port or (443 if self.https else 80)

    @property
    def host(self) -> str:
        """Name and, unless it is the scheme's own, port: as in an image reference."""
        url = URL(self.url)
        return self.name if url.is_default_port() else f"{self.name}:{self.port}"


def place() -> Place | None:
    """Where this installation's Harbor is reached; None when nothing was configured or added yet."""
    deployment = running()
    revision = deployment.revision if deployment else configuration.latest_revision()
    wanted = _wanted(revision)
    if wanted is not None and wanted.hostname:
        url = wanted.address.rstrip("/")
        known = next((one for one in Registry.objects.order_by("pk") if one.url.rstrip("/") == url), None)
        return Place(url, wanted, revision, deployment is not None, known or Registry.objects.order_by("pk").first())
    registry = Registry.objects.order_by("pk").first()
    return Place(registry.url.rstrip("/"), registry=registry) if registry else None


def _wanted(revision: Revision | None) -> Wanted | None:
    try:
        return read(revision.text()) if revision else None
    except TextProblem:
        return None
