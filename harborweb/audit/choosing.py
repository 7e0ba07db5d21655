"""Which registry an address of the audit means."""

from django.http import HttpRequest

from harborweb.accounts.http import number_in
from harborweb.registry.models import Registry


def registry_of(request: HttpRequest, name: str = "registry", default: bool = True) -> Registry | None:
    """The registry whose number stands in the address, or the first one, or None where there is none."""
    registries = Registry.objects.order_by("name")
    chosen = registries.filter(pk=number_in(request.GET.get(name))).first()
    return chosen or (registries.first() if default else None)
