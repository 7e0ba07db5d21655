"""What the sign and verify panels need, wherever they are included."""

from typing import Any

from django import template

from harborweb.accounts.roles import Role
from harborweb.registry.models import Registry
from harborweb.signing import formats, places, services
from harborweb.signing.models import Key
from harborweb.tools import cosign_features
from harborweb.tools.cosign import Cosign, by_hand

register = template.Library()


@register.simple_tag(takes_context=True)
def may_sign(context: dict[str, Any]) -> bool:
    """Whether the person who looks may sign and verify."""
    user = getattr(context.get("request"), "user", None)
    return bool(user is not None and user.is_authenticated and user.may(Role.SIGNER))


@register.simple_tag
def sign_keys() -> list[Key]:
    """The keys that can sign."""
    return services.signing_keys()


@register.simple_tag
def formats_for(registry: Registry) -> formats.Chosen:
    """In which formats a click signs there, and why."""
    state = services.cosign_state()
    return formats.default(registry, bundles=state.bundles or state.version is None)


@register.filter
def refused_with(key: Key, version: cosign_features.Version | None) -> bool:
    """Whether cosign of this version refuses the signatures that it makes with `key`."""
    return key.signs and version is not None and not cosign_features.signs_with(version, key.algorithm)


@register.filter
def any_asks(keys: list[Key]) -> bool:
    """Whether one of these keys asks for its password."""
    return any(key.asks for key in keys)


@register.simple_tag
def verify_keys() -> list[Key]:
    """Every key that can verify, trusted ones first."""
    return list(Key.objects.filter(state=Key.State.READY).order_by("-trusted", "name"))


@register.simple_tag
def cosign_here() -> services.CosignState:
    """Which cosign the workers have, and what is wrong with it."""
    return services.cosign_state()


@register.simple_tag
def verify_by_hand(registry: Registry, repository: str, digest: str, key_file: str = "KEY.pub") -> str:
    """The command that verifies this digest without harborweb; `key_file` is the public half's file."""
    state = services.cosign_state()
    version = state.version or cosign_features.Version((3, 1, 2))
    endpoint = registry.shown_endpoint()
    reference = f"{endpoint.host}/{repository}@{digest}"
    command = Cosign("cosign", version).verify(reference, places.access(endpoint), key_file)
    return by_hand(command, endpoint.cosign_repository)
