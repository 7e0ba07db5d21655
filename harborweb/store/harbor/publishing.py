"""How to push into a project, and how to take from it: commands with this registry's own names."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.registry.models import Registry


@dataclass(frozen=True)
class Step:
    """A command, and the sentence that says what it is for."""

    name: str
    text: str


def push(registry: Registry, project: str = "", repository: str = "") -> list[Step]:
    """Sign in, tag, push; IMAGE, PROJECT and TAG stand for what only the reader knows."""
    name = repository or f"{project or 'PROJECT'}/IMAGE"
    target = f"{registry.host}/{name}"
    return [
        Step(_("Sign in"), f"docker login {registry.host}"),
        Step(_("Name it"), f"docker tag IMAGE {target}:TAG"),
        Step(_("Push"), f"docker push {target}:TAG"),
    ]
