"""What a recipe is filled in with: the name people use, the proxy's side, Harbor's side. Checked, so that no value
can say more than it should in the proxy's configuration."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from harborweb.access import values
from harborweb.access.place import Place
from harborweb.errors import Problem

NEAR = "127.0.0.1"  # Harbor on the proxy's own machine
FREE_HTTP, FREE_HTTPS = 8080, 8443  # where Harbor goes when the proxy has 80 and 443 of the same machine
TLS_FOLDER = "/etc/harbor/tls"
CHECKS: dict[str, Callable[..., Any]] = {  # the certificate's place follows the name
    "name": values.host, "harbor": values.host, "harbor_port": values.port, "http_port": values.port,
    "https_port": values.port, "certificate": values.path, "private_key": values.path, "harbor_ca": values.path,
    "listen": values.address_text,
}  # fmt: skip
NEEDED = ("name", "harbor", "harbor_port", "http_port", "https_port")


@dataclass(frozen=True)
class Front:
    """A proxy in front of one Harbor. Every value is checked when this is made: Problem names the field.

    `name` is what people type, `harbor` and `harbor_port` is where the proxy finds Harbor, over TLS when
    `to_https`; then `harbor_ca` is the file of the authority that Harbor's certificate is checked against (empty:
    it is not). `certificate` holds the certificate and those between it and the authority. `listen` is the proxy's
    address (empty: every one; `ipv6` then means both families).
    """

    name: str
    harbor: str = NEAR
    harbor_port: int = FREE_HTTP
    certificate: str = ""
    private_key: str = ""
    to_https: bool = False
    harbor_ca: str = ""
    http_port: int = 80
    https_port: int = 443
    ipv6: bool = True
    listen: str = ""

    def __post_init__(self) -> None:
        for field, check in CHECKS.items():
            value = getattr(self, field) or self._default(field)
            object.__setattr__(self, field, check(value, field) if value != "" or field in NEEDED else "")
        self._sensible()

    def _default(self, field: str) -> object:
        endings = {"certificate": "crt", "private_key": "key"}
        if field not in endings:
            return getattr(self, field)
        return f"{TLS_FOLDER}/{self.name.replace(':', '-')}.{endings[field]}"

    def _sensible(self) -> None:
        """Values that are fine alone and cannot work together."""
        if self.http_port == self.https_port:
            raise Problem(
                _("http and https have the same port."), _("The proxy listens on two ports."), field="http_port"
            )
        if self.certificate == self.private_key:
            raise Problem(
                _("Certificate and private key are the same file."),
                _("Write the path of the key, which is a file of its own."),
                field="private_key",
            )
        ports = {self.http_port, self.https_port}
        if self.harbor == self.name and self.harbor_port in ports:
            raise Problem(
                _("This is the name that people use, so the proxy would ask itself."),
                _("Write the address of Harbor’s machine, or 127.0.0.1 when both run on one."),
                field="harbor",
            )
        if self.near and self.harbor_port in ports and not self.listen:
            raise Problem(
                _("The proxy itself listens on port %(port)s of this machine.") % {"port": self.harbor_port},
                _("Give Harbor another one, for example %(port)s.") % {"port": self.free_port},
                field="harbor_port",
            )

    @property
    def near(self) -> bool:
        """Whether Harbor runs on the proxy's machine."""
        return self.harbor == "localhost" or (
            values.is_address(self.harbor) and ipaddress.ip_address(self.harbor).is_loopback
        )

    @property
    def free_port(self) -> int:
        """A port for Harbor that no proxy has."""
        return FREE_HTTPS if self.to_https else FREE_HTTP

    @property
    def host(self) -> str:
        """What people write in an image reference: the name, and the port unless it is 443."""
        return values.in_url(self.name) + ("" if self.https_port == 443 else f":{self.https_port}")

    @property
    def url(self) -> str:
        """The public address: external_url in harbor.yml."""
        return f"https://{self.host}"

    @property
    def upstream(self) -> str:
        """Harbor's address and port as the proxy writes them."""
        return f"{values.in_url(self.harbor)}:{self.harbor_port}"

    @property
    def upstream_url(self) -> str:
        """The same with its scheme, without a slash at the end."""
        return f"{'https' if self.to_https else 'http'}://{self.upstream}"

    @property
    def bracketed(self) -> str:
        """The name as it stands in an address: IPv6 in brackets."""
        return values.in_url(self.name)

    @property
    def bracketed_listen(self) -> str:
        """The proxy's own address, IPv6 in brackets; without one, that of every interface of the wanted families."""
        return values.in_url(self.listen) if self.listen else "" if self.ipv6 else "0.0.0.0"  # noqa: S104 - a recipe

    def listens(self, port: int) -> list[str]:
        """address:port of every socket, as nginx and Apache write them."""
        if self.listen:
            return [f"{values.in_url(self.listen)}:{port}"]
        return [str(port), f"[::]:{port}"] if self.ipv6 else [str(port)]


def filled_in(place: Place | None) -> dict[str, object]:
    """The fields of a Front as the harbor.yml at `place` answers them, as far as it does. Nothing is checked."""
    found: dict[str, object] = {
        "harbor": NEAR, "harbor_port": FREE_HTTP, "http_port": 80, "https_port": 443, "ipv6": True, "to_https": False,
    }  # fmt: skip
    if place is None:
        return found
    found |= {"name": place.name, "https_port": place.port if place.https else 443}
    wanted = place.wanted
    if wanted is None:
        return found
    port = wanted.https_port if wanted.https else wanted.http_port
    behind = wanted.hostname.strip("[]")
    if behind and behind != place.name and behind != "reg.mydomain.com":
        found["harbor"] = behind
    taken = found["harbor"] == NEAR and port in (found["http_port"], found["https_port"])
    free = FREE_HTTPS if wanted.https else FREE_HTTP
    found |= {"to_https": wanted.https, "harbor_port": free if taken or port is None else port}
    if wanted.certificate:
        found |= {"certificate": wanted.certificate, "private_key": wanted.private_key}
    return found
