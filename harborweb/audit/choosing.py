"""Which registry an address of the audit means."""

from django.http import HttpRequest

from harborweb.registry.models import Registry


def registry_of(request: HttpRequest, name: str = "registry", default: bool = True) -> Registry | None:
    """The registry whose number stands in the address, or the first one, or None where there is none."""
    asked = request.GET.get(name, "")
    registries = Registry.objects.order_by("name")
    chosen = registries.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 10 else None
    return chosen or (registries.first() if default else None)
