"""Signatures and those who count, as they are told apart and kept, where somebody who may push piles up more."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from harborweb.audit.judging.judgement import SIGNERS, counted_of, identity_of, signers_of
from harborweb.verification.keys import load_public_key
from harborweb.verification.verdict import Finding, Verdict
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
