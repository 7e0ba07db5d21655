"""Messages about images themselves, about signatures, and of a cluster."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.decoder.message import Certainty, fix, known

SIGN = fix(_("Sign the digest on the artifact’s page, or see what the audit says of it."), page="audit")
SECRET = fix(_("The kit has the pull secret, for exactly this host."), page="kit-kubernetes")
EVENTS = fix(
    _("Read the events of the pod, and the runtime’s log on its node: the reason stands behind these words."),
    "kubectl describe pod POD", "journalctl -u containerd -n 50",
)  # fmt: skip
OFFLINE = fix(_("With a key pair no log and no TUF are needed."), "cosign verify --key cosign.pub "
              "--insecure-ignore-tlog=true {host}/library/app:1.0", page="kit-cosign")  # fmt: skip

MESSAGES = (
    known(
        "no-platform",
        (r"no matching manifest for [\w/.-]{3,60}(?: \S{1,40})? in the manifest list entries",
         r"no match for platform in manifest[^\n\"]{0,120}",
         r"no image found in (?:image index|manifest list) for architecture [^\n\"]{1,120}",
         r"image with reference \S{1,300} was found but (?:its platform|does not (?:match|provide))[^\n]{0,160}",
         r"exec format error"),
        _("The image was not built for this machine’s platform."),
        _("The message names the platform that is wanted; typical for arm64 (Raspberry Pi, Apple silicon) and images "
          "built on amd64."),
        fix(_("See which platforms there are."), "docker manifest inspect {host}/library/app:1.0", page="store"),
        fix(_("Build for both."), "docker buildx build --platform linux/amd64,linux/arm64 --push --tag "
            "{host}/library/app:1.0 .", page="kit-buildkit"),
    ),
    known(
        "schema-1",
        (r"application/vnd\.docker\.distribution\.manifest\.v1(?:\+prettyjws|\+json)?",
         r"schema ?(?:version )?1[^\n]{0,60}(?:no longer supported|deprecated|not supported|unsupported)"),
        _("The image has a manifest of the old form, schema 1."),
        _("Registries and clients of the last years do not take it any more."),
        fix(_("Pull it with an old client and push it again, or copy it into the new form."),
            "skopeo copy --format v2s2 docker://OLD docker://{host}/library/app:1.0"),
    ),
    known(
        "media-type",
        (r"unsupported (?:manifest )?media ?type[^\n]{0,120}", r"manifest invalid[^\n\"]{0,120}", r"MANIFEST_INVALID",
         r"unknown media type[^\n\"]{0,120}"),
        _("The registry, or the client, does not take this kind of manifest."),
        _("Harbor takes Docker schema 2, OCI images and indexes, and artifacts with a config. Builds with attestations "
          "or unusual layers fail at older ones."),
        fix(_("Build without attestations to see whether they are the reason."),
            "docker buildx build --provenance=false --sbom=false --push --tag {host}/library/app:1.0 ."),
        certainty=Certainty.LIKELY, weight=40,
    ),
    known(
        "invalid-reference",
        (r"invalid reference format(?:: repository name[^\n]{0,60} must be lowercase)?",
         r"repository name[^\n]{0,60} must be lowercase", r"InvalidImageName"),
        _("The image’s name cannot be read."),
        _("Small letters only, no scheme before the host, no spaces; an empty variable in a script leaves such names."),
        fix(_("Names look like this."), "docker pull {host}/library/app:1.0"),
    ),
    known(
        "no-matching-signatures",
        (r"no matching signatures(?::[^\n]{0,160})?",),
        _("There are signatures, and none of them verifies with this key."),
        _("It was signed with another key, the signature was copied from another image, or it is garbage in the place "
          "of one: Harbor shows all of them as signed."),
        SIGN, fix(_("Compare the key with the one that signed.")),
    ),
    known(
        "no-matching-attestations",
        (r"no matching attestations(?::[^\n]{0,160})?",),
        _("There are attestations, and none of them verifies with this key and type."),
        _("Signed with another key, or of another predicate type than was asked."),
        SIGN,
    ),
    known(
        "no-signatures",
        (r"no signatures found(?: for image)?",),
        _("This digest has no signature that cosign finds."),
        _("Never signed, signed under another digest, signed in a form this version does not look for (bundle of "
          "cosign 3, .sig tag of cosign 2), or not allowed to read it."),
        SIGN, fix(_("See what lies beside it."), "cosign tree {host}/library/app:1.0"),
    ),
    known(
        "signature-push-denied",
        (r"sign(?:ing|ed) [^\n]{0,400}UNAUTHORIZED: [^\n\"]{1,300}", r"signing digest: [^\n]{0,300}UNAUTHORIZED"),
        _("Signing worked, and Harbor did not let the signature in."),
        _("A signature is pushed beside the image: the robot needs push on this very repository."),
        fix(_("cosign takes its login from docker’s file: log in to this host."),
            "cosign login --username 'robot$team+ci' --password-stdin {host} < harbor-password.txt", page="kit-cosign"),
        fix(_("Give the robot push on the repository, in Harbor: the project, Robot Accounts.")),
        weight=90,
    ),
    known(
        "cosign-tuf",
        (r"(?:error getting signing config from TUF|tuf refresh failed|error updating to TUF remote mirror"
         r"|Could not fetch trusted_root\.json from the TUF repository)[^\n]{0,300}",),
        _("cosign wanted to fetch sigstore’s public trust root, and could not."),
        _("By default cosign 3 uses the public log, even with a key pair; without the internet that fails. It is no "
          "word about this Harbor."),
        fix(_("Sign with a key pair and without the log."), "cosign sign --yes --key cosign.key "
            "--use-signing-config=false --tlog-upload=false {host}/library/app@sha256:…", page="kit-cosign"), OFFLINE,
        weight=90,
    ),
    known(
        "cosign-signing-config",
        (r"must provide --new-bundle-format or --bundle where applicable with --signing-config or --use-signing-config",
         r"--tlog-upload=false is not supported with --signing-config or --use-signing-config[^\n]{0,120}"),
        _("These options of cosign exclude each other."),
        _("cosign 3 uses a signing config unless told otherwise, and that one decides about the log."),
        fix(_("Switch it off, for a key pair without a log."), "cosign sign --yes --key cosign.key "
            "--use-signing-config=false --tlog-upload=false {host}/library/app@sha256:…", page="kit-cosign"),
    ),
    known(
        "cosign-password",
        (r"decrypt: encrypted: decryption failed",),
        _("The password of the private key is wrong."),
        _("cosign asks for it, or takes COSIGN_PASSWORD; an empty one counts as one."),
        fix(_("Try again without the variable; cosign then asks."), "unset COSIGN_PASSWORD"),
    ),
    known(
        "pull-secret-missing",
        (r"Unable to retrieve some image pull secrets \([^)\n]{1,200}\)[^\n]{0,120}",
         r"FailedToRetrieveImagePullSecret", r"secrets? [\\\"]{1,2}[\w.-]{1,253}[\\\"]{1,2} not found"),
        _("The pull secret that the pod names is not in its namespace."),
        _("A secret belongs to one namespace; a copy in another one does not count."),
        fix(_("See what is there."), "kubectl --namespace NAMESPACE get secrets"), SECRET,
        weight=60,
    ),
    known(
        "image-pull-backoff",
        (r"ImagePullBackOff", r"Back-off pulling image [^\n]{1,300}"),
        _("The kubelet waits before it tries this image again."),
        _("It failed before, for a reason that an earlier event names."),
        EVENTS, certainty=Certainty.WRAPPER, weight=10,
    ),
    known(
        "err-image-pull",
        (r"ErrImagePull", r"Failed to pull image [\\\"]{1,2}[^\s\"\\]{1,300}[\\\"]{1,2}",
         r"failed to pull and unpack image"),
        _("The runtime of the node could not pull this image."),
        _("The reason stands behind these words, in the same event."),
        EVENTS, certainty=Certainty.WRAPPER, weight=10,
    ),
    known(
        "login-pipe",
        (r"Error: Cannot perform an interactive login from a non TTY device",),
        _("docker login wanted to ask for a password, and there is no terminal."),
        _("Typical in CI."),
        fix(_("Give the secret on standard input."),
            "docker login --username 'robot$team+ci' --password-stdin {host} < harbor-password.txt", page="kit"),
    ),
    known(
        "mirror-path",
        (r"invalid mirror: path, query, or fragment at end of the URI[^\n]{0,120}",),
        _("Docker’s registry-mirrors takes no path, so it cannot use a cache of Harbor."),
        _("Harbor’s caches are projects, and a project is a path."),
        fix(_("Take the line out, and use whole names or BuildKit’s mirror."), page="cache"),
    ),
)  # fmt: skip
