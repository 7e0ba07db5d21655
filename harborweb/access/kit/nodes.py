"""What runs on the nodes of a cluster: containerd, CRI-O, k3s, RKE2, and the pull secret of the kubelet.

Sources: containerd's docs/hosts.md and docs/cri/registry.md, docs.k3s.io "Private Registry Configuration",
kubernetes.io "Pull an Image from a Private Registry".
"""

import io
import json
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from harborweb.access.kit.containers import containers_first, containers_mirror
from harborweb.access.kit.guide import File, Guide, Part, Step, login_command, password_step, through
from harborweb.access.kit.hosts import CERTS, hosts_toml, mirror_toml
from harborweb.access.kit.target import PLACEHOLDER, Target, sh, text

AUTH_FILE = "/etc/crio/harbor-auth.json"
SECRET = "harbor-pull"  # noqa: S105 (the name of a Kubernetes secret)


def containerd(target: Target) -> Guide:
    """containerd itself, as a kubelet uses it; `ctr` to try."""
    config = (
        'version = 2\n\n[plugins."io.containerd.grpc.v1.cri".registry]\n'
        f"  config_path = {text(CERTS)}\n"
    )  # fmt: skip
    switch = Step(
        Part.TRUST,
        _("Let containerd read that folder"),
        _("These lines are for containerd 1.x, and 2.x reads them too. Where your file begins with version = 3, the "
          "section is called plugins.'io.containerd.cri.v1.images'.registry. Old sections registry.mirrors and "
          "registry.configs must go: containerd does not start with both."),
        (File("/etc/containerd/config.toml", config, merge=True),),
        ("sudo systemctl restart containerd",),
    )  # fmt: skip
    ctr = ("sudo", "ctr", "images")
    hosts = ("--hosts-dir", CERTS, "--user", target.robot)
    own = Step(
        Part.LOGIN,
        _("Credentials are not containerd’s affair"),
        _("A cluster gives a pull secret with each pod: see Kubernetes pull secret. ctr asks for the password itself "
          "when only a name is given."),
    )  # fmt: skip
    pull = Step(Part.PULL, _("Pull"), commands=(sh(*ctr, "pull", *hosts, target.image),))
    push = Step(
        Part.PUSH, _("Push"),
        commands=(sh(*ctr, "tag", target.local, target.pushed), sh(*ctr, "push", *hosts, target.pushed)),
    )  # fmt: skip
    mirror = (mirror_toml(target, target.cache, (*ctr, "pull", "--hosts-dir", CERTS)),) if target.cache else ()
    return Guide(
        "containerd", "containerd", _("The runtime of most clusters."),
        (hosts_toml(target), switch, own, pull, push, *mirror),
    )  # fmt: skip


def yaml(value: Any) -> str:
    """`value` as YAML. Every text stands in quotes: readers of YAML 1.1 take `on` and `1:30` for something else."""
    out = io.StringIO()
    writer = YAML()
    writer.width = 1_000
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump(_quoted(value), out)
    return out.getvalue()


_WORDS = frozenset(
    [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "type",
        "stringData",
        "spec",
        "imagePullSecrets",
        "containers",
        "image",
        "restartPolicy",
        "mirrors",
        "configs",
        "endpoint",
        "rewrite",
        "auth",
        "username",
        "password",
        "tls",
        "ca_file",
    ]
)


def _quoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key if key in _WORDS else DoubleQuotedScalarString(key): _quoted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_quoted(one) for one in value]
    return LiteralScalarString(value) if "\n" in value else DoubleQuotedScalarString(value)


def k3s(target: Target) -> Guide:
    """k3s."""
    return _rancher(target, "k3s", "k3s", "/etc/rancher/k3s", ("k3s", "k3s-agent"))


def rke2(target: Target) -> Guide:
    """RKE2."""
    return _rancher(target, "rke2", "RKE2", "/etc/rancher/rke2", ("rke2-server", "rke2-agent"))


def _rancher(target: Target, tool: str, name: str, folder: str, services: tuple[str, str]) -> Guide:
    ca = f"{folder}/harbor-ca.crt"
    own: dict[str, Any] = {"auth": {"username": target.robot, "password": PLACEHOLDER}}
    mirrors: dict[str, Any] = {target.host: {"endpoint": [target.url]}}
    known: tuple[File, ...] = ()
    if target.https and target.ca_pem:
        own["tls"] = {"ca_file": ca}
        known = (File(ca, target.ca_pem),)
    restart = (
        "sudo systemctl restart " + services[0],
        "sudo systemctl restart " + services[1] + "  # " + _("on a node that is only an agent"),
    )
    words = _(
        "One file on every node, servers too. Put the robot’s secret in the place of %(placeholder)s; only root may "
        "read the file. A pull secret in Kubernetes can stand instead of the lines under auth."
    ) % {"placeholder": PLACEHOLDER}
    if not target.https:
        words += " " + _("This Harbor speaks plain HTTP: passwords and images cross the network readable.")

    def registries(found: dict[str, Any]) -> File:
        return File(f"{folder}/registries.yaml", yaml({"mirrors": found, "configs": {target.host: own}}), 0o600, True)

    steps = [Step(Part.TRUST, _("Tell %(name)s about this Harbor") % {"name": name}, words,
                  (*known, registries(mirrors)), restart)]  # fmt: skip
    steps.append(Step(Part.PULL, _("Pull"), commands=(sh("sudo", tool, "crictl", "pull", target.image)
                 if tool == "k3s" else sh("sudo", "/var/lib/rancher/rke2/bin/crictl", "--config",
                 "/var/lib/rancher/rke2/agent/etc/crictl.yaml", "pull", target.image),)))  # fmt: skip
    steps.append(_no_push())
    if target.cache:
        cache = target.cache
        rewritten = {"endpoint": [target.url], "rewrite": {"^(.*)$": f"{cache.project}/$1"}}
        steps.append(Step(
            Part.MIRROR,
            _("As a mirror of %(upstream)s") % {"upstream": cache.upstream},
            _("The whole file with the mirror in it. The rewrite puts the proxy cache project before each name; "
              "the upstream itself is asked where the cache does not answer. The credentials under configs are used "
              "for the mirror too, so the project may be private."),
            (*known, registries({**mirrors, cache.upstream: rewritten})),
            restart,
        ))  # fmt: skip
    return Guide(tool, name, _("A Kubernetes with containerd inside; one file rules its registries."), tuple(steps))


def _no_push() -> Step:
    return Step(Part.PUSH, _("Push: not from here"), _("A node only pulls. Push with docker, podman or a build."),
                cannot=True)  # fmt: skip


def crio(target: Target) -> Guide:
    """CRI-O, which reads what podman reads."""
    again = ("sudo systemctl reload crio",)
    first = containers_first(target, _("CRI-O reads the system’s folder only."))
    first = Step(first.part, first.title, first.text, first.files, again)
    login = password_step(
        [
            login_command(target, "sudo", "skopeo", flags=("--authfile", AUTH_FILE)),
            "sudo systemctl restart crio",
        ],
        _("These are the credentials of the whole node. With a pull secret in Kubernetes they are not needed."),
    )
    login = replace(
        login,
        files=(File("/etc/crio/crio.conf.d/50-harbor.conf", f"[crio.image]\nglobal_auth_file = {text(AUTH_FILE)}\n"),),
    )
    pull = Step(Part.PULL, _("Pull"), commands=(sh("sudo", "crictl", "pull", target.image),))
    mirror = containers_mirror(target, ("sudo", "crictl", "pull"), again)
    return Guide("crio", "CRI-O", _("The runtime of OpenShift and others."), (first, login, pull, _no_push(), *mirror))


def auth_json(target: Target) -> str:
    """A file of credentials as docker and podman keep them, with a placeholder for the secret."""
    return json.dumps({"auths": {target.host: {"username": target.robot, "password": PLACEHOLDER}}}, indent=2) + "\n"


def kubernetes(target: Target) -> Guide:
    """The pull secret that a kubelet hands to the runtime."""
    manifest = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET, "namespace": "default"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": auth_json(target)},
    }  # fmt: skip
    trusted = Step(
        Part.TRUST,
        _("The nodes have to reach and trust it"),
        _("Not the kubelet but the runtime of each node pulls: set up containerd, CRI-O, k3s or RKE2 there first."),
    )
    secret = Step(
        Part.LOGIN,
        _("Make the pull secret"),
        _("Put the robot’s secret in the place of %(placeholder)s. A secret belongs to one namespace: make it in each "
          "that pulls.") % {"placeholder": PLACEHOLDER},
        (File("harbor-pull.yaml", yaml(manifest), 0o600),),
        ("kubectl apply -f harbor-pull.yaml",),
    )  # fmt: skip
    command = Step(
        Part.LOGIN,
        _("Or from a command"),
        _("The same without YAML: Kubernetes keeps what this file says. Written out as --docker-password the secret "
          "would stand in the list of processes."),
        (File("harbor-auth.json", auth_json(target), 0o600),),
        (sh("kubectl", "--namespace", "default", "create", "secret", "docker-registry", SECRET,
            "--from-file=.dockerconfigjson=harbor-auth.json"),),
    )  # fmt: skip
    patch = json.dumps({"imagePullSecrets": [{"name": SECRET}]}, separators=(",", ":"))
    account = Step(
        Part.PULL,
        _("Use it in every pod of the namespace"),
        _("Pods made from now on pull with it. Or name it in one pod, as in the file."),
        (File("harbor-try.yaml", yaml(_pod(target.image))),),
        (sh("kubectl", "--namespace", "default", "patch", "serviceaccount", "default", "--patch", patch),
         "kubectl apply -f harbor-try.yaml", "kubectl --namespace default describe pod harbor-try"),
    )  # fmt: skip
    mirror = (
        (Step(
            Part.MIRROR,
            _("As a mirror: not by a pull secret"),
            _("A mirror is the runtime’s: see containerd, CRI-O, k3s or RKE2. In a pod the whole name works always."),
            cannot=True,
        ), through(target, target.cache, ("kubectl", "run", "cached", "--image")))
        if target.cache else ()
    )  # fmt: skip
    return Guide(
        "kubernetes", _("Kubernetes pull secret"), _("What a kubelet hands to the runtime with each pull."),
        (trusted, secret, command, account, _no_push(), *mirror),
    )  # fmt: skip


def _pod(image: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "harbor-try", "namespace": "default"},
        "spec": {"imagePullSecrets": [{"name": SECRET}], "containers": [{"name": "try", "image": image}],
                 "restartPolicy": "Never"},
    }  # fmt: skip
