"""What pages show of Harbor's badges: {% load badges %}{% badges_callout registry %} and {% harbor_says row %}."""

from collections.abc import Mapping
from typing import Any

from django import template

from harborweb.audit.badge import disagreeing as badged
from harborweb.audit.charts import GAP, LEAST
from harborweb.audit.models import ArtifactVerdict
from harborweb.registry.models import Registry

register = template.Library()
WIDTH = 560


@register.inclusion_tag("audit/_badges.html")
def badges_callout(registry: Registry) -> dict[str, Any]:
    """How many images Harbor shows as signed and how many of them are; nothing where badge and signatures agree."""
    found = badged.count(registry)
    return {"registry": registry, "badges": found, "pieces": pieces(found) if found.false or found.unsure else []}


@register.inclusion_tag("audit/_badge.html")
def harbor_says(row: ArtifactVerdict) -> dict[str, Any]:
    """The word for the badge that Harbor shows beside an artifact."""
    return {"badge": row.badge, "false": row.rank in badged.BAD}


@register.filter
def count_of(counts: Mapping[str, int], name: str) -> int:
    """How many there are of `name`."""
    return counts.get(name, 0)


def pieces(found: badged.Badges) -> list[tuple[str, int, int]]:
    """The bar of the call-out: what each piece is, where it begins and how wide it is."""
    counted = (("trusted", found.verified), ("invalid", found.false), ("unchecked", found.unsure))
    present = [(name, number) for name, number in counted if number]
    room = WIDTH - GAP * (len(present) - 1)
    widths = {name: max(LEAST, room * number // found.shown) for name, number in present}
    widths[max(widths, key=lambda name: widths[name])] += room - sum(widths.values())
    laid, left = [], 0
    for name, width in widths.items():
        laid.append((name, left, width))
        left += width + GAP
    return laid
