"""A `cosign.key` opened: the private key in it, ready to sign.

Source: facts/cosign.md, "cosign.key": PEM around JSON, scrypt, nacl's secretbox, PKCS#8.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from harborweb.errors import Problem
from harborweb.signing import words
from harborweb.tools.cosign import Outcome
from harborweb.verification.keys import PublicKey, load_public_key

LONGEST = 64 * 1024
MOST_MEMORY = 256 * 1024 * 1024  # that scrypt may take; cosign's own parameters want 64 MiB
_PEM = re.compile(
    r"-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)"
    r"-----END ENCRYPTED \1 PRIVATE KEY-----"
)
_SHA256 = hashes.SHA256()

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class OpenKey:
    """An opened key: signs as cosign verifies, with SHA-256 for every curve and for RSA, with plain Ed25519."""

    public: PublicKey
    _private: Private = field(repr=False)

    def plain_pem(self) -> str:
        """The private key, unencrypted, for cosign to encrypt under another password. A secret."""
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`; the same bytes each time where OpenSSL can do that (RFC 6979)."""
        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            return self._private.sign(message, _ecdsa())
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(message, padding.PKCS1v15(), _SHA256)
        return self._private.sign(message)


def _ecdsa() -> ec.ECDSA:
    try:
        return ec.ECDSA(_SHA256, deterministic_signing=True)
    except UnsupportedAlgorithm:
        return ec.ECDSA(_SHA256)


def open_key(pem: str, password: str, name: str = "") -> OpenKey:
    """The key in `pem`, cosign's own encrypted form; raises Problem when `password` does not open it or it is none."""
    match = _PEM.search(pem) if len(pem) <= LONGEST else None
    if match is None:
        raise words.key_problem(Outcome.NO_KEY)
    try:
        sealed = _object(json.loads(base64.b64decode("".join(match[2].split()), validate=True)))
        der = _decrypted(sealed, password.encode())
    except (ValueError, KeyError, TypeError) as error:
        raise words.key_problem(Outcome.UNSUPPORTED_KEY) from error
    try:
        private = serialization.load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise words.key_problem(Outcome.UNSUPPORTED_KEY) from error
    if not isinstance(private, Private):
        raise words.key_problem(Outcome.UNSUPPORTED_KEY)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return OpenKey(load_public_key(public, name), private)


def _decrypted(sealed: dict[str, Any], password: bytes) -> bytes:
    """The plain text of the JSON in a cosign.key; raises Problem for a wrong password, else ValueError and its kin."""
    kdf, cipher = _object(sealed["kdf"]), _object(sealed["cipher"])
    if (kdf["name"], cipher["name"]) != ("scrypt", "nacl/secretbox"):
        raise ValueError("another form")
    costs = _object(kdf["params"])
    n, r, p = (int(costs[name]) for name in ("N", "r", "p"))
    memory = 128 * r * (n + p + 2)
    if min(n, r, p) < 1 or p > 16 or memory > MOST_MEMORY:
        raise ValueError("scrypt would take too much")
    salt, nonce, text = (
        base64.b64decode(one, validate=True) for one in (kdf["salt"], cipher["nonce"], sealed["ciphertext"])
    )
    if len(nonce) != SecretBox.NONCE_SIZE:  # else nacl would call it a wrong password
        raise ValueError("no nonce")
    key = hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=2 * memory, dklen=32)
    try:
        return bytes(SecretBox(key).decrypt(text, nonce))
    except CryptoError as error:
        raise Problem(
            words.key_problem(Outcome.BAD_PASSWORD).message,
            words.key_problem(Outcome.BAD_PASSWORD).advice,
            field="password",
        ) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value
