"""Values that may stand in another program's configuration: checked here, so that nothing else can be written there."""

import ipaddress
import re

import idna
from django.utils.translation import gettext as _

from harborweb.errors import Problem

LONGEST_NAME = 253  # RFC 1035 2.3.4, without the last dot
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")  # RFC 1123 2.1
PATH = re.compile(r"/[A-Za-z0-9._+@=,~-]+(/[A-Za-z0-9._+@=,~-]+)*")
LONGEST_PATH = 255

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def name(text: str, field: str) -> str:
    """A host's name as DNS has it: lower case, umlauts and Han as xn--, no dot at its end.

    Raises Problem of `field` for what is no name by RFC 1123 (an IP address is none either).
    """
    typed = text.strip().rstrip(".")
    try:
        ascii_name = typed.lower() if typed.isascii() else idna.encode(typed, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        ascii_name = ""
    labels = ascii_name.split(".")
    if (
        not ascii_name
        or len(ascii_name) > LONGEST_NAME
        or not all(map(LABEL.fullmatch, labels))
        or labels[-1].isdigit()
    ):
        raise Problem(
            _("This is no host name."),
            _("A host name has letters, digits, hyphens and dots; no spaces, no underscores, no http:// and no port."),
            field=field,
        )
    for label in labels:
        if label.startswith("xn--"):
            _readable(label, field)
    return ascii_name


def _readable(label: str, field: str) -> None:
    try:
        idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        raise Problem(
            _("%(label)s is no name that anybody could write.") % {"label": label},
            _("A part that begins with xn-- stands for letters outside of ASCII, and this one for none."),
            field=field,
        ) from None


def address(text: str, field: str) -> Address:
    """An IP address, of either family, also in brackets; raises Problem of `field`."""
    typed = text.strip()
    bare = typed[1:-1] if typed.startswith("[") and typed.endswith("]") else typed
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        found = None
    if found is None or "%" in bare:
        raise Problem(
            _("This is no IP address."),
            _("Write four numbers from 0 to 255 with dots between them, or an IPv6 address without a zone."),
            field=field,
        )
    return found


def address_text(text: str, field: str) -> str:
    """The same as text, without brackets."""
    return str(address(text, field))


def host(text: str, field: str) -> str:
    """A name or an IP address, an IPv6 address without brackets; raises Problem of `field`."""
    bare = text.strip().strip("[]")
    looks_like_address = ":" in bare or re.fullmatch(r"[0-9.]+", bare)
    return str(address(bare, field)) if looks_like_address else name(text, field)


def is_address(checked: str) -> bool:
    """Whether what `host` returned is an IP address."""
    try:
        ipaddress.ip_address(checked)
    except ValueError:
        return False
    return True


def in_url(checked: str) -> str:
    """What `host` returned as it stands in an address: IPv6 in brackets."""
    return f"[{checked}]" if ":" in checked else checked


def port(number: int, field: str) -> int:
    """A port; raises Problem of `field`."""
    if not 0 < number < 65536:
        raise Problem(_("This is no port."), _("Ports go from 1 to 65535."), field=field)
    return number


def path(text: str, field: str) -> str:
    """The absolute path of a file; raises Problem of `field` for what would need quotes somewhere."""
    typed = text.strip()
    if not PATH.fullmatch(typed) or len(typed) > LONGEST_PATH or {".", ".."} & set(typed.split("/")):
        raise Problem(
            _("This path cannot stand in a configuration file as it is."),
            _("Write an absolute path of letters, digits and . _ - + @ = , ~ without spaces and without dots alone."),
            field=field,
        )
    return typed
