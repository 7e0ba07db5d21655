"""Names and addresses: what a name resolves to here, which addresses are this machine's own."""

import ipaddress
import re
import socket
import threading
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 2.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unresolved(Exception):
    """A name that stands for no address. `silent`: no name server answered in time."""

    def __init__(self, reason: str, silent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.silent = silent


def host_of(url: str) -> str:
    """The host of a URL, or of `host:port`; empty when there is none."""
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""


def literal(name: str) -> Address | None:
    """`name` as an IP address, if it is one."""
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None


def resolve(name: str, seconds: float = SECONDS) -> list[Address]:
    """The addresses `name` has here; raises Unresolved, also when no name server answers within `seconds`.

    getaddrinfo cannot be interrupted, so it runs in a thread that is left behind.
    """
    if address := literal(name):
        return [address]
    answer: list[list[Address] | Unresolved] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            answer.append(list(dict.fromkeys(ipaddress.ip_address(str(row[4][0]).split("%")[0]) for row in rows)))
        except (OSError, UnicodeError) as error:
            answer.append(Unresolved(getattr(error, "strerror", None) or str(error)))

    thread = threading.Thread(target=ask, daemon=True, name=f"resolve {name}")
    thread.start()
    thread.join(seconds)
    if not answer:
        raise Unresolved(f"no name server answered within {seconds:g} s", silent=True)
    if isinstance(answer[0], Unresolved):
        raise answer[0]
    return answer[0]


def all_loopback(addresses: list[Address]) -> bool:
    """Whether every address means the very machine, or container, that asks."""
    return bool(addresses) and all(one.is_loopback or one.is_unspecified for one in addresses)


def own() -> set[Address]:
    """The addresses of this machine's interfaces; empty where the kernel does not tell."""
    found: set[Address] = set()
    try:
        text = Path("/proc/net/fib_trie").read_text()
        for address in re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", text):
            found.add(ipaddress.ip_address(address))
    except OSError:
        return found
    try:
        for line in Path("/proc/net/if_inet6").read_text().splitlines():
            found.add(ipaddress.IPv6Address(int(line.split()[0], 16)))
    except (OSError, ValueError):
        return found
    return found
