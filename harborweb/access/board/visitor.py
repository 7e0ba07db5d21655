"""The visitor's browser, as far as a page can honestly know it.

A page may ask its own origin only (connect-src 'self'), so it cannot look at Harbor: what the browser asks for a name,
and whether Harbor answers it, is for its owner to try. harborweb sees where the visitor comes from, and by which name.
"""

import ipaddress
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.access.board.judging import is_public


@dataclass(frozen=True)
class Visitor:
    """Where the visitor's request came from and which way it took."""

    address: str
    scheme: str
    host: str

    @property
    def words(self) -> str:
        """From where, in words."""
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return _("not known: a proxy in front of harborweb hides it")
        if address.is_loopback:
            return _("%(address)s, this machine") % {"address": self.address}
        if is_public(self.address):
            return _("%(address)s, from outside") % {"address": self.address}
        return _("%(address)s, inside the network") % {"address": self.address}


def of(request: HttpRequest) -> Visitor:
    """The visitor of this request."""
    return Visitor(str(request.META.get("REMOTE_ADDR") or ""), request.scheme or "", request.get_host())
