"""The two formats, without a registry: what is read, and what findings carry."""

import base64
import json
from typing import Any

import pytest

from harborweb.verification.attestation import judge_attestation
from harborweb.verification.bundle import MEDIA_TYPE, judge_bundle, pae
from harborweb.verification.manifest import read_manifest
from harborweb.verification.simple_signing import SIGNATURE, judge_layer
from harborweb.verification.strict import Malformed, decode_base64, load_json
from harborweb.verification.verdict import Finding, Verdict
from tests.verification.material import KINDS, public, sign

DIGEST = "sha256:" + "ab" * 32
IN_TOTO = "application/vnd.in-toto+json"


def payload(digest: str = DIGEST, optional: Any = None) -> bytes:
    """A simple-signing payload."""
    image = {"docker-manifest-digest": digest}
    critical = {"identity": {"docker-reference": "x/y"}, "image": image, "type": "cosign container image signature"}
    return json.dumps({"critical": critical, "optional": optional}).encode()


def layer(data: bytes, keys: list[Any] | None = None, kind: str = "ECDSA P-256", number: int = 0) -> Finding:
    """The finding for `data`, signed."""
    note = {SIGNATURE: base64.b64encode(sign(data, kind, number)).decode()}
    return judge_layer(data, note, DIGEST, [public(kind)] if keys is None else keys, {}, "here")


def envelope(statement: dict[str, Any], number: int = 0) -> dict[str, Any]:
    """A DSSE envelope, signed."""
    body = json.dumps(statement).encode()
    signature = base64.b64encode(sign(pae(IN_TOTO, body), number=number)).decode()
    return {"payload": base64.b64encode(body).decode(), "payloadType": IN_TOTO, "signatures": [{"sig": signature}]}


def statement(predicate_type: str = "https://sigstore.dev/cosign/sign/v1", **annotations: str) -> dict[str, Any]:
    """An in-toto statement about DIGEST."""
    subject = {"digest": {"sha256": DIGEST[7:]}, "annotations": annotations}
    return {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": predicate_type}


def bundle(envelope: dict[str, Any], **over: Any) -> bytes:
    """A bundle around it."""
    material = {"publicKey": {"hint": public().hint}}
    return json.dumps(
        {"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope} | over
    ).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_simple_signing_of_every_kind(kind: str) -> None:
    """Trusted, with key, format, payload and signature as evidence."""
    data = payload(optional={"env": "prod"})
    found = layer(data, kind=kind)
    assert (found.verdict, found.key, found.format) == (Verdict.TRUSTED, public(kind).fingerprint, "simple-signing")
    assert (found.payload, found.annotations) == (data, {"env": "prod"})
    assert public(kind).verify(found.signature, found.payload)
    assert public(kind).name in found.reason


def test_the_fitting_key_is_named() -> None:
    """Of several trusted keys, the one that signed."""
    keys = [public("Ed25519"), public(number=1), public()]
    assert layer(payload(), keys).key == public().fingerprint


def test_no_key_at_all() -> None:
    """Nothing is trusted where no key is."""
    assert layer(payload(), []).verdict == Verdict.UNKNOWN_KEY


def test_a_copied_signature_says_so() -> None:
    """Another digest, by a trusted key and by a stranger."""
    other = "sha256:" + "cd" * 32
    ours, theirs = layer(payload(other)), layer(payload(other), number=1)
    assert ours.verdict == theirs.verdict == Verdict.INVALID
    assert other in ours.reason and "copied here" in ours.reason and ours.key
    assert other in theirs.reason and "copied" not in theirs.reason and not theirs.key


def test_bundle_and_attestation() -> None:
    """sign/v1 is a signature, anything else an attestation, in both places."""
    signed = judge_bundle(bundle(envelope(statement(env="prod"))), DIGEST, [public()], {"env": "prod"}, "here")
    assert (signed.verdict, signed.key, signed.annotations) == (Verdict.TRUSTED, public().fingerprint, {"env": "prod"})
    assert public().verify(signed.signature, signed.payload)
    slsa = envelope(statement("https://slsa.dev/provenance/v1"))
    attested = judge_bundle(bundle(slsa), DIGEST, [public()], {}, "here")
    assert (attested.verdict, attested.predicate_type) == (
        Verdict.ATTESTATION_ONLY, "https://slsa.dev/provenance/v1",
    )  # fmt: skip
    at_tag = judge_attestation(json.dumps(slsa).encode(), DIGEST, [public()], "here")
    assert (at_tag.verdict, at_tag.key) == (Verdict.ATTESTATION_ONLY, public().fingerprint)
    as_signature = judge_attestation(json.dumps(envelope(statement())).encode(), DIGEST, [public()], "here")
    assert as_signature.verdict == Verdict.ATTESTATION_ONLY


def test_pae() -> None:
    """The example of the DSSE specification."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@pytest.mark.parametrize(
    "text", ["", None, 1, "A", "A===", "AA=A", "A A=", "AA==\t", "AAAA\u00e9", "-_-_", "====", "\n", "QUJD=", "QUJD=="]
)
def test_base64_refused(text: object) -> None:
    """Python's decoder would take most of these."""
    with pytest.raises(Malformed):
        decode_base64(text, "It")


def test_base64_taken() -> None:
    """CR and LF are skipped, as Go does."""
    assert decode_base64("QU\r\nI=\n", "It") == b"AB"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"{}{}", b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b'{"a":1,"a":2}', b"[NaN]", b"[Infinity]",
        b'"\\ud800"', b"\xff", b"[" * 100_000, b"[" * 65 + b"]" * 65, b"1" * 5000, b'{"a":1,}', b"'a'",
    ],
)  # fmt: skip
def test_json_refused(data: bytes) -> None:
    """One meaning or none."""
    with pytest.raises(Malformed):
        load_json(data, "It")


def test_json_of_too_many_values() -> None:
    """Refused before it is read: it would cost a hundred times its size in memory."""
    with pytest.raises(Malformed, match="1000000 values"):
        load_json(b"[" + b"0," * 1_000_000 + b"0]", "It")


def test_json_names_that_differ_in_case() -> None:
    """Refused where Go's reader would take them for one."""
    assert load_json(b'{"a":1,"A":2}', "It") == {"a": 1, "A": 2}
    with pytest.raises(Malformed, match="twice"):
        load_json(b'{"a":1,"A":2}', "It", folded=True)


@pytest.mark.parametrize(
    "document",
    [
        {}, {"layers": [], "manifests": []}, {"layers": {}}, {"layers": [1]}, {"layers": [{}]}, {"layers": [None]},
        {"layers": [{"digest": DIGEST.upper()}]}, {"layers": [{"digest": DIGEST, "size": "1"}]},
        {"layers": [{"digest": DIGEST, "size": True}]}, {"layers": [{"digest": DIGEST, "annotations": {"a": 1}}]},
        {"layers": [], "annotations": {"a": None}}, {"layers": [], "subject": {"digest": "x"}},
        {"layers": [], "config": {"digest": "../x"}}, {"layers": [], "artifactType": 1},
    ],
)  # fmt: skip
def test_manifests_refused(document: object) -> None:
    """What Go's typed readers would refuse, we refuse."""
    with pytest.raises(Malformed):
        read_manifest(json.dumps(document).encode())
