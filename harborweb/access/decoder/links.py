"""The pages of ours that a step leads to, and this Harbor's name in its lines."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from harborweb.access.decoder.message import Fix
from harborweb.access.place import Place

PAGES: dict[str, tuple[str, str, str | Promise]] = {
    "kit": ("access:kit", "", _("Client kit")),
    "kit-kubernetes": ("access:kit", "?tool=kubernetes", _("Client kit: pull secret")),
    "kit-buildkit": ("access:kit", "?tool=buildkit", _("Client kit: BuildKit")),
    "kit-cosign": ("access:kit", "?tool=cosign", _("Client kit: cosign")),
    "recipes": ("access:recipes", "", _("Recipes for the proxy")),
    "dns": ("access:names", "", _("Names in the LAN")),
    "board": ("access:doctor", "#board", _("What the name means")),
    "doctor": ("access:doctor", "", _("Ask the doctor")),
    "cache": ("access:cache", "", _("Pull-through caches")),
    "configuration": ("configuration:home", "", _("Configuration")),
    "deployment": ("deployment:home", "", _("Deployment")),
    "containers": ("deployment:containers", "", _("Containers")),
    "machine": ("deployment:machine", "", _("This machine")),
    "store": ("store:registries", "", _("Registry")),
    "audit": ("audit:home", "", _("Audit")),
}


@dataclass(frozen=True)
class Step:
    """A step as it is shown: its sentence, lines with this Harbor's name, and a link (both may be empty)."""

    text: str
    where: str
    lines: str
    url: str
    action: str


def step(fix: Fix, place: Place | None) -> Step:
    """`fix` for the Harbor at `place`; without one the lines have example names."""
    url, action = link(fix.page)
    return Step(str(fix.text), str(fix.where or _("In a shell")), filled(fix.lines, place), url, action)


def filled(lines: Sequence[str], place: Place | None) -> str:
    """Lines with this Harbor's name in them, quoted for a shell."""
    known = {
        "host": place.host if place else "harbor.example", "name": place.name if place else "harbor.example",
        "port": str(place.port if place else 443), "url": place.url if place else "https://harbor.example",
    }  # fmt: skip
    safe = {name: shlex.quote(value) for name, value in known.items()}
    return "\n".join(_filled(line, safe) for line in lines)


def _filled(line: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        line = line.replace("{" + name + "}", value)
    return line


def link(page: str) -> tuple[str, str]:
    """Address and words of a page; both empty for none."""
    if not page:
        return "", ""
    view, query, words = PAGES[page]
    return reverse(view) + query, str(words)
