"""What people paste as a key: PEM, JWK or a certificate; told apart here, and brought to PEM."""

import re
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.verification.keys import PublicKey, load_public_key
from harborweb.verification.strict import Malformed, load_json

MAX_BYTES = 64 * 1024
PRIVATE = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
CERTIFICATE = re.compile(r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
SECRET_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518: members of a private JWK


@dataclass(frozen=True)
class Public:
    """A public key, and what its file said besides: `origin` is {"form": "pem", "jwk" or "certificate", …}."""

    key: PublicKey
    origin: dict[str, Any] = field(default_factory=dict)


def is_jwk(text: str) -> bool:
    """Whether it is meant as JSON."""
    return text.lstrip().startswith("{")


def is_private(text: str) -> bool:
    """Whether a private key is in it, as PEM or as JWK; what cannot be read counts as private where it may be one."""
    if not is_jwk(text):
        return bool(PRIVATE.search(text))
    try:
        return bool(SECRET_PARTS & _jwk(text).keys())
    except Problem:
        return any(f'"{name}"' in text for name in SECRET_PARTS)


def read_public(text: str) -> Public:
    """The public key in a PEM file, a JWK or a certificate; raises Problem with what was found instead."""
    if is_jwk(text):
        given = _jwk(text)
        name = given.get("kid")
        return Public(_loaded(_material(given)), {"form": "jwk", "kid": name[:200] if isinstance(name, str) else ""})
    if CERTIFICATE.search(text):
        return _certificate(text)
    return Public(load_public_key(text.encode()), {"form": "pem"})


def private_pem(text: str) -> str:
    """The unencrypted PEM of a private JWK; any other text as it is. Raises Problem. For workers only."""
    if not is_jwk(text):
        return text
    material = _material(_jwk(text))
    if not hasattr(material, "private_bytes"):
        raise _no_jwk()
    pem: bytes = material.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


def _jwk(text: str) -> dict[str, Any]:
    """The one key in a JWK or in a set of one."""
    if len(text) > MAX_BYTES:
        raise _no_jwk()
    try:
        found = load_json(text.strip().encode(), "JWK")
    except Malformed as error:
        raise _no_jwk() from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if isinstance(keys, list):
        if len(keys) != 1:
            raise Problem(
                _("This JWK set holds %(n)s keys; a key file holds one.") % {"n": len(keys)},
                _("Paste the one object of the list that is the key."),
                field="pem",
            )
        found = keys[0]
    if not isinstance(found, dict):
        raise _no_jwk()
    return found


def _material(given: dict[str, Any]) -> Any:
    """The key in a JWK, public or private; the exception names nothing of what was typed."""
    try:
        return jwt.PyJWK(given).key
    except (jwt.exceptions.PyJWTError, ValueError, TypeError, KeyError, OverflowError, NotImplementedError):
        pass  # what it says may quote what was typed
    raise _no_jwk()


def _loaded(material: Any) -> PublicKey:
    if not hasattr(material, "public_bytes"):
        raise _no_jwk()
    pem: bytes = material.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return load_public_key(pem)


def _certificate(text: str) -> Public:
    """The key in a certificate, with the names and dates that it says of itself; none of these is checked."""
    if len(CERTIFICATE.findall(text)) > 1 or "KEY-----" in text:
        raise Problem(
            _("This file holds more than one certificate, or a key beside it."),
            _("Paste the one certificate whose key makes the signatures, without its chain."),
            field="pem",
        )
    try:
        found = x509.load_pem_x509_certificate(text.strip().encode())
        pem = found.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        said = {
            "form": "certificate",
            "subject": found.subject.rfc4514_string()[:300],
            "issuer": found.issuer.rfc4514_string()[:300],
            "from": found.not_valid_before_utc.isoformat(),
            "until": found.not_valid_after_utc.isoformat(),
        }
    except Exception as error:  # a stranger's ASN.1: the parser raises what it likes
        raise Problem(
            _("This has the form of a certificate, but it cannot be read."),
            _("Give it as PEM, whole: openssl x509 -in certificate -outform PEM."),
            field="pem",
        ) from error
    return Public(load_public_key(pem), said)


def _no_jwk() -> Problem:
    return Problem(
        _("This is no key as JWK that harborweb can read."),
        _("A JWK is one JSON object with kty EC (P-256, P-384, P-521), RSA or OKP (Ed25519), whole."),
        field="pem",
    )
