"""Whatever the bytes are, every parser answers with a finding or its own exception."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harborweb.errors import Problem
from harborweb.verification.attestation import judge_attestation
from harborweb.verification.bundle import judge_bundle
from harborweb.verification.keys import load_public_key
from harborweb.verification.manifest import read_manifest
from harborweb.verification.simple_signing import CERTIFICATE, LOG_BUNDLE, SIGNATURE, TIMESTAMP, judge_layer
from harborweb.verification.strict import Malformed
from harborweb.verification.verdict import Verdict
from tests.verification.material import pem_of, private, public, sign
from tests.verification.test_formats import DIGEST, bundle, envelope, payload, statement

KEYS = [public(), public("Ed25519"), public("RSA 2048")]
FUZZ = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=40_000, deadline=None, suppress_health_check=list(HealthCheck))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
GOOD_BUNDLE = bundle(envelope(statement()))
GOOD_PAYLOAD = payload()
GOOD_MANIFEST = json.dumps({"schemaVersion": 2, "layers": [{"digest": DIGEST, "size": 1, "annotations": {}}]}).encode()


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """`good` with pieces replaced, cut or repeated, or something else altogether."""
    data = bytearray(good)
    for _number in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 12))] = draw(st.binary(max_size=8))
    return draw(st.sampled_from([bytes(data), bytes(data) + bytes(data)])) if data else b""


@st.composite
def reshaped(draw: st.DrawFn, good: bytes) -> bytes:
    """The JSON of `good` with some members replaced by other values or removed."""
    document = json.loads(good)
    for _number in range(draw(st.integers(1, 3))):
        holder: Any = document
        while isinstance(holder, dict | list) and holder:
            names = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            name = draw(st.sampled_from(names))
            if draw(st.booleans()) or not isinstance(holder[name], dict | list):
                if isinstance(holder, dict) and draw(st.booleans()):
                    del holder[name]
                else:
                    holder[name] = draw(json_values)
                break
            holder = holder[name]
    return json.dumps(document).encode("utf-8", "surrogatepass")


def anything(good: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that may be hostile in every way."""
    return st.binary(max_size=200) | damaged(good) | reshaped(good)


def check_layer(data: bytes, signature: str, beside: dict[str, str]) -> None:
    """A damaged layer never is trusted unless its bytes are the signed ones."""
    found = judge_layer(data, {SIGNATURE: signature, **beside}, DIGEST, KEYS, {}, "here")
    assert found.verdict in {Verdict.TRUSTED, Verdict.INVALID, Verdict.UNKNOWN_KEY, Verdict.UNCHECKED}
    assert found.reason.isprintable() and found.reason
    if found.verdict == Verdict.TRUSTED:
        assert any(key.verify(found.signature, data) for key in KEYS)


def check_bundle(data: bytes) -> None:
    """The same for a bundle."""
    found = judge_bundle(data, DIGEST, KEYS, {}, "here")
    assert found.reason.isprintable() and found.reason
    if found.verdict == Verdict.TRUSTED:
        assert any(key.verify(found.signature, found.payload) for key in KEYS)


def check_rest(data: bytes) -> None:
    """The parsers that end with an exception of their own."""
    assert judge_attestation(data, DIGEST, KEYS, "here").verdict == Verdict.ATTESTATION_ONLY
    with suppress(Malformed):
        read_manifest(data)
    with suppress(Problem):
        load_public_key(data)


beside = st.dictionaries(st.sampled_from([CERTIFICATE, LOG_BUNDLE, TIMESTAMP]), st.text(max_size=40), max_size=2)
signatures = st.just(base64.b64encode(sign(GOOD_PAYLOAD)).decode()) | st.text(max_size=120)


@FUZZ
@given(anything(GOOD_PAYLOAD), signatures, beside)
@example(GOOD_PAYLOAD, base64.b64encode(sign(GOOD_PAYLOAD)).decode(), {})
def test_layers(data: bytes, signature: str, beside: dict[str, str]) -> None:
    """Simple signing."""
    check_layer(data, signature, beside)


@FUZZ
@given(reshaped(GOOD_PAYLOAD))
def test_layers_that_are_signed(data: bytes) -> None:
    """Hostile payloads by a trusted key: no crash behind the signature either."""
    check_layer(data, base64.b64encode(sign(data)).decode(), {})


@FUZZ
@given(anything(GOOD_BUNDLE))
def test_bundles(data: bytes) -> None:
    """Bundles."""
    check_bundle(data)


@FUZZ
@given(json_values, st.sampled_from(["subject", "predicate", "_type", "predicateType"]))
def test_statements_that_are_signed(value: Any, name: str) -> None:
    """Hostile statements by a trusted key."""
    check_bundle(bundle(envelope({**statement(), name: value})))


@FUZZ
@given(anything(GOOD_MANIFEST) | damaged(pem_of(private("ECDSA P-256"))))
def test_the_rest(data: bytes) -> None:
    """Attestations, manifests and key files."""
    check_rest(data)


@pytest.mark.long
@pytest.mark.timeout(3600)
@LONG
@given(anything(GOOD_BUNDLE), anything(GOOD_PAYLOAD), anything(GOOD_MANIFEST), signatures, beside)
def test_everything_for_long(one: bytes, two: bytes, three: bytes, signature: str, beside: dict[str, str]) -> None:
    """All parsers, minutes long."""
    check_bundle(one)
    check_layer(two, signature, beside)
    check_rest(three)
