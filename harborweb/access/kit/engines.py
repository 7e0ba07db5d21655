"""Engines on a machine: docker, podman, nerdctl.

Where each looks for a CA: docker's "Verify repository client with certificates", containers-certs.d(5),
containerd's docs/hosts.md. What the mirror settings can do: dockerd's `registry-mirrors` (moby's ValidateMirror
refuses a path), containers-registries.conf(5).
"""

import json

from django.utils.translation import gettext as _

from harborweb.access.kit.containers import containers_first, containers_mirror
from harborweb.access.kit.guide import File, Guide, Part, Step, client, through, trust
from harborweb.access.kit.hosts import hosts_toml, mirror_toml
from harborweb.access.kit.target import Target


def docker(target: Target) -> Guide:
    """Docker Engine, and Docker Desktop where it differs."""
    if target.https:
        first = trust(
            target, [f"/etc/docker/certs.d/{target.host}/ca.crt"],
            _("The engine reads it at the next request; nothing is restarted. Docker Desktop takes it from the "
              "system’s own store, and has to be restarted."),
        )  # fmt: skip
    else:
        first = Step(
            Part.TRUST,
            _("Allow plain HTTP"),
            _("This Harbor speaks plain HTTP: passwords and images cross the network readable. The engine refuses "
              "that until it is told by name. On Docker Desktop: Settings, Docker Engine."),
            (File("/etc/docker/daemon.json", json.dumps({"insecure-registries": [target.host]}, indent=2) + "\n",
                  merge=True),),
            ("sudo systemctl reload docker",),
        )  # fmt: skip
    return Guide(
        "docker", "Docker", _("Docker Engine and Docker Desktop."),
        (first, *client(target, "docker"), *_docker_mirror(target)),
    )  # fmt: skip


def _docker_mirror(target: Target) -> tuple[Step, ...]:
    words = _(
        "Docker’s setting registry-mirrors stands in for Docker Hub alone, and takes an address without a path. "
        "Harbor’s cache is a project, so it is a path: the engine refuses to start with “invalid mirror: path, "
        "query, or fragment at end of the URI”, and without the path Harbor is asked for projects it does not have. "
        "Use whole names, or builds through BuildKit."
    )
    cannot = Step(Part.MIRROR, _("As a mirror: not with Docker"), words, cannot=True)
    return (cannot, through(target, target.cache, ("docker", "pull"))) if target.cache else (cannot,)


def podman(target: Target) -> Guide:
    """Podman, and Buildah, which reads the same files."""
    return Guide(
        "podman", "Podman", _("Podman and Buildah."),
        (containers_first(target), *client(target, "podman"), *containers_mirror(target, ("podman", "pull"))),
    )  # fmt: skip


def nerdctl(target: Target) -> Guide:
    """nerdctl, which reads containerd's hosts.toml."""
    mirror = (mirror_toml(target, target.cache, ("nerdctl", "pull")),) if target.cache else ()
    rootless = _("Rootless: below ~/.config/containerd/certs.d instead of /etc/containerd/certs.d.")
    return Guide(
        "nerdctl", "nerdctl", _("containerd’s own client that speaks like docker."),
        (hosts_toml(target, rootless), *client(target, "nerdctl"), *mirror),
    )  # fmt: skip
