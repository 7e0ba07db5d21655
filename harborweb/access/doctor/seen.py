"""What the doctor is asked to look at, and everything that it saw: values only, from which rules and pages read."""

from dataclasses import asdict, dataclass, field
from typing import Any

from yarl import URL

from harborweb.access.doctor.certificates import Seen as Certificate
from harborweb.access.doctor.exchange import Exchange


def hosts(url: URL) -> str:
    """Host and, unless it is the scheme's own, port: https://a:443 and https://a are one place."""
    name = url.raw_host or ""
    shown = f"[{name}]" if ":" in name else name
    return shown if url.is_default_port() or url.port is None else f"{shown}:{url.port}"


def origin(url: URL) -> str:
    """Scheme, name and port, the port only where it is not the scheme's own."""
    return f"{url.scheme}://{hosts(url)}"


@dataclass(frozen=True)
class Target:
    """The address people use, and what Harbor was told of it.

    `external_url` is what the harbor.yml that runs (`deployed`) says people use: its own external_url, else what
    hostname and port make of it; empty where no harbor.yml is known. `direct` is Harbor's own address behind a proxy,
    where it is another one. `at` is asked instead of what the name means, for a proxy that the name does not point to
    yet. `repository` is where a layer would be uploaded; empty asks no upload.
    """

    url: str
    external_url: str = ""
    deployed: bool = False
    revision: int | None = None
    direct: str = ""
    at: str = ""
    repository: str = ""
    plain_port: int | None = None
    username: str = ""
    ca: bool = False

    @property
    def https(self) -> bool:
        """Whether people come over https."""
        return URL(self.url).scheme == "https"

    @property
    def name(self) -> str:
        """The host's name."""
        return URL(self.url).raw_host or ""

    @property
    def port(self) -> int:
        """The port people use."""
        return URL(self.url).port or (443 if self.https else 80)

    @property
    def origin(self) -> str:
        """Scheme, name and port, as addresses of it begin."""
        return origin(URL(self.url))

    @property
    def host(self) -> str:
        """Name and, unless it is the scheme's own, port."""
        return self.origin.partition("://")[2]

    @property
    def path(self) -> str:
        """A path in the address, which docker knows none of."""
        return URL(self.url).path.strip("/")


@dataclass
class Lookup:
    """What the name stands for, as this machine's system says."""

    addresses: list[str] = field(default_factory=list)
    error: str = ""
    ms: int = 0


@dataclass
class Port:
    """Whether an address takes a connection."""

    address: str
    open: bool
    ms: int = 0
    error: str = ""


@dataclass
class Http2:
    """Whether HTTP/2 works where it is offered; docker takes it whenever it is."""

    offered: bool = False
    status: int = 0
    error: str = ""


@dataclass
class Token:
    """What a token says of itself; never the token."""

    granted: list[str] = field(default_factory=list)  # actions on the repository
    issued: int | None = None  # iat
    begins: int | None = None  # nbf
    ends: int | None = None  # exp


@dataclass
class Seen:
    """Every observation. `asked` holds the exchanges by question, `skipped` why a question was not asked."""

    target: Target
    machine: str = ""
    lookup: Lookup = field(default_factory=Lookup)
    ports: list[Port] = field(default_factory=list)
    certificate: Certificate | None = None
    http2: Http2 | None = None
    asked: dict[str, Exchange] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    hops: dict[str, list[str]] = field(default_factory=dict)  # redirects followed, by question
    prefixes: list[str] = field(default_factory=list)  # paths below which Harbor was found instead
    token: Token | None = None
    says: str | None = None  # external_url as Harbor itself says it, to users; None where it did not
    version: str = ""  # of Harbor, as it says to users
    known: bool | None = None  # whether Harbor knows our user; None where it was not asked
    clocks: dict[str, float] = field(default_factory=dict)  # seconds ahead of ours, by whose clock
    storage: Port | None = None  # where layers are redirected to
    pause: float = 0.0
    chunk: int = 0
    announced: int = 0
    seconds: float = 0.0

    @property
    def ping(self) -> Exchange | None:
        """The answer to `GET /v2/`."""
        return self.asked.get("ping")

    @property
    def trusted(self) -> bool:
        """Whether credentials may travel: over a checked certificate, or where plain http is what people use.

        Over http only to what the name means: at an address that was typed whoever owns it would get them.
        """
        if not self.target.https:
            return not self.target.at
        return self.certificate is not None and not self.certificate.kind

    def facts(self) -> dict[str, Any]:
        """As JSON values, for the job's result."""
        return asdict(self)
