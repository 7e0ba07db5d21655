"""What the wizard's templates cannot say themselves."""

from django import template
from django.urls import reverse

from harborweb.configuration import switches
from harborweb.configuration.faults import Fault
from harborweb.configuration.fields import BY_BLOCK, BY_KEY

register = template.Library()


@register.simple_tag
def fault_place(fault: Fault) -> str:
    """The address of the question a fault belongs to; empty when the wizard does not ask for its key."""
    for switch in switches.SWITCHES:
        if fault.key in {switch.name, *switch.keys, *(path for path in switch.paths if path not in BY_KEY)}:
            return f"{reverse('configuration:section', args=[switch.section])}#choose_{switch.name}"
    field, block = BY_KEY.get(fault.key), BY_BLOCK.get(fault.key)
    if field is not None:
        return f"{reverse('configuration:section', args=[field.section])}#id_{field.key.replace('.', '_')}_field"
    return reverse("configuration:section", args=[block.section]) if block is not None else ""
