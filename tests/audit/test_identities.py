"""Signatures and those who count, as they are told apart and kept, where somebody who may push piles up more."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from harborweb.audit.judging.judgement import SIGNERS, counted_of, identity_of, signers_of
from harborweb.audit.models import ArtifactVerdict
from harborweb.registry.models import Registry
from harborweb.signing.native import forms
from harborweb.signing.native.opening import open_key
from harborweb.verification.bundle import judge_bundle
from harborweb.verification.keys import load_public_key
from harborweb.verification.policy import Signer
from harborweb.verification.verdict import Finding, Verdict
from tests.audit.judging import judgement, keep
from tests.signing.test_native import sealed
from tests.verification.material import pem_of


def finding(signature: bytes, verdict: Verdict = Verdict.TRUSTED, key: str = "f" * 64, **more: object) -> Finding:
    return Finding("tag", verdict, "It is.", "simple-signing", key, payload=b"p", signature=signature, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda one: one.name)
def test_the_twin_of_a_signature_that_everybody_can_make_is_no_new_signature(curve: ec.EllipticCurve) -> None:
    private = ec.generate_private_key(curve)
    key, size = load_public_key(pem_of(private)), (curve.key_size + 7) // 8
    made = private.sign(b"p", ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(made)
    spellings = [encode_dss_signature(r, one) for one in (s, curve.group_order - s)]
    spellings += [r.to_bytes(size, "big") + one.to_bytes(size, "big") for one in (s, curve.group_order - s)]
    assert all(key.verify(one, b"p") for one in spellings) and len(set(spellings)) == 4
    assert len({identity_of(finding(one)) for one in spellings}) == 1
    other = private.sign(b"p", ec.ECDSA(hashes.SHA256()))
    assert identity_of(finding(other)) != identity_of(finding(made))


def test_other_signatures_keep_names_of_their_own() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    strange = [b"", b"0", b"\x30\x00", b"\0" * 64, b"\xff" * 64, bytes(256), encode_dss_signature(0, 1)]
    made = [*strange, private.sign(b"1"), private.sign(b"2")]
    assert len({identity_of(finding(one)) for one in made}) == len(made)


def test_strangers_do_not_push_out_whose_signature_counts() -> None:
    """What a revocation takes trust from is found by the signers that are kept."""
    strange = [finding(b"%d" % n, Verdict.UNKNOWN_KEY, "") for n in range(20 * SIGNERS)]
    mine = finding(b"mine")
    kept = signers_of([*strange, mine])
    assert len(kept) == SIGNERS and [identity_of(mine), "f" * 64, "trusted"] in kept and kept == sorted(kept)


def test_copies_of_a_signature_leave_room_for_the_second_key() -> None:
    copies = [finding(b"one") for _n in range(3 * SIGNERS)]
    assert [one.fingerprint for one in counted_of([*copies, finding(b"two", key="e" * 64)])] == ["f" * 64, "e" * 64]


@pytest.mark.django_db
def test_what_strangers_write_is_kept_so_that_every_database_takes_it_and_not_without_end() -> None:
    """PostgreSQL refuses a NUL in text and in JSON: one signature that holds one would end each sweep."""
    registry = Registry.objects.create(name="strangers", url="https://strangers.test")
    odd = finding(b"1", Verdict.UNKNOWN_KEY, "", annotations={"a\0": ["\0", {"b": "c\0"}]}, hint="\0" * 10_000_000,
                  predicate_type="x\0")  # fmt: skip
    wide = [
        replace(odd, signature=b"%d" % n, payload=b"x" * 60_000, annotations={"n": "x" * 60_000}) for n in range(99)
    ]
    found = judgement("team/web", Verdict.UNKNOWN_KEY, findings=(odd, *wide), platform="linux/\0", media_type="\0",
                      counted=(Signer("f" * 64, "", {"\0": "\0"}),))  # fmt: skip
    keep(registry, "team/web", [found])
    row = ArtifactVerdict.objects.get()
    kept = json.dumps([row.signatures, row.counted, row.platform, row.media_type])
    assert "\\u0000" not in kept and len(kept) < 1_000_000
    assert row.signatures[0]["annotations"] == {"a\ufffd": ["\ufffd", {"b": "c\ufffd"}]}
    assert len(row.signatures) == 100 and row.signatures[99]["annotations"] == {}


def test_a_hint_as_long_as_its_bundle_is_not_held() -> None:
    key = open_key(sealed(ec.generate_private_key(ec.SECP256R1()), ""), "")
    made = json.loads(forms.bundle_of(key, "sha256:" + "a" * 64, {}))
    made["verificationMaterial"]["publicKey"]["hint"] = "h" * 1_000_000
    found = judge_bundle(json.dumps(made).encode(), "sha256:" + "a" * 64, [], {}, "-")
    assert found.verdict == Verdict.UNKNOWN_KEY and 0 < len(found.hint) < 1000
