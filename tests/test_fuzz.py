"""Every parser of what strangers write, fed with valid inputs that were changed: about 60 seconds for all of them.

Whatever the bytes are, a parser answers, or raises what its docstring says, within a bounded time; and nothing is
trusted whose signed bytes are not the ones that were signed. `--long` gives each parser ten minutes. A failure prints
the example and the seed; HARBORWEB_FUZZ_SEED repeats it, HARBORWEB_FUZZ_SECONDS is for longer runs.
"""

import asyncio
import base64
import json
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from harborweb.audit.hooks import payload as hook
from harborweb.errors import Problem
from harborweb.registry import image
from harborweb.registry.auth import Authenticator, Challenge, challenges
from harborweb.registry.client import Client, Endpoint, Limits, RegistryError
from harborweb.registry.harbor import reading
from harborweb.registry.names import is_repository, is_tag
from harborweb.registry.pages import PageReader, next_page
from harborweb.registry.plain import Plain
from harborweb.registry.quick import _Connection, _Job
from harborweb.registry.transport import Answer, parse_json, parse_object
from harborweb.signing import keyfiles
from harborweb.verification.attestation import judge_attestation
from harborweb.verification.bundle import judge_bundle
from harborweb.verification.certificate import identity_in, read_leaf
from harborweb.verification.keyless import Allowed, KeylessTrust, load_root
from harborweb.verification.keys import load_public_key
from harborweb.verification.log_entries import check_log_entries
from harborweb.verification.manifest import read_manifest
from harborweb.verification.policy import read_policy, write_policy
from harborweb.verification.simple_signing import CERTIFICATE, CHAIN, LOG_BUNDLE, SIGNATURE, TIMESTAMP, judge_layer
from harborweb.verification.strict import Malformed, decode_base64, load_json
from harborweb.verification.verdict import Verdict
from tests.verification.material import pem_of, private, public, sign
from tests.verification.mutations import anything, damaged, json_values, objects
from tests.verification.sigstore_double import ISSUED_BY, SUBJECT, Sigstore
from tests.verification.test_formats import DIGEST, bundle, envelope, payload, statement

SECONDS = float(os.environ.get("HARBORWEB_FUZZ_SECONDS", "1.8"))
LONG_SECONDS = 600.0
LONGEST = 10.0  # one example, on a machine that has other things to do
KEYS = [public(), public("Ed25519"), public("RSA 2048")]
SIGSTORE = Sigstore()
ROOT = json.dumps(SIGSTORE.trusted_root()).encode()
TRUST = KeylessTrust(load_root(ROOT), (Allowed(SUBJECT, ISSUED_BY),))
KEYLESS = SIGSTORE.bundle(DIGEST)
PROMISED = SIGSTORE.simple(payload())
ENTRIES = KEYLESS["verificationMaterial"]["tlogEntries"]
CERT = SIGSTORE.certificate(ec.generate_private_key(ec.SECP256R1()).public_key())
DER = CERT.public_bytes(serialization.Encoding.DER)
CERT_PEM = CERT.public_bytes(serialization.Encoding.PEM)
GOOD_BUNDLE, GOOD_PAYLOAD = bundle(envelope(statement())), payload()
GOOD_SIGNATURE = base64.b64encode(sign(GOOD_PAYLOAD)).decode()
POINTER = {"digest": DIGEST, "size": 1, "mediaType": "x/y", "annotations": {"a": "b"}}
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "m",
        "config": POINTER,
        "layers": [POINTER],
        "subject": POINTER,
        "annotations": {},
    }
).encode()
INDEX = {"schemaVersion": 2, "manifests": [{**POINTER, "artifactType": "a", "platform": {"os": "linux"}}]}
JWK = json.dumps({"kty": "EC", "crv": "P-256", "kid": "k", **{
    name: base64.urlsafe_b64encode(getattr(private("ECDSA P-256").public_key().public_numbers(), name)
                                   .to_bytes(32, "big")).decode().rstrip("=") for name in "xy"
}}).encode()  # fmt: skip
POLICY = {
    "rules": [{"match": ["team/*"], "require": 1, "keys": ["a", "b"], "annotations": {"env": "prod"}, "tags": ["v*"],
               "platforms": ["linux/amd64"], "children": "own", "grace_hours": 3, "untagged": False}],
    "exemptions": [{"match": ["old"], "reason": "r", "owner": "o", "until": "2027-01-31"}],
}  # fmt: skip
ARTIFACT = {
    "id": 1, "digest": DIGEST, "type": "IMAGE", "repository_name": "team/app", "size": 7,
    "push_time": "2026-11-23T10:00:00.000Z", "references": [{"child_digest": DIGEST}],
    "tags": [{"name": "1.0", "push_time": "2026-11-23T10:00:00.000Z", "immutable": True}], "labels": [{"name": "l"}],
    "accessories": [{"type": "signature.cosign", "digest": DIGEST, "size": 3}],
    "extra_attrs": {"os": "linux", "architecture": "amd64", "history": [{"created_by": "x"}],
                    "config": {"Env": ["A=b"], "Cmd": ["x"], "ExposedPorts": {"80/tcp": {}},
                               "Healthcheck": {"Test": ["CMD"], "Interval": 5}}},
}  # fmt: skip
EVENT = {
    "type": "PUSH_ARTIFACT", "occur_at": 1700000000, "operator": "o",
    "event_data": {"resources": [{"digest": DIGEST, "tag": "1.0", "resource_url": "h/team/app:1.0"}],
                   "repository": {"name": "app", "namespace": "team", "repo_full_name": "team/app"}},
}  # fmt: skip
CHALLENGE = (
    'Bearer realm="https://h.example/service/token",service="harbor-registry",scope="repository:a/b:pull,push", '
    'Basic realm="x"'
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    b"Docker-Content-Digest: " + DIGEST.encode() + b"\r\n\r\n{}"
)
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
AS_BEFORE = b'HTTP/1.1 304 Not Modified\r\nEtag: "' + DIGEST.encode() + b'"\r\n\r\n'
CLIENT = Client(Endpoint("http://h.example", allow_http=True))


def text_of(data: bytes) -> str:
    """Bytes as a header or a form would bring them."""
    return data.decode("latin-1")


# What has to hold of each


def key_file(data: bytes) -> None:
    with suppress(Problem):
        key = load_public_key(data)
        assert load_public_key(key.pem.encode()) == key


def pasted_key(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    keyfiles.is_private(text)
    with suppress(Problem):
        assert not keyfiles.is_private(text) or not keyfiles.is_jwk(text) or keyfiles.read_public(text)


def strict_json(data: bytes) -> None:
    with suppress(Malformed):
        assert load_json(data, "It", folded=True) == json.loads(data)


def strict_base64(data: bytes) -> None:
    text = text_of(data)
    with suppress(Malformed):
        plain = text.replace("\r", "").replace("\n", "")
        again = base64.b64encode(decode_base64(text, "It")).decode()
        assert (len(again), again.rstrip("=")[:-1]) == (len(plain), plain.rstrip("=")[:-1])  # but for unused bits


def layer(case: tuple[bytes, str, dict[str, str]]) -> None:
    data, signature, beside = case
    found = judge_layer(data, {SIGNATURE: signature, **beside}, DIGEST, KEYS, {}, "here")
    assert found.reason and found.reason.isprintable()
    if found.verdict == Verdict.TRUSTED:
        assert data == GOOD_PAYLOAD and KEYS[0].verify(found.signature, data)


def signed_payload(data: bytes) -> None:
    found = judge_layer(data, {SIGNATURE: base64.b64encode(sign(data)).decode()}, DIGEST, KEYS, {}, "here")
    assert found.reason and found.reason.isprintable()
    if found.verdict == Verdict.TRUSTED:
        assert json.loads(data)["critical"]["image"]["docker-manifest-digest"] == DIGEST


def manifest(data: bytes) -> None:
    with suppress(Malformed):
        read_manifest(data)


def a_bundle(data: bytes) -> None:
    found = judge_bundle(data, DIGEST, KEYS, {}, "here", TRUST)
    assert found.reason and found.reason.isprintable()
    if found.verdict == Verdict.TRUSTED:
        body = base64.b64decode(json.loads(GOOD_BUNDLE)["dsseEnvelope"]["payload"])
        assert found.payload.endswith(body) and any(key.verify(found.signature, found.payload) for key in KEYS)


def signed_statement(value: Any) -> None:
    found = judge_bundle(bundle(envelope(value)), DIGEST, KEYS, {}, "here")
    assert found.reason and found.reason.isprintable()
    if found.verdict == Verdict.TRUSTED:
        assert any(one["digest"].get("sha256") == DIGEST[7:] for one in value["subject"])


def keyless(data: bytes) -> None:
    found = judge_bundle(data, DIGEST, [], {}, "here", TRUST)
    assert found.reason and found.reason.isprintable()
    if found.verdict == Verdict.TRUSTED:
        given, good = json.loads(data), KEYLESS
        assert base64.b64decode(given["dsseEnvelope"]["payload"]) == base64.b64decode(good["dsseEnvelope"]["payload"])
        raw = given["verificationMaterial"]["certificate"]["rawBytes"]
        assert base64.b64decode(raw) == base64.b64decode(good["verificationMaterial"]["certificate"]["rawBytes"])


def promise(data: bytes) -> None:
    beside = PROMISED | {LOG_BUNDLE: data.decode("utf-8", "replace")}
    found = judge_layer(GOOD_PAYLOAD, beside, DIGEST, [], {}, "here", TRUST)
    assert found.reason and found.reason.isprintable()
    if found.verdict == Verdict.TRUSTED:
        assert json.loads(data)["Payload"] == json.loads(PROMISED[LOG_BUNDLE])["Payload"]


def attestation(data: bytes) -> None:
    assert judge_attestation(data, DIGEST, KEYS, "here").verdict == Verdict.ATTESTATION_ONLY


def log_entries(value: Any) -> None:
    with suppress(Malformed):
        check_log_entries(value["entries"] if isinstance(value.get("entries"), list) else [value])


def certificate(data: bytes) -> None:
    named = identity_in(data)
    assert (named.subject + named.issuer).isprintable()
    with suppress(Malformed):
        read_leaf(data)


def root(data: bytes) -> None:
    with suppress(Problem):
        given = load_root(data)
        judge_bundle(json.dumps(KEYLESS).encode(), DIGEST, [], {}, "here", KeylessTrust(given, TRUST.allowed))


def policy(value: Any) -> None:
    with suppress(Problem):
        one = read_policy(value)
        assert read_policy(write_policy(one)) == one


def referrers(value: Any) -> None:
    with suppress(RegistryError):
        assert all(isinstance(one["digest"], str) for one in CLIENT._descriptors(value, 0))


def names(value: Any) -> None:
    reader = PageReader(CLIENT, "/v2/_catalog", "", "the names")
    for key, sound in (("repositories", is_repository), ("tags", is_tag)):
        with suppress(RegistryError):
            assert all(map(sound, reader.strings(value, key, sound)))


def sign_in(data: bytes) -> None:
    assert len(challenges([text_of(data)])) <= len(data) + 1


def link(data: bytes) -> None:
    header = text_of(data).replace("\r", "").replace("\n", "")
    headers = CIMultiDictProxy(CIMultiDict([("Link", header)]))
    with suppress(RegistryError):
        found = next_page(Answer(200, headers, b"", URL("http://h.example/v2/x")))
        PageReader(CLIENT, "/v2/_catalog", "", "the names")._local(found)


class _Said:
    """A transport that has one answer: the token service's."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def fetch(self, _method: str, url: URL, **_more: Any) -> Answer:
        return Answer(200, CIMultiDictProxy(CIMultiDict()), self.body, url)


def token(data: bytes) -> None:
    asked = Authenticator(CLIENT.endpoint, Limits(), _Said(data))  # type: ignore[arg-type]
    challenge = Challenge("bearer", {"realm": "http://h.example/token", "service": "s"})
    with suppress(RegistryError):
        header, seconds = asyncio.run(asked._fetch(challenge, "repository:a:pull"))
        assert header.isascii() and header.isprintable() and 0 < seconds <= 3600


def realm(data: bytes) -> None:
    with suppress(RegistryError):
        assert Authenticator(CLIENT.endpoint, Limits(), CLIENT.transport)._realm_url(text_of(data)).host


def json_answer(data: bytes) -> None:
    with suppress(RegistryError):
        parse_json(data, "h.example")
    with suppress(RegistryError):
        parse_object(data, "h.example", 10)


def harbor_lists(value: Any) -> None:
    for read in (reading.artifact, reading.project, reading.repository, reading.tag, reading.accessory):
        read(value)
    image.config_of(value)
    image.layers_of(value)


def event(data: bytes) -> None:
    with suppress(hook.Junk):
        hook.read(data, "application/json", "team")


@dataclass
class _Wire:
    """What the quick reader's connection talks to."""

    error_bytes: int = 100
    answers: list[Plain | None] = field(default_factory=list)

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_given: None

    def unanswered(self, jobs: list[_Job]) -> None:
        """What the pool does in the end with what has no answer here."""
        for job in jobs:
            job.done(None)


def quick_answer(case: tuple[list[bytes], int, bool, str]) -> None:
    parts, size, head_only, known = case
    data, wire = b"".join(parts), _Wire()
    connection = _Connection(wire)  # type: ignore[arg-type]
    connection.connection_made(wire)  # type: ignore[arg-type]
    connection.send([_Job(b"GET", head_only, 1000, wire.answers.append, known) for _part in parts])
    for start in range(0, len(data), size):
        connection.data_received(data[start : start + size])
    connection.connection_lost(None)
    assert len(wire.answers) == len(parts), "each asked once is answered once"
    whole = [one for one in wire.answers if one is not None]
    assert len(whole) in {0, len(parts)}, "answers of one lot count together or not at all"
    for found in whole:
        assert found.status in {200, 304, 404} and len(found.body) <= 1000 and (known or found.status != 304)
        found.header(b"docker-content-digest")
        assert found.headers() is not None


beside = st.dictionaries(
    st.sampled_from([CERTIFICATE, CHAIN, LOG_BUNDLE, TIMESTAMP]),
    st.text(max_size=40) | damaged(CERT_PEM).map(text_of) | st.just(CERT_PEM.decode()), max_size=2,
)  # fmt: skip
signatures = st.just(GOOD_SIGNATURE) | damaged(GOOD_SIGNATURE.encode()).map(text_of)
PARSERS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]] = {
    "key file": (damaged(pem_of(private("ECDSA P-256"))) | damaged(pem_of(private("RSA 2048"))), key_file),
    "pasted key": (anything(JWK) | damaged(CERT_PEM) | damaged(pem_of(private("Ed25519"))), pasted_key),
    "JSON": (anything(GOOD_PAYLOAD) | json_values.map(lambda value: json.dumps(value).encode()), strict_json),
    "base64": (damaged(GOOD_SIGNATURE.encode()), strict_base64),
    "layer": (st.tuples(st.just(GOOD_PAYLOAD) | anything(GOOD_PAYLOAD), signatures, beside), layer),
    "signed payload": (anything(GOOD_PAYLOAD), signed_payload),
    "manifest": (anything(MANIFEST) | anything(json.dumps(INDEX).encode()), manifest),
    "bundle": (anything(GOOD_BUNDLE), a_bundle),
    "signed statement": (objects(statement(env="prod")), signed_statement),
    "keyless bundle": (anything(json.dumps(KEYLESS).encode()), keyless),
    "promise": (anything(PROMISED[LOG_BUNDLE].encode()), promise),
    "attestation": (anything(json.dumps(envelope(statement("https://slsa.dev/provenance/v1"))).encode()), attestation),
    "log entries": (objects({"entries": ENTRIES}), log_entries),
    "certificate": (damaged(DER) | st.binary(max_size=100), certificate),
    "trusted root": (anything(ROOT), root),
    "policy": (objects(POLICY) | json_values, policy),
    "referrers": (objects(INDEX), referrers),
    "names": (objects({"repositories": ["a", "b/c"], "tags": ["1.0"]}), names),
    "sign-in header": (damaged(CHALLENGE.encode()) | st.binary(max_size=300), sign_in),
    "link header": (damaged(b'</v2/_catalog?n=1&last=a>; rel="next"') | st.binary(max_size=100), link),
    "token": (anything(b'{"token":"abc.def","expires_in":300,"access_token":"x"}'), token),
    "realm": (damaged(b"https://h.example:443/service/token?x=y") | st.binary(max_size=60), realm),
    "JSON answer": (anything(json.dumps(INDEX).encode()), json_answer),
    "Harbor's lists": (objects(ARTIFACT), harbor_lists),
    "event": (anything(json.dumps(EVENT).encode()), event),
    "quick answers": (
        st.tuples(
            st.lists(
                st.sampled_from([ANSWER, CHUNKED, AS_BEFORE]) | damaged(ANSWER) | damaged(CHUNKED),
                min_size=1,
                max_size=3,
            ),
            st.integers(1, 80),
            st.booleans(),
            st.sampled_from(["", DIGEST]),
        ),
        quick_answer,
    ),
}


def fuzz(name: str, seconds: float, least: int) -> None:
    """Feed one parser for so long, and with `least` examples however busy the machine is."""
    strategy, check = PARSERS[name]
    until = time.monotonic() + seconds
    first = int(os.environ.get("HARBORWEB_FUZZ_SEED") or random.randrange(2**32))
    count = 0

    def timed(value: Any) -> None:
        nonlocal count
        if count >= least and time.monotonic() > until:
            return
        begun = time.monotonic()
        check(value)
        count += 1
        assert time.monotonic() - begun < LONGEST, "it took too long"

    for number in range(first, first + 100_000):
        if count >= least and time.monotonic() > until:
            break
        print(f"HARBORWEB_FUZZ_SEED={number}")
        run = given(strategy)(timed)
        quiet = settings(
            max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False
        )
        seed(number)(quiet(run))()
    assert count >= least


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser(name: str) -> None:
    """A moment of it."""
    fuzz(name, SECONDS, 20)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_for_long(name: str) -> None:
    """Ten minutes of it."""
    fuzz(name, LONG_SECONDS, 1000)
