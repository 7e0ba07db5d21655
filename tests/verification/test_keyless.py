"""Keyless bundles, verified with a trusted root of the tests' own Sigstore."""

import base64
import datetime
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harborweb.errors import Problem
from harborweb.verification.bundle import judge_bundle
from harborweb.verification.certificate import Identity, identity_in
from harborweb.verification.keyless import NOBODY, Allowed, KeylessTrust, load_root
from harborweb.verification.verdict import Finding, Verdict
from tests.audit.hostile.bench import sign_statement, subject
from tests.verification.sigstore_double import ISSUED_BY, SUBJECT, Sigstore, b64, utf8_string
from tests.verification.test_formats import DIGEST
from tests.verification.tsa_double import TimeStamps

SIGSTORE = Sigstore()
OTHER = Sigstore()
STAMPS = TimeStamps()
OTHERS_STAMPS = TimeStamps()
MINE = Allowed(SUBJECT, ISSUED_BY)
HOUR = datetime.timedelta(hours=1)


def trust(*allowed: Allowed, **root: Any) -> KeylessTrust:
    """The tests' Sigstore is trusted, and so are these identities."""
    return KeylessTrust(load_root(json.dumps(SIGSTORE.trusted_root(**root)).encode()), allowed)


def judged(bundle: dict[str, Any], given: KeylessTrust, **required: str) -> Finding:
    """The finding for a bundle."""
    return judge_bundle(json.dumps(bundle).encode(), DIGEST, [], required, "here", given)


def new() -> ec.EllipticCurvePrivateKey:
    """A key for one signature."""
    return ec.generate_private_key(ec.SECP256R1())


def test_without_a_root_it_is_shown_and_not_believed() -> None:
    """Identity and issuer come from the certificate, and the reason says that they are not verified."""
    found = judged(SIGSTORE.bundle(DIGEST), NOBODY)
    assert (found.verdict, found.subject, found.issuer, found.key) == (Verdict.UNCHECKED, SUBJECT, ISSUED_BY, "")
    assert SUBJECT in found.reason and ISSUED_BY in found.reason and "no trusted root" in found.reason


def test_nobody_counts_who_is_not_allowed() -> None:
    """A signature that verifies is a stranger's until its identity is allowed."""
    found = judged(SIGSTORE.bundle(DIGEST), trust())
    assert (found.verdict, found.subject, found.key) == (Verdict.UNKNOWN_KEY, SUBJECT, "")
    assert "verifies" in found.reason and SUBJECT in found.reason


def test_whoever_is_allowed_counts() -> None:
    """With the pair's fingerprint as its key, its payload and signature as evidence, and no network."""

    def closed(*_given: object) -> None:
        raise AssertionError("the network was asked")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", closed)
        patch.setattr(socket, "getaddrinfo", closed)
        found = judged(SIGSTORE.bundle(DIGEST), trust(Allowed("*@nowhere.test", ISSUED_BY), MINE))
    assert (found.verdict, found.key) == (Verdict.TRUSTED, MINE.fingerprint)
    assert SUBJECT in found.reason and found.payload and found.signature


@pytest.mark.parametrize(
    "allowed, fits",
    [
        (MINE, True),
        (Allowed("b*@example.test", ISSUED_BY), True),
        (Allowed("*@example.test", "https://login.example.tes"), False),
        (Allowed("*@example.tes", ISSUED_BY), False),
        (Allowed("[b]uilder@example.test", ISSUED_BY), False),
        (Allowed("?uilder@example.test", ISSUED_BY), False),
        (Allowed(SUBJECT.upper(), ISSUED_BY), False),
        (Allowed(SUBJECT, "https://other.example.test"), False),
    ],
)
def test_what_a_pattern_means(allowed: Allowed, fits: bool) -> None:
    """Only * stands for something else, and both halves have to fit whole."""
    assert (judged(SIGSTORE.bundle(DIGEST), trust(allowed)).verdict == Verdict.TRUSTED) is fits


@pytest.mark.parametrize("open_host", ["https://login.*", "https://*.example.test", "https://login.example.test*/a"])
def test_a_pattern_names_its_host_in_full(open_host: str) -> None:
    """Else a host of somebody else's, or a path, would fit."""
    for pair in ((SUBJECT, open_host), (open_host, ISSUED_BY)):
        with pytest.raises(Problem, match="leaves the host open"):
            Allowed(*pair)


@pytest.mark.parametrize("pair", [("*", ISSUED_BY), (SUBJECT, ""), ("", ""), (SUBJECT, "**"), ("x" * 501, ISSUED_BY)])
def test_patterns_that_mean_everybody_are_refused(pair: tuple[str, str]) -> None:
    """Whoever has a mail address could sign then."""
    with pytest.raises(Problem, match="nobody in particular"):
        Allowed(*pair)


@pytest.mark.parametrize(
    "named", [SUBJECT, "https://github.test/acme/app/.github/workflows/build.yml@refs/heads/main", "robot-of-acme"]
)
def test_the_kinds_of_subject(named: str) -> None:
    """A mail address, a URI, and Fulcio's other name."""
    key = new()
    bundle = SIGSTORE.bundle(DIGEST, key=key, certificate=SIGSTORE.certificate(key.public_key(), named))
    assert judged(bundle, trust(Allowed(named, ISSUED_BY))).verdict == Verdict.TRUSTED


def test_names_that_have_two_meanings_are_no_identity() -> None:
    """Several subjects, two issuers that disagree, text that is no DER."""
    key = new().public_key()
    der = serialization.Encoding.DER
    both = [x509.RFC822Name(SUBJECT), x509.RFC822Name("root@example.test")]
    assert identity_in(SIGSTORE.certificate(key, names=both).public_bytes(der)) == Identity("", ISSUED_BY)
    differing = SIGSTORE.certificate(key, old_issuer="https://other.example.test")
    assert identity_in(differing.public_bytes(der)) == Identity(SUBJECT, "")
    assert identity_in(SIGSTORE.certificate(key).public_bytes(der)) == Identity(SUBJECT, ISSUED_BY)
    assert identity_in(b"none") == identity_in(b"\x30" * 70_000) == Identity()


@pytest.mark.parametrize("text", ["", "a", "é" * 60, "x" * 127, "x" * 128, "x" * 255, "x" * 256, "x" * 2000])
def test_long_issuers_are_read_as_der_says(text: str) -> None:
    """One, two and three bytes of length; an empty or endless one is nobody."""
    key = new().public_key()
    raw = SIGSTORE.certificate(key, issuer=text, sct=False, old_issuer=text or None)
    assert identity_in(raw.public_bytes(serialization.Encoding.DER)).issuer == text
    assert utf8_string(text)[0] == 0x0C


def flipped(text: str) -> str:
    """Base64 of the same bytes with one bit changed in the middle."""
    data = bytearray(base64.b64decode(text))
    data[len(data) // 2] ^= 1
    return base64.b64encode(bytes(data)).decode()


def _entry(change: Callable[[dict[str, Any]], None]) -> Callable[[str], dict[str, Any]]:
    def build(digest: str) -> dict[str, Any]:
        bundle = SIGSTORE.bundle(digest)
        change(bundle["verificationMaterial"]["tlogEntries"][0])
        return bundle

    return build


def _uncertified(digest: str) -> dict[str, Any]:
    key = new()
    return SIGSTORE.bundle(digest, key=key, certificate=SIGSTORE.certificate(key.public_key(), sct=False))


def _by_another_key(digest: str) -> dict[str, Any]:
    return SIGSTORE.bundle(digest, key=new(), certificate=SIGSTORE.certificate(new().public_key()))


def _with_anothers_entry(digest: str) -> dict[str, Any]:
    """CVE-2026-22703: a good entry of the log, of another signature."""
    other = SIGSTORE.bundle("sha256:" + "cd" * 32)
    return SIGSTORE.bundle(digest, entry=other["verificationMaterial"]["tlogEntries"][0])


BROKEN: dict[str, tuple[Callable[[str], dict[str, Any]], Verdict, str]] = {
    "signed by another key": (_by_another_key, Verdict.INVALID, "did not make"),
    "another signature's log entry": (_with_anothers_entry, Verdict.INVALID, "does not verify"),
    "no time stamp of the log of certificates": (_uncertified, Verdict.INVALID, "does not verify"),
    "logged after the certificate has expired": (
        lambda digest: SIGSTORE.bundle(digest, logged=SIGSTORE.now + HOUR), Verdict.INVALID, "logged or stamped at",
    ),
    "logged before it": (
        lambda digest: SIGSTORE.bundle(digest, logged=SIGSTORE.now - HOUR), Verdict.INVALID, "logged or stamped at",
    ),
    "no promise of the log": (
        _entry(lambda one: one.pop("inclusionPromise")), Verdict.INVALID, "does not verify",
    ),
    "promise changed": (
        _entry(lambda one: one["inclusionPromise"].update(
            signedEntryTimestamp=flipped(one["inclusionPromise"]["signedEntryTimestamp"]))),
        Verdict.INVALID, "does not verify",
    ),
    "time changed within the certificate's": (
        _entry(lambda one: one.update(integratedTime=str(int(one["integratedTime"]) + 60))),
        Verdict.INVALID, "does not verify",
    ),
    "root hash changed": (
        _entry(lambda one: one["inclusionProof"].update(rootHash=flipped(one["inclusionProof"]["rootHash"]))),
        Verdict.INVALID, "does not verify",
    ),
    "proof of another size": (
        _entry(lambda one: one["inclusionProof"].update(treeSize="4")), Verdict.INVALID, "does not verify",
    ),
    "checkpoint of nobody": (
        _entry(lambda one: one["inclusionProof"].update(
            checkpoint={"envelope": "x\n2\nYQ==\n\n\u2014 x YWFhYWFh\n"})),
        Verdict.INVALID, "does not verify",
    ),
    "another Sigstore": (lambda digest: OTHER.bundle(digest), Verdict.UNKNOWN_KEY, "does not name"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_verify(name: str) -> None:
    """Never trusted, with the reason in the sentence."""
    build, verdict, words = BROKEN[name]
    found = judged(build(DIGEST), trust(MINE))
    assert (found.verdict, found.key) == (verdict, ""), found.reason
    assert words in found.reason


def _stamped(
    digest: str, by: TimeStamps = STAMPS, *, logged: bool = False, second: bool = False, over: bytes = b"",
    ago: datetime.timedelta = HOUR * 0,
) -> dict[str, Any]:  # fmt: skip
    """A bundle with a time stamp of now over its signature, or over other bytes; the log says a time only if `logged`.

    Its certificate is of a minute before `ago`; `second` is whether the log is the second Rekor.
    """
    at = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - ago
    key = new()
    certificate = SIGSTORE.certificate(key.public_key(), at=at - HOUR / 60)
    bundle = SIGSTORE.bundle(digest, key=key, certificate=certificate, logged=at)
    envelope, material = bundle["dsseEnvelope"], bundle["verificationMaterial"]
    if second:
        material["tlogEntries"] = [SIGSTORE.second_entry(envelope, certificate)]
    elif not logged:
        for name in ("inclusionPromise", "integratedTime"):
            del material["tlogEntries"][0][name]
    stamp = by.stamp(over or base64.b64decode(envelope["signatures"][0]["sig"]))
    material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(stamp)}]}
    return bundle


def _stamped_beside_a_claim(digest: str) -> dict[str, Any]:
    bundle = _stamped(digest, logged=True)
    del bundle["verificationMaterial"]["tlogEntries"][0]["inclusionPromise"]
    return bundle


def _with_stamps(bundle: dict[str, Any], change: Callable[[list[str]], list[str]]) -> dict[str, Any]:
    """`bundle` with other stamps than its own."""
    held = bundle["verificationMaterial"]["timestampVerificationData"]
    stamps = change([one["signedTimestamp"] for one in held["rfc3161Timestamps"]])
    held["rfc3161Timestamps"] = [{"signedTimestamp": one} for one in stamps]
    return bundle


STAMPED: dict[str, tuple[Callable[[str], dict[str, Any]], Verdict, str]] = {
    "stamped": (_stamped, Verdict.TRUSTED, ""),
    "stamped and logged": (lambda digest: _stamped(digest, logged=True), Verdict.TRUSTED, ""),
    "stamped, in the second log": (lambda digest: _stamped(digest, second=True), Verdict.TRUSTED, ""),
    "stamped, and a time that the log does not vouch for": (
        _stamped_beside_a_claim, Verdict.INVALID, "does not vouch",
    ),
    "a stamp of other bytes": (
        lambda digest: _stamped(digest, over=b"other"), Verdict.INVALID, "not enough sources of verified time",
    ),
    "a stamp by an unknown authority": (
        lambda digest: _stamped(digest, OTHERS_STAMPS), Verdict.INVALID, "not enough sources of verified time",
    ),
    "logged, and a stamp by an unknown authority": (
        lambda digest: _stamped(digest, OTHERS_STAMPS, logged=True), Verdict.TRUSTED, "",
    ),
    "a stamp changed": (
        lambda digest: _with_stamps(_stamped(digest), lambda stamps: [_changed(stamps[0])]),
        Verdict.INVALID, "not enough sources of verified time",
    ),
    "stamped after the certificate has expired": (
        lambda digest: _stamped(digest, ago=HOUR), Verdict.INVALID, "logged or stamped at",
    ),
    "logged in time, and stamped after the certificate has expired": (
        lambda digest: _stamped(digest, ago=HOUR, logged=True), Verdict.INVALID, "logged or stamped at",
    ),
    "stamped before it": (lambda digest: _stamped(digest, ago=-HOUR), Verdict.INVALID, "logged or stamped at"),
    "the same stamp twice": (
        lambda digest: _with_stamps(_stamped(digest), lambda stamps: stamps * 2), Verdict.INVALID, "duplicate",
    ),
    "logged, and junk for a stamp": (
        lambda digest: _with_stamps(_stamped(digest, logged=True), lambda _stamps: [b64(b"junk")]),
        Verdict.INVALID, "Invalid Timestamp",
    ),
}  # fmt: skip


def _changed(stamp: str) -> str:
    """A stamp whose signature, its last bytes, is another one."""
    data = base64.b64decode(stamp)
    return b64(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.mark.parametrize("name", STAMPED)
def test_a_stamp_says_when_it_was(name: str) -> None:
    """By an authority of the root, over this signature, while the certificate is valid; no other stamp makes a time."""
    build, verdict, words = STAMPED[name]
    found = judged(build(DIGEST), trust(MINE, timestampAuthorities=[STAMPS.trusted()]))
    assert found.verdict == verdict and words in found.reason, found.reason


def test_stamps_count_while_the_root_names_their_authority() -> None:
    """An authority out of use stamps nothing; where the root names none at all, the log's word is what there is."""
    now = datetime.datetime.now(datetime.UTC)
    after, before = (STAMPS.trusted(until=at) for at in (now + HOUR, now - HOUR))
    assert judged(_stamped(DIGEST), trust(MINE, timestampAuthorities=[after])).verdict == Verdict.TRUSTED
    assert judged(_stamped(DIGEST), trust(MINE, timestampAuthorities=[before])).verdict == Verdict.INVALID
    assert judged(_stamped(DIGEST), trust(MINE)).verdict == Verdict.INVALID
    assert judged(_stamped(DIGEST, logged=True), trust(MINE)).verdict == Verdict.TRUSTED


def test_a_log_counts_while_the_root_says_so() -> None:
    """Sigstore's library alone would take an entry of a log that was out of use by then."""
    bundle = SIGSTORE.bundle(DIGEST)
    assert judged(bundle, trust(MINE, until=SIGSTORE.now + HOUR)).verdict == Verdict.TRUSTED
    assert judged(bundle, trust(MINE, until=SIGSTORE.now - HOUR)).verdict == Verdict.INVALID


def test_the_rules_of_every_signature_hold_here_too() -> None:
    """Another digest, another type of statement, a required annotation, a provenance."""
    other = sign_statement("sha256:" + "cd" * 32)
    assert judged(SIGSTORE.bundle(DIGEST, statement=other), trust(MINE)).verdict == Verdict.INVALID
    provenance = sign_statement(DIGEST, predicateType="https://slsa.dev/provenance/v1")
    assert judged(SIGSTORE.bundle(DIGEST, statement=provenance), trust(MINE)).verdict == Verdict.ATTESTATION_ONLY
    noted = sign_statement(DIGEST, subject=[subject(DIGEST, env="prod")])
    assert judged(SIGSTORE.bundle(DIGEST, statement=noted), trust(MINE), env="prod").verdict == Verdict.TRUSTED
    assert judged(SIGSTORE.bundle(DIGEST, statement=noted), trust(MINE), env="test").verdict == Verdict.INVALID


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "no trusted root"),
        (b"{}", "no trusted root"),
        (b"[" * 100_000, "no trusted root"),
        (b" " * (1024 * 1024 + 1), "1048576"),
        (json.dumps(SIGSTORE.trusted_root(mediaType="application/json")).encode(), "no trusted root"),
        (json.dumps(SIGSTORE.trusted_root(tlogs=[])).encode(), "trusted root"),
        (json.dumps(SIGSTORE.trusted_root(ctlogs=[])).encode(), "log of certificates"),
        (json.dumps(SIGSTORE.trusted_root(certificateAuthorities=[])).encode(), "trusted root"),
        (json.dumps(SIGSTORE.trusted_root())[:-1].encode() + b',"tlogs":[]}', "twice"),
    ],
)
def test_roots_that_are_refused(data: bytes, words: str) -> None:
    """With the reason; one that could verify nothing too."""
    with pytest.raises(Problem, match=words):
        load_root(data)


def test_what_was_judged_under_another_root_is_not_remembered() -> None:
    """A sweep remembers by the words of its options: another root, or another identity, is other words."""
    same = KeylessTrust(load_root(json.dumps(OTHER.trusted_root()).encode()), (MINE,))
    assert repr(trust(MINE)) == repr(trust(MINE))
    assert len({repr(one) for one in (trust(MINE), trust(), same, NOBODY)}) == 4
