"""Keys made once for the tests of this room."""

from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from harborweb.verification.keys import PublicKey, load_public_key

KINDS: dict[str, Any] = {
    "ECDSA P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ECDSA P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ECDSA P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "RSA 2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA 4096": lambda: rsa.generate_private_key(65537, 4096),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@cache
def _made(kind: str, number: int) -> Any:
    return KINDS[kind]()


def private(kind: str, number: int = 0) -> Any:
    """The private key of a kind; another `number` is another key."""
    return _made(kind, number)


def pem_of(key: Any) -> bytes:
    """The public half as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))


def public(kind: str = "ECDSA P-256", number: int = 0) -> PublicKey:
    """The public half, loaded."""
    return load_public_key(pem_of(private(kind, number)), f"{kind} {number}")


def sign(message: bytes, kind: str = "ECDSA P-256", number: int = 0) -> bytes:
    """A signature as cosign makes it."""
    key = private(kind, number)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return bytes(key.sign(message))
