"""The door of the client kit: the guides by tool, for this installation's Harbor or any other."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from harborweb.access.kit import engines, movers, nodes
from harborweb.access.kit.guide import Guide
from harborweb.access.kit.target import Cache, Target
from harborweb.access.place import Place
from harborweb.errors import Problem
from harborweb.registry.models import Registry

MAKERS: dict[str, Callable[[Target], Guide]] = {
    "docker": engines.docker, "podman": engines.podman, "nerdctl": engines.nerdctl,
    "containerd": nodes.containerd, "crio": nodes.crio, "k3s": nodes.k3s, "rke2": nodes.rke2,
    "kubernetes": nodes.kubernetes, "buildkit": movers.buildkit, "skopeo": movers.skopeo, "oras": movers.oras,
    "helm": movers.helm, "cosign": movers.cosign, "system": movers.system,
}  # fmt: skip


def guide(tool: str, target: Target) -> Guide:
    """How `tool` is set up for `target`; Problem for a tool that is not known. `Guide.only` takes parts of it."""
    maker = MAKERS.get(tool)
    if maker is None:
        raise Problem(_("There is no guide for “%(tool)s”.") % {"tool": tool[:40]}, field="tool")
    return maker(target)


def guides(target: Target) -> list[Guide]:
    """Every guide, in the order of the page."""
    return [maker(target) for maker in MAKERS.values()]


def target_of(
    place: Place, *, project: str = "library", robot: str = "", repository: str = "app", tag: str = "1.0",
    cache: Cache | None = None,
) -> Target:  # fmt: skip
    """The Harbor of `place` for a project and whoever logs in; raises Problem where a value cannot be.

    Its own CA is that of the registry's row, where the row is for the same address. Without `robot` the name is
    the one that Harbor gives the robot account `ci` of the project.
    """
    registry = own_registry(place)
    return Target(
        place.url, project, robot or f"robot${project}+ci", registry.ca_pem if registry else "",
        repository, tag, cache,
    )  # fmt: skip


def own_registry(place: Place) -> Registry | None:
    """The registry's row of this very address: the one whose CA counts."""
    registry = place.registry
    return registry if registry is not None and registry.url.rstrip("/") == place.url else None
