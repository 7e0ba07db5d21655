"""cosign's outcomes in sentences."""

from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.tools import cosign_features, cosign_kms
from harborweb.tools.cosign import Outcome
from harborweb.tools.cosign_features import Version


def install_advice() -> str:
    """How to get a good cosign onto a worker's machine."""
    return _(
        "Debian 13 and later have it: apt install cosign. Debian 12 has no package: "
        "go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2 puts it into ~/go/bin, which must be on the "
        "worker’s PATH. Or name the program in HARBORWEB_COSIGN. Then start the worker again."
    )


def missing() -> Problem:
    """No cosign where the job ran."""
    return Problem(_("There is no cosign on this worker’s PATH."), install_advice())


def unusable(said: str) -> Problem:
    """A cosign that is too old, or says no version."""
    oldest = ".".join(str(number) for number in cosign_features.OLDEST)
    return Problem(
        _("cosign %(said)s cannot be used: harborweb knows %(oldest)s and later.")
        % {"said": said or "?", "oldest": oldest},
        install_advice(),
    )


def weak_pair(version: Version, kind: str) -> Problem:
    """A key kind whose signatures cosign 3 makes and then refuses."""
    return Problem(
        _("Nothing was signed: cosign %(version)s refuses the signatures that it makes with a key of kind %(kind)s.")
        % {"version": version, "kind": kind},
        _("Sign with an ECDSA P-256 or RSA key, or let a worker with cosign 2.6 do it."),
    )


def no_bundles(version: Version) -> Problem:
    """A format that cosign 2 does not make."""
    return Problem(
        _("Nothing was signed: cosign %s makes simple signing only.") % version,
        _("Choose simple signing, or let a worker with cosign 3 do it. A list of images is signed in both formats "
          "whatever cosign a worker has."),
        field="format",
    )  # fmt: skip


def vulnerable(version: Version) -> str:
    """The warning about a cosign with a known hole, or nothing."""
    cve = cosign_features.vulnerable(version)
    if not cve:
        return ""
    return _(
        "cosign %(version)s has %(cve)s: it accepts a bundle with another entry’s log proof. Use 2.6.2, 3.0.4 or later."
    ) % {"version": version, "cve": cve}


def outcome(found: Outcome) -> str:
    """What a `cosign verify` found, as a sentence."""
    return {
        Outcome.GOOD: _("A signature by this key is good."),
        Outcome.NO_SIGNATURE: _("cosign found no signature (exit code 10)."),
        Outcome.MISMATCH: _("There are signatures, and none of them is by this key for this digest."),
        Outcome.NO_KEY: _("cosign could not read the public key."),
        Outcome.NO_ACCESS: _("The registry did not let cosign in."),
        Outcome.UNREACHABLE: _("cosign could not reach the registry."),
        Outcome.TLS: _("cosign does not trust the registry’s certificate."),
        Outcome.GONE: _("The image is no longer in the registry."),
    }.get(found, _("cosign could not check it; its last lines say why."))


def key_problem(found: Outcome) -> Problem:
    """Why a private key could not be made or taken in."""
    if found == Outcome.BAD_PASSWORD:
        return Problem(
            _("This password does not open the key."),
            _("Type the password that the key was made with. An empty one is a password too."),
            field="password",
        )
    if found == Outcome.UNSUPPORTED_KEY:
        return Problem(
            _("cosign cannot use this key: it is damaged, or of a kind that cosign does not take."),
            _("It takes whole ECDSA P-256, P-384, P-521, RSA and Ed25519 keys as PEM (PKCS#1, SEC 1, PKCS#8)."),
            field="pem",
        )
    if found == Outcome.NO_KEY:
        return Problem(
            _("This is no private key: cosign finds no PEM block in it that it can read."),
            _("Take cosign.key, or a PEM file that begins with -----BEGIN … PRIVATE KEY-----, whole."),
            field="pem",
        )
    return Problem(_("cosign could not make the key."), _("Its last lines in the log say why."))


def no_kms_uri() -> Problem:
    """What was typed is no URI of a KMS that cosign knows."""
    known = ", ".join(f"{one.scheme}://" for one in cosign_kms.SERVICES)
    return Problem(
        _("This is no KMS key that cosign knows, in the form that it takes."),
        _("It begins with one of %s, and carries no password: how each looks stands beside the form.") % known,
        field="uri",
    )


def kms_problem(service: cosign_kms.Service | None, stderr: str) -> Problem:
    """Why cosign did not get the public half of a KMS key."""
    name = service.name if service else "KMS"
    if "unrecognized scheme" in stderr:
        return Problem(_("This worker’s cosign does not know %s.") % name, install_advice())
    needed = ", ".join(service.needed) if service else "-"
    return Problem(
        _("%s did not give cosign the key.") % name,
        _("The log has its answer. On each worker’s machine these variables have to be set: %s.") % needed,
    )


def kms_changed(name: str, fingerprint: str) -> Problem:
    """The KMS has another key at the URI now."""
    return Problem(
        _("Nothing was signed: the KMS has another key for %s now.") % name,
        _(
            "Its fingerprint is %s. If it was rotated there, connect the URI once more as a new key and let this "
            "one end."
        )
        % fingerprint,
    )


def sign_problem(found: Outcome) -> Problem:
    """Why `cosign sign` ended badly."""
    says = {
        Outcome.BAD_PASSWORD: (
            _("Nothing was signed: this password does not open the key."),
            _("Type it again."),
        ),
        Outcome.NO_ACCESS: (
            _("Nothing was signed: the registry did not let cosign write there."),
            _("Check that the registry’s user may push to this repository."),
        ),
        Outcome.UNREACHABLE: (
            _("Nothing was signed: cosign could not reach the registry."),
            _("harborweb itself reached it a moment ago: look at proxies and names on the worker’s machine."),
        ),
        Outcome.TLS: (
            _("Nothing was signed: cosign does not trust the registry’s certificate."),
            _("Give the registry’s CA file in its settings."),
        ),
        Outcome.GONE: (
            _("Nothing was signed: the image is no longer in the registry."),
            _("Go back to the repository and choose again."),
        ),
    }
    message, advice = says.get(found, (_("cosign could not sign."), _("Its last lines in the log say why.")))
    return Problem(message, advice)


def tag_moved(tag: str, seen: str, now: str) -> Problem:
    """The refusal of look.md: sign what was seen, or nothing."""
    return Problem(
        _("Nothing was signed: tag %s moved.") % tag,
        _("It pointed to %(seen)s when the page was drawn and points to %(now)s now. Look at it, then sign again.")
        % {"seen": seen, "now": now},
    )


def image_gone(image: str) -> Problem:
    """The image was deleted since the page was drawn."""
    return Problem(
        _("Nothing was done: %s is no longer in the registry.") % image,
        _("Somebody deleted it, or the registry’s garbage collection did. Go back to the repository and choose again."),
    )


def tag_gone(tag: str, digest: str) -> Problem:
    """The tag was deleted since the page was drawn."""
    return Problem(
        _("Nothing was signed: tag %s is no longer in the registry.") % tag,
        _("It pointed to %s when the page was drawn. To sign that digest without a tag, open it by its digest.")
        % digest,
    )
