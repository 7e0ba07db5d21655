"""What changed of one artifact, for its pages: {% load changes %}{% changes_of registry repository digest %}."""

from typing import Any

from django import template
from django.utils.http import urlencode

from harborweb.audit.changes import reading
from harborweb.registry.models import Registry

register = template.Library()


@register.inclusion_tag("audit/_changes_of.html")
def changes_of(registry: Registry, repository: str, digest: str) -> dict[str, Any]:
    """The newest changes of an artifact, each with its sentence; nothing where there is none."""
    lines, more = reading.of_artifact(registry, repository, digest)
    return {"lines": lines, "more": more, "query": urlencode([("registry", registry.pk), ("q", digest)])}
