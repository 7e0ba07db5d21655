"""Names a registry accepts, checked before any address is made of them.

Grammar: OCI distribution specification 1.1, "Pulling manifests"; digests: OCI image specification, "Digests".
"""

import hashlib
import re

from django.utils.translation import gettext as _

from harborweb.registry.errors import RegistryError, plain

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
# Tags that cosign makes for signatures, attestations and SBOMs; and the same with the referrers fallback tag.
ACCESSORY_TAG = re.compile(r"sha256-[0-9a-f]{64}\.(?:sig|att|sbom)")
COSIGN_TAG = re.compile(r"sha(?:256-[0-9a-f]{64}|512-[0-9a-f]{64,128})(?:\.(?:sig|att|sbom))?")
MAX_NAME = 255


def is_repository(name: str) -> bool:
    """Whether `name` is a repository's name."""
    return len(name) <= MAX_NAME and REPOSITORY.fullmatch(name) is not None


def is_tag(text: str) -> bool:
    """Whether `text` is a tag."""
    return TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether `text` is a digest we can compute: sha256 or sha512, lower case, whole."""
    return DIGEST.fullmatch(text) is not None


def check_repository(name: str) -> str:
    """`name`, or RegistryError "invalid"."""
    if not is_repository(name):
        raise RegistryError(
            "invalid",
            _("“%(name)s” is no repository name.") % {"name": plain(name)},
            _("A name has small letters, digits and . _ - in parts separated by /, for example team/app."),
            field="repository",
        )
    return name


def check_digest(text: str) -> str:
    """`text`, or RegistryError "invalid"."""
    if not is_digest(text):
        raise RegistryError(
            "invalid",
            _("“%(text)s” is no digest that can be checked.") % {"text": plain(text)},
            _("A digest is sha256: and 64 small hexadecimal digits, or sha512: and 128."),
            field="digest",
        )
    return text


def check_reference(text: str) -> str:
    """`text` when it is a tag or a digest, or RegistryError "invalid"."""
    if ":" in text:
        return check_digest(text)
    if not is_tag(text):
        raise RegistryError(
            "invalid",
            _("“%(text)s” is no tag.") % {"text": plain(text)},
            _("A tag has up to 128 letters, digits and . _ - and does not begin with . or -."),
            field="reference",
        )
    return text


def digest_of(body: bytes, like: str = "sha256:") -> str:
    """The digest of `body` with the algorithm of the digest `like` (sha256 or sha512)."""
    if like.startswith("sha512:"):
        return f"sha512:{hashlib.sha512(body).hexdigest()}"
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def fallback_tag(digest: str) -> str:
    """The tag that holds the list of referrers where a registry has no referrers API.

    Distribution specification, "Referrers Tag Schema": algorithm and at most 64 characters of the encoded part.
    """
    algorithm, encoded = digest.split(":", 1)
    return f"{algorithm[:32]}-{encoded[:64]}"
