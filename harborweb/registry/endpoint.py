"""Which registry, as whom, how far trusted, and how much of it we are willing to read."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.registry.errors import RegistryError, http_refused, plain

HOST = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"
)  # a name or an IPv6 address


@dataclass(frozen=True)
class Endpoint:
    """A registry's address and credentials; https is assumed where the address names no scheme.

    `allow_http` lets plain http be used, also where a redirect or a token service leads to it.
    `ca_pem` is trusted in addition to the system's authorities. `signatures_repository` is where the signatures of
    all its images are, as cosign's COSIGN_REPOSITORY says it: in this registry, or in the one at `signatures_at`;
    empty where they lie beside each image. `signs` is said by who is going to sign: the image that content trust keeps
    from everybody until it is signed, Harbor gives to a client that calls itself cosign, and may push.
    """

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    allow_http: bool = False
    ca_pem: str = field(default="", repr=False)
    signatures_repository: str = ""
    signatures_at: "Endpoint | None" = None
    signs: bool = False

    @property
    def agent(self) -> str:
        """What we call ourselves (User-Agent)."""
        return "harborweb (signs as cosign)" if self.signs else "harborweb"

    @property
    def of_signatures(self) -> "Endpoint":
        """The registry that holds the signatures of this one's images."""
        return self.signatures_at or self

    @property
    def cosign_repository(self) -> str:
        """What COSIGN_REPOSITORY has to be, host/repository; empty where signatures lie beside each image."""
        return f"{self.of_signatures.host}/{self.signatures_repository}" if self.signatures_repository else ""

    @cached_property
    def base(self) -> URL:
        """The checked root address, e.g. https://registry.example:5000; raises RegistryError."""
        text = self.url.strip()
        text = text if "://" in text else f"https://{text}"
        try:
            url = URL(text)
            sound = url.scheme in {"http", "https"} and HOST.fullmatch(url.raw_host or "") is not None
        except ValueError:
            url, sound = URL(), False
        path = url.path.rstrip("/") if sound else ""
        if not sound or path not in {"", "/v2"} or url.query_string or url.fragment or url.user or url.password:
            # Never repeats an address that may carry a password.
            shown = plain(text) if "@" not in text else _("an address with a user name in it")
            raise RegistryError(
                "invalid",
                _("This is no registry's address: %(url)s.") % {"url": shown},
                _("Write scheme, host and port only, for example https://registry.example:5000."),
                field="url",
            )
        if url.scheme == "http" and not self.allow_http:
            raise http_refused(str(url.origin()))
        return url.origin()

    @property
    def host(self) -> str:
        """Host and, unless it is the scheme's own, port: what stands before the name in an image reference."""
        return host_of(self.base)


def host_of(url: URL) -> str:
    """The host as written in addresses; IPv6 in brackets, the port only where it is not the scheme's own."""
    host = url.host or ""
    shown = f"[{host}]" if ":" in host else host
    return shown if url.is_default_port() or url.port is None else f"{shown}:{url.port}"


@dataclass(frozen=True)
class Limits:
    """Bounds for what one registry may cost us: bytes, seconds, counts."""

    manifest_bytes: int = 4 * 1024 * 1024  # what registries themselves accept
    blob_bytes: int = 16 * 1024 * 1024
    list_bytes: int = 4 * 1024 * 1024  # one page of tags, repositories or referrers
    error_bytes: int = 64 * 1024
    seconds: float = 30.0  # one request with its redirects, to the last byte
    overall_seconds: float = 60.0  # one question with every retry and every wait between them
    connect_seconds: float = 10.0
    redirects: int = 5
    retries: int = 2
    wait_seconds: float = 4.0  # the longest wait before a retry
    pages: int = 2_000
    referrers: int = 2_000
    json_depth: int = 100
    connections: int = 16
