"""What is worth knowing about more than one proxy."""

from django.utils.translation import gettext as _

from harborweb.access.recipes.front import Front
from harborweb.access.values import is_address


def looked_up_once(program: str, front: Front) -> tuple[str, ...]:
    """For a program that asks DNS for Harbor's name when it starts; nothing where Harbor has an address."""
    if is_address(front.harbor):
        return ()
    what = _(
        "%(program)s looks up %(name)s once, when it starts, and does not start where the name has no address: after a "
        "move of Harbor, reload it."
    )
    return (what % {"program": program, "name": front.harbor},)
