"""What pages say of a key's limits: {% load keys %}."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.signing import limits
from harborweb.signing.models import Key
from harborweb.signing.ranges import Chart

register = template.Library()
SHAPES = {"trusted": "trusted", "ends": "warn", "begins": "queued", "revoked": "bad", "ended": "off", "off": "off"}


@dataclass(frozen=True)
class Said:
    """A key's state: shape, word, and the words below it."""

    name: str
    shape: str
    word: str
    below: str


@register.filter
def key_state(key: Key) -> Said:
    """The state of a ready key."""
    name, word, below = limits.state_of(key)
    return Said(name, SHAPES[name], word, below)


@register.simple_tag
def zone() -> str:
    """The name of the zone in which moments are typed and shown."""
    return timezone.get_current_timezone_name()


@register.simple_tag
def keys_ending() -> list[Key]:
    """Trusted keys that end soon."""
    return limits.ending()


@register.simple_tag
def limits_shown(key: Key) -> list[str]:
    """The limits that hold, other than those of a new key."""
    return limits.differences(limits.Limits(), limits.Limits.of(key))


@register.filter
def change_shown(change: Any) -> list[str]:
    """What a change changed."""
    return limits.differences(limits.Limits.read(change.before), limits.Limits.read(change.after))


@register.inclusion_tag("signing/_key_range.html")
def key_range(key: Key, chart: Chart) -> dict[str, Any]:
    """The bar of one key; its label says in words what it draws."""
    said = key_state(key) if key.now == "ready" else None
    label = _("%(name)s: %(word)s %(below)s") % {
        "name": key.name, "word": said.word if said else "-", "below": said.below if said else "",
    }  # fmt: skip
    return {"range": chart.ranges.get(key.pk), "axis": chart.axis, "label": label.strip()}
