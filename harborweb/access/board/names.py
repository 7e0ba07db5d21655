"""Name servers asked one by one, by dnspython: what each says the name means."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
from django.utils.translation import gettext as _

RESOLV_CONF, HOSTS = Path("/etc/resolv.conf"), Path("/etc/hosts")
SECONDS = 2.0
MOST = 4  # name servers


@dataclass(frozen=True)
class Server:
    """A name server."""

    address: str
    port: int = 53

    def __str__(self) -> str:
        return self.address if self.port == 53 else f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Said:
    """What one server said; `error` in its own words where it gave no address."""

    server: Server
    addresses: list[str] = field(default_factory=list)
    error: str = ""


def servers(path: Path = RESOLV_CONF) -> list[Server]:
    """The name servers of a resolv.conf; none where it cannot be read."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return servers_in(lines)[:MOST]


def servers_in(lines: Iterable[str]) -> list[Server]:
    """The name servers that these lines of a resolv.conf name."""
    found = []
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and _is_address(words[1]):
            found.append(Server(words[1]))
    return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def in_hosts(name: str, path: Path = HOSTS) -> list[str]:
    """The addresses that a hosts file gives `name`."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    rows = [line.partition("#")[0].split() for line in lines]
    return [row[0] for row in rows if name.lower() in {word.lower() for word in row[1:]}]


def ask(server: Server, name: str, seconds: float = SECONDS) -> Said:
    """IPv4 and IPv6 addresses of `name` as `server` says; over UDP, and TCP where the answer is cut."""
    found: list[str] = []
    error = ""
    for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
        try:
            query = dns.message.make_query(name, kind)
            answer, _tcp = dns.query.udp_with_fallback(query, server.address, timeout=seconds, port=server.port)
        except dns.exception.Timeout:
            return Said(server, found, _("no answer within %(seconds)g s") % {"seconds": seconds})
        except (OSError, dns.exception.DNSException, ValueError) as failed:
            return Said(server, found, str(failed)[:120] or type(failed).__name__)
        if answer.rcode() != dns.rcode.NOERROR:
            error = dns.rcode.to_text(answer.rcode())
            break
        found += [row.to_text() for rows in answer.answer if rows.rdtype == kind for row in rows]
    return Said(server, found, error if found or error else _("no address"))


def server_of(text: str) -> Server | None:
    """A server that somebody typed: an address, with a port where it is not 53; None when it is none."""
    typed = text.strip()
    address, port = typed, "53"
    if typed.startswith("["):
        address, _bracket, rest = typed[1:].partition("]")
        port = rest.removeprefix(":") or "53"
    elif typed.count(":") == 1:
        address, _colon, port = typed.partition(":")
    sound = port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
    return Server(address, int(port)) if sound and _is_address(address) else None
