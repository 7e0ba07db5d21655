"""The DNS servers there is a text for, and what each kind of line is for."""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.access.dns import boxes, servers
from harborweb.access.dns.answer import Answer
from harborweb.access.dns.servers import For
from harborweb.access.recipes.shape import Recipe
from harborweb.configuration.fields import Words
from harborweb.errors import Problem

SERVERS: dict[str, Callable[[Answer], Recipe]] = {
    "dnsmasq": servers.dnsmasq,
    "unbound": servers.unbound,
    "bind": servers.bind,
    "bind-policy": servers.bind_policy,
    "coredns": servers.coredns,
    "pi-hole": boxes.pi_hole,
    "adguard": boxes.adguard,
    "routeros": boxes.routeros,
    "hosts": boxes.hosts,
}
TITLES: dict[str, Words] = {
    "dnsmasq": "dnsmasq",
    "unbound": "Unbound",
    "bind": gettext_lazy("BIND, zone"),
    "bind-policy": gettext_lazy("BIND, response policy"),
    "coredns": "CoreDNS",
    "pi-hole": "Pi-hole",
    "adguard": "AdGuard Home",
    "routeros": "RouterOS",
    "hosts": gettext_lazy("hosts file"),
}

# fmt: off
WHY: dict[str, tuple[Words, Words]] = {
    For.RECORD: (
        gettext_lazy("Name and address"),
        gettext_lazy("The name that people type and the address they come to: the proxy’s, or Harbor’s own where none "
                     "is in front."),
    ),
    For.ONLY: (
        gettext_lazy("From here alone"),
        gettext_lazy("Nobody outside is asked about this name, for no type of record. Otherwise a client that asks for "
                     "AAAA or HTTPS gets the public answer, and half of the machines go out and come back."),
    ),
    For.TTL: (
        gettext_lazy("How long it is kept"),
        gettext_lazy("Clients ask again after this many seconds, and so long an old address lives on after a move. 300 "
                     "is short enough to move and long enough for a busy day of builds."),
    ),
    For.ZONE: (
        gettext_lazy("Which name"),
        gettext_lazy("This one name. Other names of the same domain are asked for outside, as before."),
    ),
    For.REST: (
        gettext_lazy("For the whole LAN"),
        gettext_lazy("Without this the router asks for itself only."),
    ),
    For.REBIND: (
        gettext_lazy("Private address"),
        gettext_lazy("A resolver that throws private addresses out of answers (protection against DNS rebinding) lets "
                     "them pass for this name."),
    ),
}
# fmt: on


def recipe(server: str, answer: Answer) -> Recipe:
    """The text for `server`, a key of SERVERS; raises Problem for another."""
    if server not in SERVERS:
        raise Problem(_("There is no text for this server."), _("Choose one of those on the page."))
    return SERVERS[server](answer)
