"""What podman, Buildah, skopeo and CRI-O read alike: containers-certs.d(5) and containers-registries.conf(5)."""

from django.utils.translation import gettext as _

from harborweb.access.kit.guide import File, Part, Step, trust
from harborweb.access.kit.target import Target, sh, text

REGISTRIES = "/etc/containers/registries.conf.d/50-harbor.conf"
REGISTRIES_MIRROR = "/etc/containers/registries.conf.d/51-harbor-mirror.conf"


def containers_first(target: Target, after: str = "") -> Step:
    """What podman, skopeo, buildah and CRI-O share: certs.d for the CA, registries.conf.d for plain HTTP."""
    if target.https:
        own = _("For one user alone: below ~/.config/containers/certs.d instead of /etc/containers/certs.d.")
        return trust(target, [f"/etc/containers/certs.d/{target.host}/ca.crt"], f"{own} {after}".strip())
    content = f"[[registry]]\nlocation = {text(target.host)}\ninsecure = true\n"
    words = _("This Harbor speaks plain HTTP: passwords and images cross the network readable.")
    return Step(Part.TRUST, _("Allow plain HTTP"), f"{words} {after}".strip(), (File(REGISTRIES, content),))


def containers_mirror(target: Target, program: tuple[str, ...], after: tuple[str, ...] = ()) -> tuple[Step, ...]:
    """The cache as a mirror: names stay as they are, the upstream is asked only where the cache has no answer."""
    if target.cache is None:
        return ()
    cache = target.cache
    content = (
        f"[[registry]]\nprefix = {text(cache.upstream)}\nlocation = {text(cache.upstream)}\n\n"
        f"[[registry.mirror]]\nlocation = {text(f'{target.host}/{cache.project}')}\n"
    ) + ("" if target.https else "insecure = true\n")
    words = _(
        "Names stay as they are: %(upstream)s/… is asked of the cache first, and of %(upstream)s itself where the "
        "cache does not answer. Log in to this Harbor too, or make the proxy cache project public."
    ) % {"upstream": cache.upstream}
    pull = (sh(*program, f"{cache.upstream}/{cache.example}"),) if program else ()
    return (
        Step(Part.MIRROR, _("As a mirror of %(upstream)s") % {"upstream": cache.upstream}, words,
             (File(REGISTRIES_MIRROR, content),), (*after, *pull)),
    )  # fmt: skip
