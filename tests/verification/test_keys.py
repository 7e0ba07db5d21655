"""Which key files are taken, beside the real cosigns, and whose signature is whose."""

import base64
import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from harborweb.errors import Problem
from harborweb.verification.keys import has_sound_form, load_public_key
from tests.verification.material import KINDS, pem_of, private, public, sign

PEM = pem_of(private("ECDSA P-256"))
OTHER = pem_of(private("ECDSA P-256", 1))
PRIVATE = private("ECDSA P-256").private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
PKCS1 = private("RSA 2048").public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)


def _headed(pem: bytes) -> bytes:
    return pem.replace(b"KEY-----\n", b"KEY-----\nProc-Type: 4,ENCRYPTED\n\n", 1)


GOOD = {
    "as cosign writes it": PEM,
    "with CRLF": PEM.replace(b"\n", b"\r\n"),
    "with blank lines around": b"\n\n" + PEM + b"\n\n",
    "without its last line end": PEM.rstrip(b"\n"),
}
BAD = {
    "nothing": b"",
    "white space": b" \n",
    "two keys": PEM + OTHER,
    "the same key twice": PEM + PEM,
    "a private key": PRIVATE,
    "a private key behind it": PEM + PRIVATE,
    "a private key before it": PRIVATE + PEM,
    "an encrypted cosign key": PRIVATE.replace(b"PRIVATE KEY", b"ENCRYPTED SIGSTORE PRIVATE KEY"),
    "junk behind it": PEM + b"junk\n",
    "junk before it": b"junk\n" + PEM,
    "a NUL behind it": PEM + b"\0",
    "a BOM before it": b"\xef\xbb\xbf" + PEM,
    "UTF-16": PEM.decode().encode("utf-16"),
    "DER": base64.b64decode(b"".join(PEM.splitlines()[1:-1])),
    "cut": PEM[: len(PEM) // 2],
    "junk inside": PEM[:60] + b"*" + PEM[60:],
    "PEM headers": _headed(PEM),
    "a certificate": PEM.replace(b"PUBLIC KEY", b"CERTIFICATE"),
    "PKCS#1": PKCS1,
    "trailing DER": b"-----BEGIN PUBLIC KEY-----\n"
    + base64.b64encode(base64.b64decode(b"".join(PEM.splitlines()[1:-1])) + b"\0")
    + b"\n-----END PUBLIC KEY-----\n",
    "P-224": pem_of(ec.generate_private_key(ec.SECP224R1())),
    "secp256k1": pem_of(ec.generate_private_key(ec.SECP256K1())),
    "RSA 1024": pem_of(rsa.generate_private_key(65537, 1024)),
    "DSA": pem_of(dsa.generate_private_key(2048)),
    "too large": PEM + b"\n" * 70_000,
}


@pytest.mark.parametrize("name", GOOD)
def test_good_files(name: str) -> None:
    """One key and white space; fingerprint and hint are of its DER."""
    key = load_public_key(GOOD[name], "mine")
    der = base64.b64decode(b"".join(PEM.splitlines()[1:-1]))
    assert key.fingerprint == hashlib.sha256(der).hexdigest()
    assert key.hint == base64.b64encode(hashlib.sha256(der).digest()).decode()
    assert (key.kind, key.name, key.pem) == ("ECDSA P-256", "mine", PEM.decode())


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str) -> None:
    """Everything else is refused, with what was found and what to give."""
    with pytest.raises(Problem) as caught:
        load_public_key(BAD[name])
    assert caught.value.message.endswith(".")
    assert caught.value.advice


def test_a_private_key_is_called_one() -> None:
    """Also where a public key stands beside it."""
    for name in ("a private key", "a private key behind it", "an encrypted cosign key"):
        with pytest.raises(Problem, match="private key"):
            load_public_key(BAD[name])


@pytest.mark.parametrize("program", ["cosign2", "cosign3"])
def test_no_file_is_taken_that_cosign_refuses(program: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The real cosign verifies a blob with every file that we take."""
    cosign = request.getfixturevalue(program)
    (tmp_path / "blob").write_bytes(b"blob")
    (tmp_path / "blob.sig").write_bytes(base64.b64encode(sign(b"blob")))
    for name, data in GOOD.items():
        (tmp_path / "key.pub").write_bytes(data)
        done = subprocess.run(
            [cosign, "verify-blob", "--key", "key.pub", "--signature", "blob.sig", "--insecure-ignore-tlog=true"]
            + (["--new-bundle-format=false"] if program == "cosign3" else [])
            + ["blob"],
            cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (name, done.stderr.decode())


@pytest.mark.parametrize("kind", KINDS)
def test_verify(kind: str) -> None:
    """Its own signature, and none other."""
    key, signature = public(kind), sign(b"message", kind)
    assert key.kind == kind
    assert has_sound_form(signature)
    assert key.verify(signature, b"message")
    assert not key.verify(signature, b"massage")
    assert not public(kind, 1).verify(signature, b"message")
    for broken in (b"", signature[:-1], signature + b"\0", b"\0" * len(signature), b"\xff" * 4096):
        assert not key.verify(broken, b"message")


def test_two_forms_of_ecdsa() -> None:
    """DER, or r and s side by side, as sigstore's verifier takes; nothing that is neither."""
    key, signature = public(), sign(b"message")
    r, s = decode_dss_signature(signature)
    assert key.verify(r.to_bytes(32, "big") + s.to_bytes(32, "big"), b"message")
    assert not key.verify(r.to_bytes(33, "big") + s.to_bytes(33, "big"), b"message")
    assert not key.verify(encode_dss_signature(0, s), b"message")
    assert not key.verify(encode_dss_signature(r, 0), b"message")
    assert not key.verify(b"\0" * 64, b"message")
    long_form = b"\x30\x81" + signature[1:]  # the length in BER's longer form
    assert not key.verify(long_form, b"message")


def test_a_name_is_for_people_only() -> None:
    """Two keys are the same when their bytes are."""
    assert load_public_key(PEM, "a") == load_public_key(PEM, "b")
    assert load_public_key(PEM) != load_public_key(OTHER)
