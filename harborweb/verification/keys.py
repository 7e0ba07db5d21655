"""Public keys: what may be trusted, and whether a signature is one of theirs.

cosign signs and checks with SHA-256 for every ECDSA curve and for RSA (PKCS#1 v1.5, never PSS), and with
plain Ed25519 (cosign 2.5 and 3.1: sigstore's `signature.LoadVerifier`).
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from harborweb.errors import Problem
from harborweb.verification.sentences import sentence as _

MAX_KEY_BYTES = 64 * 1024
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
CURVES = {"secp256r1": "ECDSA P-256", "secp384r1": "ECDSA P-384", "secp521r1": "ECDSA P-521"}

_ECDSA = ec.ECDSA(hashes.SHA256())

Material = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_PEM = re.compile(
    rb"[ \t\r\n]*-----BEGIN PUBLIC KEY-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END PUBLIC KEY-----[ \t\r\n]*"
)


@dataclass(frozen=True)
class PublicKey:
    """One public key; two are the same when their DER is. `name` is for people only."""

    pem: str
    fingerprint: str  # hex SHA-256 of the DER SubjectPublicKeyInfo
    kind: str  # "ECDSA P-256", "RSA 3072", "Ed25519"
    hint: str  # base64 of the same hash: what cosign 3 writes into a bundle
    key_id: str = field(repr=False)  # what a DSSE signature's keyid may be: "SHA256:…" of the SSH form
    name: str = field(default="", compare=False)
    _material: Material = field(default=None, repr=False, compare=False)  # type: ignore[assignment]

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's over `message`; never raises, whatever the bytes are."""
        try:
            if isinstance(self._material, ec.EllipticCurvePublicKey):
                pair = _as_der(signature, self._material.curve.key_size)
                self._material.verify(pair, message, _ECDSA)
            elif isinstance(self._material, rsa.RSAPublicKey):
                self._material.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
            else:
                self._material.verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def _is_der_pair(signature: bytes) -> bool:
    """An ASN.1 pair of positive numbers in its one DER form, nothing behind it."""
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        return False
    return r > 0 and s > 0 and max(r, s).bit_length() <= 521 and encode_dss_signature(r, s) == signature


def _as_der(signature: bytes, bits: int) -> bytes:
    """The one DER form of an ECDSA signature; cosign also takes r and s side by side (IEEE P1363).

    Raises ValueError for any other form.
    """
    half = (bits + 7) // 8
    if _is_der_pair(signature):
        return signature
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    if len(signature) != 2 * half or r == 0 or s == 0:
        raise ValueError("neither DER nor two numbers")
    return encode_dss_signature(r, s)


def has_sound_form(signature: bytes) -> bool:
    """Whether some supported key could have made these bytes: DER pair, two numbers, RSA block, Ed25519's 64."""
    rsa_sizes = range(MIN_RSA_BITS // 8, MAX_RSA_BITS // 8 + 1, 64)
    return _is_der_pair(signature) or len(signature) in {64, 96, 132} or len(signature) in rsa_sizes


def load_public_key(data: bytes, name: str = "") -> PublicKey:
    """The one public key in a PEM file (SubjectPublicKeyInfo, as `cosign public-key` writes it).

    Stricter than cosign, which takes the first PEM block and ignores the rest: here the file holds exactly
    one key and white space. CRLF line ends are taken, as by cosign. Raises Problem with what was found.
    """
    advice = _("Give the file that ends in .pub: one block that begins with -----BEGIN PUBLIC KEY-----.")
    if len(data) > MAX_KEY_BYTES:
        raise Problem(_("This file is too large for a public key: more than %(n)s bytes.", n=MAX_KEY_BYTES), advice)
    if not data.strip():
        raise Problem(_("This key file is empty."), advice)
    blocks = [block.decode() for block in _BEGIN.findall(data)]
    if any("PRIVATE KEY" in block for block in blocks):
        raise Problem(_("This is a private key; checking signatures needs the public half only."), advice)
    if len(blocks) > 1:
        raise Problem(_("This file holds %(n)s keys; a key file holds one.", n=len(blocks)), advice)
    if blocks and blocks[0] != "PUBLIC KEY":
        raise Problem(_("This file holds a %(block)s, not a PUBLIC KEY.", block=blocks[0]), advice)
    match = _PEM.fullmatch(data)
    if match is None:
        raise Problem(_("This is not a public key file, or something stands before or after the key."), advice)
    try:
        der = base64.b64decode(re.sub(rb"[\r\n]", b"", match.group(1)), validate=True)
        material = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Problem(_("This file has the form of a public key, but the key in it cannot be read."), advice) from error
    return _described(material, der, name)


def _described(material: object, der: bytes, name: str) -> PublicKey:
    advice = _("Use ECDSA P-256, P-384 or P-521, RSA of 2048 to 8192 bits, or Ed25519.")
    if isinstance(material, ec.EllipticCurvePublicKey) and material.curve.name in CURVES:
        kind = CURVES[material.curve.name]
    elif isinstance(material, rsa.RSAPublicKey) and MIN_RSA_BITS <= material.key_size <= MAX_RSA_BITS:
        kind = f"RSA {material.key_size}"
    elif isinstance(material, ed25519.Ed25519PublicKey):
        kind = "Ed25519"
    else:
        raise Problem(_("A key of this kind is not used for image signatures."), advice)
    canonical = material.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if canonical != der:
        raise Problem(_("This key is not written in its one proper form."), advice)
    ssh = material.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).split()[1]
    ssh_hash = base64.b64encode(hashlib.sha256(base64.b64decode(ssh)).digest()).decode().rstrip("=")
    pem = material.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(der)
    return PublicKey(
        pem=pem.decode(),
        fingerprint=digest.hexdigest(),
        kind=kind,
        hint=base64.b64encode(digest.digest()).decode(),
        key_id=f"SHA256:{ssh_hash}",
        name=name,
        _material=material,
    )
