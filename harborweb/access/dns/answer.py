"""What the LAN's DNS server shall answer: a name, its addresses, for how long. Checked: no value can say more."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from harborweb.access import values
from harborweb.access.doubts import Doubt
from harborweb.access.place import Place
from harborweb.errors import Problem

USUAL_TTL = 300
LONGEST_TTL = 604800  # a week


@dataclass(frozen=True)
class Answer:
    """`name` has `ipv4` and `ipv6` (one of them may be empty), to be kept for `ttl` seconds.

    Every value is checked when this is made: Problem names the field.
    """

    name: str
    ipv4: str = ""
    ipv6: str = ""
    ttl: int = USUAL_TTL

    def __post_init__(self) -> None:
        for field, check in CHECKS.items():
            value = getattr(self, field)
            object.__setattr__(self, field, check(value, field) if value != "" or field in NEEDED else "")
        if not self.addresses:
            raise Problem(
                _("There is no address."),
                _("Write the one that people in the LAN come to, IPv4 or IPv6."),
                field="ipv4",
            )

    @property
    def addresses(self) -> list[str]:
        """All addresses, IPv4 first."""
        return [address for address in (self.ipv4, self.ipv6) if address]

    @property
    def records(self) -> list[tuple[str, str]]:
        """Type and address of every record."""
        return [("AAAA" if ":" in address else "A", address) for address in self.addresses]


def _name(text: str, field: str) -> str:
    if values.is_address(text.strip().strip("[]")):
        raise Problem(
            _("This is an address, and DNS gives names addresses."), _("Write the name that people type."), field=field
        )
    checked = values.name(text, field)
    if "." not in checked:
        raise Problem(
            _("This name has no dot."),
            _("docker takes a first word without dot and port for a user on Docker Hub. Use a name with a domain."),
            field=field,
        )
    return checked


def _of(version: int) -> Callable[[str, str], str]:
    def check(text: str, field: str) -> str:
        found = values.address(text, field)
        if found.version != version:
            raise Problem(
                _("This is an address of the other family."),
                _("IPv4 has dots, IPv6 has colons: each has a field of its own."),
                field=field,
            )
        if found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local:
            raise Problem(
                _("Nobody else can reach this address."),
                _("Write the address that other machines use for the proxy, or for Harbor where none is in front."),
                field=field,
            )
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
            raise Problem(
                _("This is an IPv4 address in IPv6’s clothes."), _("Write it into the other field."), field=field
            )
        return str(found)

    return check


def _ttl(number: int, field: str) -> int:
    if not 0 < number <= LONGEST_TTL:
        raise Problem(
            _("This is no time that DNS could use."), _("Write seconds, from 1 to 604800 (a week)."), field=field
        )
    return number


CHECKS: dict[str, Callable[..., Any]] = {"name": _name, "ipv4": _of(4), "ipv6": _of(6), "ttl": _ttl}
NEEDED = ("name", "ttl")


def doubts(answer: Answer) -> list[Doubt]:
    """What speaks against these addresses in a LAN."""
    return [
        Doubt(
            _("%(address)s is a public address.") % {"address": address},
            _("Inside the LAN many routers do not let people come back in by it (hairpin NAT). Write the address "
              "inside, unless this machine really has the public one."),
        )
        for address in answer.addresses
        if ipaddress.ip_address(address).is_global
    ]  # fmt: skip


def filled_in(place: Place | None) -> dict[str, object]:
    """The fields of an Answer as far as harbor.yml knows them: the name, and an address where it names one."""
    found: dict[str, object] = {"ttl": USUAL_TTL}
    if place is None:
        return found
    found["name"] = place.name
    behind = place.wanted.hostname.strip("[]") if place.wanted else ""
    if behind != place.name and values.is_address(behind):
        found["ipv6" if ":" in behind else "ipv4"] = behind
    return found
