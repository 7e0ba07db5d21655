"""The notes of a verdict, wherever it is shown whole."""

from django import template
from django.utils.translation import gettext as _

from harborweb.audit import origins
from harborweb.audit.models import ArtifactVerdict

register = template.Library()


@register.simple_tag
def origin_notes(row: ArtifactVerdict | None) -> list[str]:
    """What does not fit between what was signed and where it was found, translated."""
    return [_(one.template) % one.values for one in origins.notes_of(row)] if row is not None else []
