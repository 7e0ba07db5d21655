"""Keys as JWK and certificate: what is taken, what is said, and where a private one is not."""

import datetime
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from harborweb.accounts.roles import Role
from harborweb.errors import Problem
from harborweb.signing import keyfiles, keysmith
from harborweb.signing.models import Key
from harborweb.verification.keys import load_public_key
from tests.signing.jobs import done, log, pem_of, public_of
from tests.signing.test_keys import SECRET

PRIVATE: dict[str, Any] = {
    "P-256": ec.generate_private_key(ec.SECP256R1()), "P-384": ec.generate_private_key(ec.SECP384R1()),
    "RSA": rsa.generate_private_key(65537, 2048), "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}  # fmt: skip


def jwk(key: Any, **more: str) -> str:
    """A key, private or public, as JWK."""
    kind = ECAlgorithm if "EC" in type(key).__name__ else RSAAlgorithm if "RSA" in type(key).__name__ else OKPAlgorithm
    return json.dumps(json.loads(kind.to_jwk(key)) | more)


def certificate(key: Any) -> str:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "release.lab.example")])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab CA")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        .serial_number(7).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=30))
        .sign(PRIVATE["P-256"], hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("name", PRIVATE)
def test_a_jwk_and_a_certificate_hold_the_same_key_as_the_pem(name: str) -> None:
    key = PRIVATE[name]
    wanted = load_public_key(public_of(key)).fingerprint
    found = keyfiles.read_public(jwk(key.public_key(), kid="2026"))
    assert (found.key.fingerprint, found.origin) == (wanted, {"form": "jwk", "kid": "2026"})
    assert keyfiles.read_public(json.dumps({"keys": [json.loads(jwk(key.public_key()))]})).key.fingerprint == wanted
    found = keyfiles.read_public(certificate(key))
    assert found.key.fingerprint == wanted
    assert (found.origin["subject"], found.origin["issuer"]) == ("CN=release.lab.example", "CN=lab CA")
    assert found.origin["until"] == "2026-01-31T00:00:00+00:00"
    assert not keyfiles.is_private(jwk(key.public_key())) and keyfiles.is_private(jwk(key))
    assert keyfiles.private_pem(jwk(key)) == pem_of(key)


@pytest.mark.parametrize(
    "text",
    ["{", "{}", '{"keys": []}', '{"kty": "oct", "k": "AAAA"}', '{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}',
     '{"kty": "RSA", "n": null, "e": {}}', '{"kty": ["EC"]}', "[" * 5000, '{"a":' * 200 + "1" + "}" * 200,
     certificate(PRIVATE["RSA"]) * 2, certificate(PRIVATE["RSA"])[:300] + "\n-----END CERTIFICATE-----\n"],
)  # fmt: skip
def test_what_is_no_key_is_a_sentence(text: str) -> None:
    with pytest.raises(Problem):
        keyfiles.read_public(text)


@given(st.one_of(st.text(max_size=300).map(lambda text: "{" + text), st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "d", "n", "e", "k", "alg", "keys", "kid"]),
    st.one_of(st.none(), st.integers(), st.text(max_size=50), st.lists(st.integers(), max_size=3)),
).map(json.dumps)))  # fmt: skip
def test_no_jwk_whatever_it_holds_raises_anything_but_a_problem(text: str) -> None:
    keyfiles.is_private(text)
    for read in (keyfiles.read_public, keyfiles.private_pem):
        try:
            read(text)
        except Problem as problem:
            assert text not in str(problem)


@pytest.mark.django_db(transaction=True)
def test_a_private_jwk_signs_and_is_shown_nowhere(as_role: Any, queue: str, cosign_three: str) -> None:
    admin: Client = as_role(Role.ADMINISTRATOR)
    text = jwk(PRIVATE["P-256"])
    secret = json.loads(text)["d"]
    typed = {"name": "mine", "pem": text, "password_mode": "stored", "password": ""}
    refused = admin.post("/keys/import/", typed)
    assert "A password is missing." in refused.text and secret not in refused.text
    assert admin.post("/keys/import/", typed | {"password": SECRET}).status_code == 302
    key = Key.objects.get()
    assert key.kind == "pair" and key.job is not None
    job = done(key.job, keysmith.import_key)
    assert job.state == "succeeded", job.error
    key.refresh_from_db()
    assert key.fingerprint == load_public_key(public_of(PRIVATE["P-256"])).fingerprint
    assert secret not in log(job) and secret not in json.dumps(job.arguments)


@pytest.mark.django_db(transaction=True)
def test_a_certificate_by_the_form_says_that_only_its_key_is_used(as_role: Any, queue: str) -> None:
    admin: Client = as_role(Role.ADMINISTRATOR)
    typed = {"name": "vendor", "pem": certificate(PRIVATE["RSA"]), "password_mode": "none", "trusted": "on"}
    assert admin.post("/keys/import/", typed).status_code == 302
    page = admin.get(reverse("signing:key", args=[Key.objects.get().pk])).text
    assert "CN=release.lab.example" in page and "CN=lab CA" in page and "Only its public key is used" in page
