"""Names that work in a configuration and make trouble in a LAN."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.access.values import is_address


@dataclass(frozen=True)
class Doubt:
    """Something to think of before it is done: a first sentence, and why with what to do."""

    title: str
    text: str


def of_name(name: str) -> list[Doubt]:
    """What speaks against a public name (one that `values.host` let through)."""
    if is_address(name):
        return [
            Doubt(
                _("This is an address, not a name."),
                _("It works as long as the machine keeps it, and the certificate has to be made for the address."),
            )
        ]
    if name == "local" or name.endswith(".local"):
        return [
            Doubt(
                _("Names that end with .local belong to mDNS."),
                _("Macs, and Linux machines with Avahi, ask all their neighbours for them and never the DNS server, "
                  "so the name answers here and not there. Use a name below a domain of your own, or below home.arpa "
                  "or .internal."),
            )
        ]  # fmt: skip
    if "." not in name:
        return [
            Doubt(
                _("This name has no dot."),
                _("docker takes a first word without dot and port for a user on Docker Hub, and each machine puts its "
                  "own domain behind such a name. Use a name with a domain."),
            )
        ]  # fmt: skip
    return []
