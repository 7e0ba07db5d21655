"""Programs that build, carry and sign: BuildKit, skopeo, oras, helm, cosign; and a machine's own trust store.

Sources: moby/buildkit's docs/buildkitd.toml.md, docs.docker.com "Configure BuildKit", helm.sh "helm registry login",
oras.land's command reference, skopeo(1), `cosign --help` of 2.5 and 3.1.
"""

from dataclasses import replace

from django.utils.translation import gettext as _

from harborweb.access.kit.containers import containers_first, containers_mirror
from harborweb.access.kit.guide import CA_NAME, File, Guide, Part, Step, login_command, password_step, through, trust
from harborweb.access.kit.target import Target, sh, text

BUILDER = "harbor"


def buildkit(target: Target) -> Guide:
    """BuildKit by itself and behind `docker buildx`."""
    lines = [f"[registry.{text(target.host)}]"]
    files: tuple[File, ...] = ()
    if not target.https:
        lines.append("  http = true")
    elif target.ca_pem:
        lines.append(f"  ca = [{text(CA_NAME)}]")
        files = (File(CA_NAME, target.ca_pem),)
    create = sh(
        "docker", "buildx", "create", "--name", BUILDER, "--driver", "docker-container",
        "--buildkitd-config", "buildkitd.toml", "--bootstrap",
    )  # fmt: skip
    words = _(
        "Docker’s own builder trusts what the engine trusts: see Docker. A builder in a container, which builds for "
        "several platforms, knows nothing of that and needs this file; buildx copies the CA into it. Run this in the "
        "folder of the files. A buildkitd without buildx reads /etc/buildkit/buildkitd.toml, with the CA’s whole path."
    )
    first = Step(Part.TRUST, _("Make a builder that knows this Harbor"), words,
                 (*files, File("buildkitd.toml", "\n".join(lines) + "\n")), (create,))  # fmt: skip
    build = ("docker", "buildx", "build", "--builder", BUILDER)
    login = password_step([login_command(target, "docker")], _("The builder takes the credentials of this login."))
    pull = Step(
        Part.PULL, _("Build on an image of this Harbor"),
        files=(File("Dockerfile.pull", f"FROM {target.image}\n"),),
        commands=(sh(*build, "--file", "Dockerfile.pull", "."),),
    )  # fmt: skip
    push = Step(
        Part.PUSH, _("Build and push"),
        commands=(sh(*build, "--platform", "linux/amd64,linux/arm64", "--push", "--tag", target.pushed, "."),),
    )  # fmt: skip
    return Guide(
        "buildkit", "BuildKit", _("docker buildx and buildkitd."),
        (first, login, pull, push, *_buildkit_mirror(target, lines, files, create)),
    )  # fmt: skip


def _buildkit_mirror(target: Target, lines: list[str], files: tuple[File, ...], create: str) -> tuple[Step, ...]:
    if target.cache is None:
        return ()
    cache = target.cache
    mirror = [f"[registry.{text(cache.upstream)}]", f"  mirrors = [{text(f'{target.host}/{cache.project}')}]"]
    step = Step(
        Part.MIRROR,
        _("As a mirror of %(upstream)s") % {"upstream": cache.upstream},
        _("The whole file with the mirror in it, for the same builder made anew. FROM lines stay as they are."),
        (*files, File("buildkitd.toml", "\n".join([*lines, "", *mirror]) + "\n")),
        (sh("docker", "buildx", "rm", BUILDER), create),
    )
    return (step,)


def skopeo(target: Target) -> Guide:
    """skopeo copies between registries and folders without an engine."""
    reference = f"docker://{target.image}"
    pull = Step(
        Part.PULL, _("Look at it, and pull it into a folder"),
        commands=(sh("skopeo", "inspect", reference), sh("skopeo", "copy", reference, "dir:image")),
    )  # fmt: skip
    push = Step(
        Part.PUSH, _("Push from a folder"),
        _("Or from any other place that skopeo knows: docker://…, docker-daemon:…, oci:…."),
        commands=(sh("skopeo", "copy", "dir:image", f"docker://{target.pushed}"),),
    )  # fmt: skip
    mirror = containers_mirror(target, ())
    if target.cache:
        source = f"docker://{target.cache.upstream}/{target.cache.example}"
        copy = sh("skopeo", "copy", source, "dir:cached")
        note = _("A list of tags comes from no mirror: “skopeo inspect” asks the upstream unless it has --no-tags.")
        mirror = tuple(replace(one, text=f"{one.text} {note}", commands=(copy,)) for one in mirror)
    return Guide(
        "skopeo", "skopeo", _("Copies and looks at images without an engine."),
        (containers_first(target), password_step([login_command(target, "skopeo")]), pull, push, *mirror),
    )  # fmt: skip


def _own_ca(target: Target, flag: str) -> tuple[Step, tuple[str, ...]]:
    """The first step of a program that takes the CA as an option, and that option."""
    if not target.https:
        words = _("This Harbor speaks plain HTTP: passwords and images cross the network readable. The option %(flag)s "
                  "stands in each command.") % {"flag": "--plain-http"}  # fmt: skip
        return Step(Part.TRUST, _("Allow plain HTTP"), words), ("--plain-http",)
    after = _("It is named in each command; in the system’s own trust store it would serve all programs at once.")
    return trust(target, [CA_NAME], after), (flag, CA_NAME) if target.ca_pem else ()


def oras(target: Target) -> Guide:
    """ORAS carries any files."""
    first, flags = _own_ca(target, "--ca-file")
    pull = Step(Part.PULL, _("Pull the files"), commands=(sh("oras", "pull", *flags, target.image),))
    push = Step(
        Part.PUSH, _("Push a file"),
        commands=(sh("oras", "push", *flags, target.pushed, "report.txt:text/plain"),),
    )  # fmt: skip
    mirror = (_no_mirror("ORAS"), through(target, target.cache, ("oras", "pull", *flags))) if target.cache else ()
    login = password_step([login_command(target, "oras", flags=flags)])
    return Guide("oras", "ORAS", _("Carries any files as artifacts."), (first, login, pull, push, *mirror))


def _no_mirror(name: str) -> Step:
    return Step(
        Part.MIRROR, _("As a mirror: not with %(name)s") % {"name": name},
        _("%(name)s has no mirror setting. Use whole names.") % {"name": name}, cannot=True,
    )  # fmt: skip


def helm(target: Target) -> Guide:
    """Helm 3.8 and later keeps charts in OCI registries."""
    first, flags = _own_ca(target, "--ca-file")
    chart = target.repository.rpartition("/")[2]
    version = target.pushed.rpartition(":")[2]
    version = version if version.count(".") == 2 else "0.1.0"
    where = f"oci://{target.host}/{target.project}"
    login = password_step(
        [login_command(target, "helm", "registry", flags=flags)],
        _("helm before 3.18 has no --plain-http at login.") if not target.https else "",
    )
    pull = Step(Part.PULL, _("Pull a chart"),
                commands=(sh("helm", "pull", *flags, f"{where}/{chart}", "--version", version),))  # fmt: skip
    push = Step(
        Part.PUSH, _("Push a chart"),
        _("The chart’s own name becomes the repository, its version the tag: the address ends at the project."),
        commands=(sh("helm", "package", chart), sh("helm", "push", *flags, f"{chart}-{version}.tgz", where)),
    )  # fmt: skip
    mirror = (
        (_no_mirror("Helm"), through(target, target.cache, ())) if target.cache else ()
    )  # fmt: skip
    return Guide("helm", "Helm", _("Charts as OCI artifacts, Helm 3.8 and later."), (first, login, pull, push, *mirror))


def cosign(target: Target) -> Guide:
    """cosign with a key pair, without a public log."""
    first, _unused = _own_ca(target, "")
    flags: tuple[str, ...] = ()
    if not target.https:
        words = _("This Harbor speaks plain HTTP: passwords and images cross the network readable. The option %(flag)s "
                  "stands in each command.") % {"flag": "--allow-http-registry"}  # fmt: skip
        first, flags = Step(Part.TRUST, _("Allow plain HTTP"), words), ("--allow-http-registry",)
    elif target.ca_pem:
        flags = ("--registry-cacert", CA_NAME)
    login = password_step([login_command(target, "cosign")], _("cosign keeps the login without trying it."))
    verify = Step(
        Part.PULL, _("Verify before you run"),
        _("With the public key you trust in cosign.pub."),
        commands=(sh("cosign", "verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", *flags, target.image),),
    )  # fmt: skip
    sign = Step(
        Part.PUSH, _("Sign"),
        _("Sign a digest, not a tag: a tag may move between push and signature. For cosign 3; cosign 2 does not know "
          "--use-signing-config. The sign button on an artifact’s page does the same and checks it at once."),
        commands=(sh("cosign", "sign", "--yes", "--key", "cosign.key", "--use-signing-config=false",
                     "--tlog-upload=false", *flags, _by_digest(target)),),
    )  # fmt: skip
    mirror = (_no_mirror("cosign"),) if target.cache else ()
    return Guide("cosign", "cosign", _("Signs and verifies."), (first, login, verify, sign, *mirror))


def _by_digest(target: Target) -> str:
    digest = target.tag if ":" in target.tag else "sha256:" + "0" * 64
    return f"{target.host}/{target.project}/{target.repository}@{digest}"


def system(target: Target) -> Guide:
    """The trust store of a whole machine: every program that uses it trusts this Harbor from then on."""
    if not target.https:
        words = _("This Harbor speaks plain HTTP: there is no certificate to trust. Each tool has to be told by name.")
        steps: tuple[Step, ...] = (Step(Part.TRUST, _("No certificate"), words, cannot=True),)
        return Guide("system", _("The system’s trust store"), _("For every program of a machine at once."), steps)
    local = "/usr/local/share/ca-certificates/harbor-ca.crt"
    anchors = "/etc/pki/ca-trust/source/anchors/harbor-ca.crt"
    keychain = "/Library/Keychains/System.keychain"
    engine = _("Restart the Docker engine afterwards: Go programs read the store once.")

    def one(name: str, path: str, command: str, where: str = "") -> Step:
        step = trust(target, [path], engine if not where else "", (command,))
        return Step(step.part, name, step.text, step.files, (command,), where)

    here = _("In the folder where %(name)s is") % {"name": CA_NAME}
    return Guide(
        "system", _("The system’s trust store"), _("For every program of a machine at once."),
        (
            one("Debian, Ubuntu", local, "sudo update-ca-certificates"),
            one("RHEL, Fedora, Rocky", anchors, "sudo update-ca-trust"),
            one("Alpine", local, "apk add ca-certificates && update-ca-certificates"),
            one("macOS", CA_NAME, sh("sudo", "security", "add-trusted-cert", "-d", "-r", "trustRoot", "-k", keychain,
                                     CA_NAME), here),
            one("Windows", CA_NAME, "Import-Certificate -FilePath .\\harbor-ca.crt "
                                    "-CertStoreLocation Cert:\\LocalMachine\\Root", _("PowerShell as administrator")),
        ),
    )  # fmt: skip
