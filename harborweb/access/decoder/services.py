"""The door of the decoder: a paste in, cards for the page out. Nothing that is pasted is stored or logged."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.access.decoder.engine import LIMIT, Decoded, Finding, decode
from harborweb.access.decoder.links import Step, step
from harborweb.access.place import Place
from harborweb.errors import Problem


@dataclass(frozen=True)
class Card:
    """One finding as the page shows it."""

    finding: Finding
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Reading:
    """What the page shows of a paste; `elsewhere` are hosts it names that are not this Harbor's."""

    decoded: Decoded
    cards: tuple[Card, ...]
    elsewhere: tuple[str, ...]


def read(paste: str, place: Place | None) -> Reading:
    """Decode `paste` for the Harbor at `place`; Problem when there is nothing in it, or too much."""
    if not paste.strip():
        raise Problem(_("There is nothing to read."), _("Paste what the client said."), field="paste")
    if len(paste.encode(errors="replace")) > LIMIT:
        raise Problem(
            _("This is more than 64 KiB."),
            _("Paste the last lines alone: the reason stands near the end."),
            field="paste",
        )
    decoded = decode(paste)
    cards = tuple(Card(one, tuple(step(fix, place) for fix in one.message.fixes)) for one in decoded.findings)
    ours = {place.host.lower(), f"{place.name}:{place.port}".lower()} if place else set()
    return Reading(decoded, cards, tuple(host for host in decoded.hosts if host not in ours) if ours else ())
