"""What the wizard's templates cannot say themselves."""

from django import template
from django.urls import reverse

from harborweb.configuration.faults import Fault
from harborweb.configuration.fields import BY_KEY

register = template.Library()


@register.simple_tag
def fault_place(fault: Fault) -> str:
    """The address of the question a fault belongs to; empty when the wizard does not ask for its key."""
    field = BY_KEY.get(fault.key)
    if field is None:
        return ""
    return f"{reverse('configuration:section', args=[field.section])}#id_{field.key.replace('.', '_')}_field"
