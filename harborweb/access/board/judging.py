"""What the columns mean together: hairpin NAT, a name that means two things, and which rewrite cures it. Pure."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.access.board.views_of import Column


@dataclass(frozen=True)
class Finding:
    """A sentence about the name. `rewrite`: an entry in the LAN's DNS for `address` cures it; `dns` is for docker."""

    id: str
    verdict: str
    title: str
    text: str
    address: str = ""
    dns: str = ""

    @property
    def rewrite(self) -> bool:
        """Whether the DNS pages cure it."""
        return bool(self.address)

    @property
    def daemon(self) -> str:
        """What to write into docker's daemon.json; empty where that cures nothing."""
        return f'{{"dns": ["{self.dns}"]}}' if self.dns else ""


def is_public(text: str) -> bool:
    """Whether an address is of the internet; documentation's own count as such, for the examples in this world."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    examples = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    return address.is_global or any(
        address in ipaddress.ip_network(one) for one in examples if ipaddress.ip_network(one).version == address.version
    )


def is_loopback(text: str) -> bool:
    """Whether an address means whoever asks."""
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def judge(columns: Sequence[Column], own: Iterable[str], lan: str, server: str = "") -> list[Finding]:
    """What is odd about the name. `own` are this host's addresses, `lan` Harbor's or the proxy's address in the LAN.

    `server` is a name server of this LAN, for docker's own settings.
    """
    host = next((one for one in columns if one.place == "host"), None)
    container = next((one for one in columns if one.place == "container"), None)
    outside = next((one for one in columns if one.place == "public"), None)
    inside_lan = _behind_nat(own)
    found: list[Finding] = []
    if host is not None and inside_lan:
        found += _hairpin(host, own, lan)
    if host is not None and container is not None and container.addresses:
        found += _in_containers(host, container, lan, server, inside_lan)
    if host is not None and host.literal and all(map(is_loopback, host.addresses)):
        found.append(Finding("loopback", "look", _("This address means whoever asks it."),
                             _("It is good for this host alone. Containers and other machines need a name, or this "
                               "host’s address in the LAN.")))  # fmt: skip
    elif host is not None and host.addresses and all(map(is_loopback, host.addresses)):
        found.append(Finding("loopback", "wrong", _("On this host the name means the host itself."),
                             _("Other machines and containers need another address. Take the line out of /etc/hosts "
                               "and give the name its address in your DNS."), lan))  # fmt: skip
    if outside is not None and outside.addresses and not any(map(is_public, outside.addresses)):
        words = {"addresses": ", ".join(outside.addresses)}
        found.append(Finding("private_outside", "look", _("Public DNS gives an address of a private network."),
                             _("%(addresses)s leads nowhere from outside, and some routers drop such answers (DNS "
                               "rebind protection). Keep it in the LAN's own DNS.") % words))  # fmt: skip
    return found


def point(columns: Sequence[Column], found: Iterable[Finding]) -> None:
    """Mark the addresses that the findings are about, in the column where they stand."""
    places = {"hairpin": "host", "loopback": "host", "hairpin_container": "container", "differs": "container",
              "private_outside": "public"}  # fmt: skip
    for one in found:
        for column in columns:
            if column.place == places[one.id] and "address" in column.cells:
                away = one.id.startswith("hairpin")
                note = _("the public one") if away else column.cells["address"].note
                column.put("address", one.verdict, column.cells["address"].words, note)


def _behind_nat(own: Iterable[str]) -> bool:
    """Whether this host has addresses of private networks only."""
    real = [one for one in own if not is_loopback(one)]
    return bool(real) and not any(map(is_public, real))


def _hairpin(host: Column, own: Iterable[str], lan: str) -> list[Finding]:
    away = [one for one in host.addresses if is_public(one)]
    if not away:
        return []
    words = {"address": away[0], "lan": lan or _("Harbor's address in the LAN")}
    if host.open:
        return [Finding("hairpin", "look", _("Inside the LAN the name leads out to your public address and back."),
                        _("%(address)s answers, because your router turns it round (hairpin NAT): slower, all of you "
                          "look like the router to Harbor, and it ends with the internet line. Let the LAN's DNS say "
                          "%(lan)s.") % words, lan)]  # fmt: skip
    return [Finding("hairpin", "wrong", _("The name leads to your public address, and your router does not let that "
                                          "come back."),
                    _("From here %(address)s does not answer (no hairpin NAT). Let the LAN's DNS say %(lan)s instead.")
                    % words, lan)]  # fmt: skip


def _in_containers(host: Column, container: Column, lan: str, server: str, inside_lan: bool) -> list[Finding]:
    if set(container.addresses) == set(host.addresses) or all(map(is_loopback, host.addresses)):
        return []
    away = [one for one in container.addresses if is_public(one)]
    words = {"there": ", ".join(container.addresses), "here": ", ".join(host.addresses) or "–"}
    if away and inside_lan and not any(map(is_public, host.addresses)):
        if container.open:
            title = _("Inside containers the name leads out to your public address and back.")
        else:
            title = _("Inside containers the name leads to your public address, and your router does not let that come "
                      "back.")  # fmt: skip
        text = _("Replication and webhooks to Harbor's own name will fail or take the long way. Give docker your own "
                 "DNS server, in /etc/docker/daemon.json.")  # fmt: skip
        return [Finding("hairpin_container", "look" if container.open else "wrong", title, text, lan, server)]
    if container.open and host.open:
        return [Finding("differs", "look", _("Inside containers the name means another address."),
                        _("%(there)s there, %(here)s here. Both answer; see that they are the same Harbor.") % words,
                        lan, server)]  # fmt: skip
    return [Finding("differs", "wrong", _("Inside containers the name means another address."),
                    _("%(there)s there, %(here)s here. A line in /etc/hosts counts for no container: put the name into "
                      "your DNS.") % words, lan, server)]  # fmt: skip
