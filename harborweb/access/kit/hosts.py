"""containerd's hosts.toml, which nerdctl reads too. Source: containerd's docs/hosts.md."""

from django.utils.translation import gettext as _

from harborweb.access.kit.guide import File, Part, Step, trust
from harborweb.access.kit.target import Cache, Target, sh, text

CERTS = "/etc/containerd/certs.d"


def hosts_toml(target: Target, after: str = "") -> Step:
    """containerd's file for this Harbor: where it is, what it may do, whom to trust."""
    folder = f"{CERTS}/{target.host}"
    ca = f"{folder}/ca.crt"
    lines = [f"server = {text(target.url)}", "", f"[host.{text(target.url)}]"]
    lines.append('  capabilities = ["pull", "resolve", "push"]')
    if target.ca_pem and target.https:
        lines.append(f"  ca = {text(ca)}")
    file = File(f"{folder}/hosts.toml", "\n".join(lines) + "\n")
    title = _("Tell containerd about this Harbor")
    words = _("Read at every request: nothing is restarted for it.")
    if not target.https:
        words = _(
            "This Harbor speaks plain HTTP: passwords and images cross the network readable. The file is read at "
            "every request."
        )
    if target.https:
        known = trust(target, [ca])
        return Step(Part.TRUST, title, f"{known.text} {words} {after}".strip(), (*known.files, file))
    return Step(Part.TRUST, title, f"{words} {after}".strip(), (file,))


def mirror_toml(target: Target, cache: Cache, program: tuple[str, ...]) -> Step:
    """containerd's file for the upstream: the cache first, the upstream itself where that does not answer."""
    address = text(f"{target.url}/v2/{cache.project}")
    lines = [f"server = {text(cache.server)}", "", f"[host.{address}]"]
    lines += ['  capabilities = ["pull", "resolve"]', "  override_path = true"]
    if target.ca_pem and target.https:
        lines.append(f"  ca = {text(f'{CERTS}/{target.host}/ca.crt')}")
    words = _(
        "Names stay as they are: %(upstream)s/… is asked of the cache first, and of %(upstream)s itself where the "
        "cache does not answer. containerd sends a pull secret only to the host it was made for, so the proxy cache "
        "project has to be public."
    ) % {"upstream": cache.upstream}
    return Step(
        Part.MIRROR,
        _("As a mirror of %(upstream)s") % {"upstream": cache.upstream},
        words,
        (File(f"{CERTS}/{cache.upstream}/hosts.toml", "\n".join(lines) + "\n", merge=True),),
        (sh(*program, f"{cache.upstream}/{cache.example}"),),
    )
