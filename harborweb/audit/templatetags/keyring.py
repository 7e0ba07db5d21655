"""What the pages of keys show of the verdicts: {% load keyring %}."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template

from harborweb.audit.keys import facts, services
from harborweb.jobs.models import Job
from harborweb.signing.models import Key

register = template.Library()


@register.simple_tag
def images_by_key(keys: Sequence[Key]) -> dict[int, tuple[int, int]]:
    """How many images each key has signed, and how many of these signatures came too late."""
    return facts.images_by_key(keys)


@register.filter
def of(counts: Mapping[int, Any], pk: int) -> Any:
    """The entry of one key."""
    return counts.get(pk, (0, 0))


@register.simple_tag
def key_facts(key: Key) -> facts.Facts:
    """What a key has signed."""
    return facts.facts(key)


@register.simple_tag
def judging_again(key: Key | None = None) -> Job | None:
    """The job that brings verdicts up to date after a key has changed."""
    return services.judging(key)


@register.inclusion_tag("audit/keys/_strange.html", takes_context=True)
def strange_signatures(context: dict[str, Any]) -> dict[str, Any]:
    """The table of signatures that do not count."""
    rows, images = facts.strange()
    return {"rows": rows, "images": images, "user": context.get("user")}
