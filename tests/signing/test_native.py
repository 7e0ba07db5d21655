"""Opening a cosign.key and the bytes of both formats, without a registry."""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from nacl.secret import SecretBox

from harborweb.errors import Problem
from harborweb.registry.models import Registry
from harborweb.signing import formats
from harborweb.signing.native import forms
from harborweb.signing.native.opening import open_key
from harborweb.verification.bundle import judge_bundle
from harborweb.verification.simple_signing import judge_layer
from harborweb.verification.verdict import Verdict

DIGEST = "sha256:" + "ab" * 32
CHEAP = {"N": 1024, "r": 8, "p": 1}


def sealed(private: Any, password: str = "pw", header: str = "SIGSTORE", **change: Any) -> str:
    """A cosign.key, made as facts/cosign.md describes it; `change` replaces parts of its JSON."""
    der = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    salt, nonce = b"s" * 32, b"n" * 24
    key = hashlib.scrypt(password.encode(), salt=salt, n=1024, r=8, p=1, dklen=32)
    text = SecretBox(key).encrypt(der, nonce).ciphertext
    document = {
        "kdf": {"name": "scrypt", "params": CHEAP, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(text).decode(),
    } | change  # fmt: skip
    body = base64.encodebytes(json.dumps(document).encode()).decode()
    return f"-----BEGIN ENCRYPTED {header} PRIVATE KEY-----\n{body}-----END ENCRYPTED {header} PRIVATE KEY-----\n"


P256 = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(
    "private",
    [P256, ec.generate_private_key(ec.SECP521R1()), rsa.generate_private_key(65537, 2048),
     ed25519.Ed25519PrivateKey.generate()],
    ids=["p256", "p521", "rsa", "ed25519"],
)  # fmt: skip
@pytest.mark.parametrize("header", ["SIGSTORE", "COSIGN"])
def test_each_kind_signs_in_both_formats_as_our_verifier_reads_them(private: Any, header: str) -> None:
    key = open_key(sealed(private, "", header), "")
    said = {"b": "<&>", "a": "ü “x”"}
    payload = forms.payload("host/team/app", DIGEST, said)
    layer = forms.simple_layer(key, payload)
    found = judge_layer(payload, layer["annotations"], DIGEST, [key.public], said, "-")
    assert found.verdict == Verdict.TRUSTED and found.annotations == said
    held = forms.bundle_of(key, DIGEST, said)
    found = judge_bundle(held, DIGEST, [key.public], said, "-")
    assert found.verdict == Verdict.TRUSTED and found.annotations == said
    assert forms.bundle_of(key, DIGEST, said) == held  # the same again, so that half of it is finished by the rest
    assert judge_bundle(held, "sha256:" + "0" * 64, [key.public], {}, "-").verdict == Verdict.INVALID


def test_a_payload_is_the_bytes_that_cosign_signs() -> None:
    assert forms.payload("127.0.0.1:5000/team/x", DIGEST, {}) == (
        b'{"critical":{"identity":{"docker-reference":"127.0.0.1:5000/team/x"},"image":{"docker-manifest-digest":"'
        + DIGEST.encode()
        + b'"},"type":"cosign container image signature"},"optional":null}'
    )
    assert forms.payload("h/x", DIGEST, {"b": "2", "a": "1 <x>&ü"}).endswith(
        '"optional":{"a":"1 \\u003cx\\u003e\\u0026ü","b":"2"}}'.encode()
    )


@pytest.mark.parametrize(
    ("pem", "password", "sentence"),
    [
        (sealed(P256), "other", "This password does not open the key."),
        (sealed(P256), "", "This password does not open the key."),
        ("", "pw", "This is no private key"),
        ("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----", "pw", "This is no private key"),
        (sealed(P256) * 200, "pw", "This is no private key"),  # longer than any key
        (sealed(P256).replace("\neyJ", "\n!!!"), "pw", "This is no private key"),
        (sealed(P256, kdf={}), "pw", "cosign cannot use this key"),
        (sealed(P256, kdf=[1]), "pw", "cosign cannot use this key"),
        (sealed(P256, kdf={"name": "argon2", "params": CHEAP, "salt": ""}), "pw", "cosign cannot use this key"),
        (sealed(P256, kdf={"name": "scrypt", "params": {"N": 2**30, "r": 8, "p": 1}, "salt": "AAAA"}), "pw",
         "cosign cannot use this key"),
        (sealed(P256, kdf={"name": "scrypt", "params": {"N": 1000, "r": 8, "p": 1}, "salt": "AAAA"}), "pw",
         "cosign cannot use this key"),
        (sealed(P256, kdf={"name": "scrypt", "params": {"N": "x", "r": 8, "p": 1}, "salt": "AAAA"}), "pw",
         "cosign cannot use this key"),
        (sealed(P256, cipher={"name": "nacl/secretbox", "nonce": "AAAA"}), "pw", "cosign cannot use this key"),
        (sealed(P256, ciphertext="%"), "pw", "cosign cannot use this key"),
        (sealed(dsa.generate_private_key(1024)), "pw", "cosign cannot use this key"),
    ],
)  # fmt: skip
def test_what_does_not_open_is_said(pem: str, password: str, sentence: str) -> None:
    with pytest.raises(Problem, match=sentence):
        open_key(pem, password)


@pytest.mark.parametrize(
    ("kind", "version", "bundles", "chosen", "why"),
    [
        ("harbor", "v2.15.2-1", True, ["bundle"], "both know bundles"),
        ("harbor", "v3.0.0", True, ["bundle"], "both know bundles"),
        ("harbor", "v2.14.9-x", True, ["bundle", "simple"], "Harbor v2.14.9-x takes only simple signing"),
        ("harbor", "v2.9.1", True, ["bundle", "simple"], "takes only simple signing"),
        ("harbor", "", True, ["bundle", "simple"], "does not tell its version"),
        ("registry", "", True, ["bundle"], "does not judge signatures"),
        ("harbor", "v2.15.2", False, ["simple"], "cosign 2 on the worker"),
    ],
)  # fmt: skip
def test_the_formats_that_a_registry_needs(kind: str, version: str, bundles: bool, chosen: list[str], why: str) -> None:
    found = formats.default(Registry(kind=kind, version=version), bundles=bundles)
    assert list(found.formats) == chosen and why in found.reason
    assert formats.chosen(Registry(kind=kind), "both", bundles=True).formats == formats.BOTH
