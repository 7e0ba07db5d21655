"""Keyless signatures in simple signing: what the log has promised lies beside the certificate, without its proof."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from harborweb.verification.keyless import NOBODY, Allowed, KeylessTrust
from harborweb.verification.simple_signing import CERTIFICATE, LOG_BUNDLE, SIGNATURE, judge_layer
from harborweb.verification.verdict import Finding, Verdict
from tests.audit.hostile.bench import simple_payload
from tests.verification.sigstore_double import ISSUED_BY, SUBJECT
from tests.verification.test_formats import DIGEST
from tests.verification.test_keyless import HOUR, MINE, OTHER, SIGSTORE, flipped, new, trust

ANOTHER = "sha256:" + "cd" * 32
Made = tuple[bytes, dict[str, str]]  # a payload, and the annotations of its layer


def judged(made: Made, given: KeylessTrust, **required: str) -> Finding:
    """The finding for a layer."""
    return judge_layer(*made, DIGEST, [], required, "here", given)


def good(digest: str = DIGEST, **over: Any) -> Made:
    """A keyless signature of `digest`."""
    payload = simple_payload(digest, **({"optional": over.pop("optional")} if "optional" in over else {}))
    return payload, SIGSTORE.simple(payload, **over)


def test_without_a_root_it_is_shown_and_not_believed() -> None:
    """Identity and issuer come from the certificate, and the reason says that they are not verified."""
    found = judged(good(), NOBODY)
    assert (found.verdict, found.subject, found.issuer, found.key) == (Verdict.UNCHECKED, SUBJECT, ISSUED_BY, "")
    assert "no trusted root" in found.reason


def test_whoever_is_allowed_counts() -> None:
    """With the pair's fingerprint as its key; a stranger's is a stranger's, and required annotations are asked for."""
    found = judged(good(), trust(MINE))
    assert (found.verdict, found.key, found.subject) == (Verdict.TRUSTED, MINE.fingerprint, SUBJECT), found.reason
    assert judged(good(), trust(Allowed("else@example.test", ISSUED_BY))).verdict == Verdict.UNKNOWN_KEY
    noted = good(optional={"env": "prod"})
    assert judged(noted, trust(MINE), env="prod").verdict == Verdict.TRUSTED
    assert judged(noted, trust(MINE), env="test").verdict == Verdict.INVALID


def _promise(change: Callable[[dict[str, Any]], Any]) -> Callable[[str], Made]:
    """A good signature whose promise was changed after it was made."""

    def build(digest: str) -> Made:
        payload, annotations = good(digest)
        promise = json.loads(annotations[LOG_BUNDLE])
        change(promise)
        return payload, annotations | {LOG_BUNDLE: json.dumps(promise)}

    return build


def _anothers(digest: str) -> Made:
    """A good promise of the log, of another signature by the same certificate: CVE-2026-22703 in this format."""
    key = new()
    certificate = SIGSTORE.certificate(key.public_key())
    payload, annotations = good(digest, key=key, certificate=certificate)
    _other, others = good(ANOTHER, key=key, certificate=certificate)
    return payload, annotations | {LOG_BUNDLE: others[LOG_BUNDLE]}


def _of_another_certificate(digest: str) -> Made:
    """The log's entry names the key's first certificate, and beside the signature lies its second."""
    key = new()
    payload, annotations = good(digest, key=key)
    pem = SIGSTORE.certificate(key.public_key(), "root@example.test").public_bytes(serialization.Encoding.PEM)
    return payload, annotations | {CERTIFICATE: pem.decode()}


def _uncertified(digest: str) -> Made:
    key = new()
    return good(digest, key=key, certificate=SIGSTORE.certificate(key.public_key(), sct=False))


def _old(digest: str) -> Made:
    key, at = new(), SIGSTORE.now - 100 * HOUR
    certificate = SIGSTORE.certificate(key.public_key(), at=at)
    return good(digest, key=key, certificate=certificate, logged=at + HOUR / 60)


def _without(digest: str, name: str) -> Made:
    payload, annotations = good(digest)
    del annotations[name]
    return payload, annotations


def _entry(**over: Any) -> Callable[[str], Made]:
    """The log has promised an entry of another kind."""

    def build(digest: str) -> Made:
        payload, key = simple_payload(digest), new()
        certificate = SIGSTORE.certificate(key.public_key())
        signature = base64.b64decode(SIGSTORE.simple(payload, key=key, certificate=certificate)[SIGNATURE])
        body = json.loads(SIGSTORE.hashed_entry(payload, signature, certificate)) | over
        annotations = SIGSTORE.simple(payload, key=key, certificate=certificate, body=json.dumps(body).encode())
        return payload, annotations

    return build


CASES: dict[str, tuple[Callable[[str], Made], Verdict, str]] = {
    "good": (good, Verdict.TRUSTED, ""),
    "signed long ago": (
        _old, Verdict.TRUSTED, "",
    ),
    "another digest": (lambda _digest: good(ANOTHER), Verdict.INVALID, "another digest"),
    "signed by another key": (
        lambda digest: good(digest, key=new(), certificate=SIGSTORE.certificate(new().public_key())),
        Verdict.INVALID, "did not make",
    ),
    "another signature's entry": (_anothers, Verdict.INVALID, "inconsistent"),
    "another certificate's entry": (_of_another_certificate, Verdict.INVALID, "inconsistent"),
    "no time stamp of the log of certificates": (_uncertified, Verdict.INVALID, "does not verify"),
    "logged after the certificate has expired": (
        lambda digest: good(digest, logged=SIGSTORE.now + HOUR), Verdict.INVALID, "was logged",
    ),
    "logged before it": (
        lambda digest: good(digest, logged=SIGSTORE.now - HOUR), Verdict.INVALID, "was logged",
    ),
    "no promise": (lambda digest: _without(digest, LOG_BUNDLE), Verdict.UNCHECKED, "no log's promise"),
    "an empty promise": (_promise(lambda one: one.clear()), Verdict.INVALID, "missing"),
    "promise changed": (
        _promise(lambda one: one.update(SignedEntryTimestamp=flipped(one["SignedEntryTimestamp"]))),
        Verdict.INVALID, "inclusion promise",
    ),
    "time changed within the certificate's": (
        _promise(lambda one: one["Payload"].update(integratedTime=one["Payload"]["integratedTime"] + 60)),
        Verdict.INVALID, "inclusion promise",
    ),
    "index changed": (_promise(lambda one: one["Payload"].update(logIndex=2)), Verdict.INVALID, "inclusion promise"),
    "no time": (
        lambda digest: good(digest, integratedTime=0), Verdict.INVALID, "no time",
    ),
    "log named in capitals": (
        _promise(lambda one: one["Payload"].update(logID=one["Payload"]["logID"].upper())), Verdict.INVALID, "form",
    ),
    "another log": (
        _promise(lambda one: one["Payload"].update(logID="ab" * 32)), Verdict.INVALID, "inclusion promise",
    ),
    "an entry of another kind": (_entry(kind="rekord"), Verdict.INVALID, "hashedrekord"),
    "an entry of another version": (_entry(apiVersion="0.0.3"), Verdict.INVALID, "does not verify"),
    "an entry with more in it": (_entry(more="this"), Verdict.INVALID, "does not verify"),
    "another Sigstore": (
        lambda digest: (simple_payload(digest), OTHER.simple(simple_payload(digest))), Verdict.UNKNOWN_KEY,
        "does not name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_case(name: str) -> None:
    """Trusted is the one that holds in all; the reason says what does not."""
    build, verdict, words = CASES[name]
    found = judged(build(DIGEST), trust(MINE))
    assert (found.verdict, bool(found.key)) == (verdict, verdict == Verdict.TRUSTED), found.reason
    assert words in found.reason


def test_a_log_counts_while_the_root_says_so() -> None:
    """An entry of a log that was out of use by then is none."""
    made = good()
    assert judged(made, trust(MINE, until=SIGSTORE.now + HOUR)).verdict == Verdict.TRUSTED
    assert judged(made, trust(MINE, until=SIGSTORE.now - HOUR)).verdict == Verdict.INVALID
