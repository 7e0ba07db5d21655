"""What pages of other rooms show of webhooks: {% load hooks %}{% hooks_told registry %}."""

from typing import Any

from django import template

from harborweb.audit.hooks import overview
from harborweb.registry.models import Registry

register = template.Library()


@register.inclusion_tag("audit/_told.html")
def hooks_told(registry: Registry, project: str = "") -> dict[str, Any]:
    """Whether a Harbor, or one project of it, tells us of pushes, and what it said of quotas; nothing for others."""
    return {
        "registry": registry, "project": project,
        "told": overview.told(registry, project), "notices": overview.quota_notices(registry, project),
    }  # fmt: skip
