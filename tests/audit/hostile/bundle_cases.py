"""Bundles: what a careful verifier meets among the referrers."""

import gzip
from base64 import b64decode

from cryptography.hazmat.primitives import hashes

from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST
from harborweb.verification.bundle import SIGN_PREDICATE
from harborweb.verification.simple_signing import MEDIA_TYPE as PAYLOAD_TYPE
from harborweb.verification.verdict import Verdict
from tests.audit.hostile.bench import Bench, b64, compact, sign_statement, simple_payload, subject
from tests.audit.hostile.cases import case
from tests.audit.hostile.samples import ATTESTED
from tests.audit.hostile.simple_cases import ONE_PLATFORM, OTHER

REFERS = "a referrer must itself name the digest it refers to: cosign takes whatever the list of referrers says"
BUNDLES_ONLY = "where a bundle parses, cosign 3 looks at bundles only, and cosign 2.5 never sees them"


async def _bundle(b: Bench, bundle: object, digest: str, media_type: str = "", **over: object) -> str:
    """A bundle (any JSON value or bytes) as the only referrer of `digest`."""
    more = {"media_type": media_type} if media_type else {}
    descriptor = await b.bundle_manifest(bundle, digest, **more, **over)  # type: ignore[arg-type]
    await b.refer(digest, [descriptor])
    return digest


async def _stating(b: Bench, **over: object) -> str:
    """A bundle of the trusted key whose statement has other members."""
    digest = await b.image()
    await b.bundled(digest, sign_statement(digest, **over))
    return digest


async def _enveloped(b: Bench, **over: object) -> str:
    """A bundle of the trusted key whose envelope has other members."""
    digest = await b.image()
    envelope = b.envelope(sign_statement(digest)) | over
    return await _bundle(b, b.bundle(envelope), digest)


# Whose, and of what


@case(Verdict.TRUSTED)
async def bundle_native(b: Bench) -> str:
    """A good bundle, written natively."""
    digest = await b.image()
    await b.bundled(digest)
    return digest


@case(Verdict.INVALID)
async def bundle_transplanted(b: Bench) -> str:
    """A trusted bundle of another image in a manifest that refers to this one."""
    other, digest = await b.image("other"), await b.image()
    await b.bundled(digest, sign_statement(other))
    return digest


@case(Verdict.INVALID)
async def bundle_listed_for_another(b: Bench) -> str:
    """Another image's bundle manifest, listed among this image's referrers."""
    other, digest = await b.image("other"), await b.image()
    await b.refer(digest, [await b.bundled(other)])
    return digest


@case(Verdict.INVALID, stricter=REFERS)
async def bundle_that_refers_elsewhere(b: Bench) -> str:
    """A bundle that signs this digest in a manifest that refers to another."""
    other, digest = await b.image("other"), await b.image()
    descriptor = await b.bundle_manifest(b.bundle(b.envelope(sign_statement(digest))), other)
    await b.refer(digest, [descriptor])
    return digest


@case(Verdict.INVALID, stricter=REFERS)
async def bundle_that_refers_to_nothing(b: Bench) -> str:
    """A bundle that signs this digest in a manifest without a subject."""
    digest = await b.image()
    return await _bundle(b, b.bundle(b.envelope(sign_statement(digest))), digest, subject=None)


@case(Verdict.INVALID)
async def bundle_claiming_our_key(b: Bench) -> str:
    """A stranger's bundle with the hint of the trusted key."""
    digest = await b.image()
    return await _bundle(b, b.bundle(b.envelope(sign_statement(digest), "stranger")), digest)


@case(Verdict.TRUSTED)
async def bundle_with_the_hint_of_a_stranger(b: Bench) -> str:
    """A good bundle with the hint of a stranger's key: a hint is only a hint."""
    digest = await b.image()
    bundle = b.bundle(b.envelope(sign_statement(digest)), b.signers["stranger"].public.hint)
    return await _bundle(b, bundle, digest)


@case(Verdict.TRUSTED)
async def bundle_without_a_hint(b: Bench) -> str:
    """A good bundle without a hint."""
    digest = await b.image()
    bundle = b.bundle(b.envelope(sign_statement(digest)), verificationMaterial={"publicKey": {}})
    return await _bundle(b, bundle, digest)


@case(Verdict.TRUSTED)
async def stranger_beside_a_good_bundle(b: Bench) -> str:
    """A stranger's bundle beside a good one."""
    digest = await b.image()
    stranger = b.bundle(b.envelope(sign_statement(digest), "stranger"), b.signers["stranger"].public.hint)
    good = b.bundle(b.envelope(sign_statement(digest)))
    await b.refer(digest, [await b.bundle_manifest(one, digest) for one in (stranger, good)])
    return digest


@case(Verdict.TRUSTED)
async def good_sig_tag_beside_a_strangers_bundle(b: Bench) -> str:
    """A good .sig beside a stranger's bundle, which hides it from cosign 3."""
    digest = await b.image()
    await b.simple(digest)
    await b.bundled(digest, key="stranger")
    return digest


@case(Verdict.TRUSTED)
async def good_bundle_beside_a_garbage_sig_tag(b: Bench) -> str:
    """A good bundle beside garbage at the .sig tag."""
    digest = await b.image()
    await b.sig(digest, [await b.layer(b"x", "!!")])
    await b.bundled(digest)
    return digest


@case(Verdict.TRUSTED)
async def good_bundle_beside_a_dangling_referrer(b: Bench) -> str:
    """A good bundle beside a listed manifest that is gone."""
    digest = await b.image()
    good = await b.bundled(digest)
    gone = await b.bundle_manifest(b.bundle(b.envelope(sign_statement(OTHER))), digest)
    await b.refer(digest, [gone, good])
    await b.client.delete_manifest(b.repository, str(gone["digest"]))
    return digest


@case(Verdict.UNCHECKED)
async def dangling_referrer_only(b: Bench) -> str:
    """A listed referrer that is gone."""
    digest = await b.image()
    gone = await b.bundled(digest)
    await b.client.delete_manifest(b.repository, str(gone["digest"]))
    return digest


@case(Verdict.UNSIGNED)
async def referrer_that_is_no_signature(b: Bench) -> str:
    """An SBOM as referrer."""
    digest = await b.image()
    sbom = "application/spdx+json"
    await b.refer(digest, [await b.bundle_manifest(b'{"sbom":1}', digest, media_type=sbom, artifactType=sbom)])
    return digest


@case(Verdict.TRUSTED)
async def descriptor_without_artifact_type(b: Bench) -> str:
    """A good bundle whose descriptor in the list of referrers has another artifactType."""
    digest = await b.image()
    descriptor = await b.bundled(digest)
    await b.refer(digest, [descriptor | {"artifactType": "application/vnd.oci.empty.v1+json"}])
    return digest


@case(Verdict.UNCHECKED)
async def image_at_the_fallback_tag(b: Bench) -> str:
    """An image where the list of referrers should be."""
    digest = await b.image()
    await b.image(digest.replace(":", "-"))
    return digest


@case(Verdict.UNCHECKED, stricter="of more than 256 referrers the rest is not read; cosign has no bound")
async def more_than_256_referrers(b: Bench) -> str:
    """257 referrers, the last of them a good bundle."""
    digest = await b.image()
    good = await b.bundled(digest)
    other = [
        await b.bundle_manifest(b"{}", digest, media_type="text/plain", annotations={"n": str(n)}) for n in range(256)
    ]
    await b.refer(digest, [*other, good])
    return digest


@case(Verdict.TRUSTED, gap="cosign finds a simple-signing referrer only with --experimental-oci11")
async def simple_signing_as_referrer(b: Bench) -> str:
    """A good simple signature in a manifest that refers to the image."""
    digest = await b.image()
    payload = simple_payload(digest)
    layer = await b.layer(payload, b.trusted.sign(payload), PAYLOAD_TYPE)
    config = await b.blob(b"{}", "application/vnd.dev.cosign.artifact.sig.v1+json")
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config,
        "layers": [layer],
        "subject": {"mediaType": OCI_MANIFEST, "size": 400, "digest": digest},
    }
    descriptor = await b.put("referrer", manifest)
    await b.refer(digest, [descriptor | {"artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"}])
    return digest


# The statement


@case(Verdict.ATTESTATION_ONLY, stricter=ATTESTED)
async def provenance_only(b: Bench) -> str:
    """A trusted statement of SLSA provenance."""
    return await _stating(b, predicateType="https://slsa.dev/provenance/v1", predicate={"buildType": "x"})


@case(Verdict.ATTESTATION_ONLY, stricter=ATTESTED)
async def failed_scan_called_a_signature(b: Bench) -> str:
    """A trusted statement of a failed scan, which its manifest's annotation calls a signature."""
    digest = await b.image()
    envelope = b.envelope(sign_statement(digest, predicateType="https://example.test/scan", predicate={"ok": False}))
    notes = {"dev.sigstore.bundle.predicateType": SIGN_PREDICATE}
    return await _bundle(b, b.bundle(envelope), digest, annotations=notes)


@case(Verdict.ATTESTATION_ONLY)
async def provenance_by_a_stranger(b: Bench) -> str:
    """A stranger's statement of provenance."""
    digest = await b.image()
    await b.bundled(digest, sign_statement(digest, predicateType="https://slsa.dev/provenance/v1"), "stranger")
    return digest


@case(Verdict.INVALID, stricter="a signature is an in-toto v1 statement; cosign does not look at _type")
async def statement_of_version_0_1(b: Bench) -> str:
    """A sign/v1 statement of in-toto v0.1."""
    return await _stating(b, _type="https://in-toto.io/Statement/v0.1")


@case(Verdict.TRUSTED)
async def this_digest_second(b: Bench) -> str:
    """A statement of two subjects; the second is this image."""
    digest = await b.image()
    await b.bundled(digest, sign_statement(digest, subject=[subject(OTHER), subject(digest)]))
    return digest


@case(Verdict.INVALID)
async def subject_in_capitals(b: Bench) -> str:
    """The statement names the digest in capitals."""
    digest = await b.image()
    await b.bundled(digest, sign_statement(digest, subject=[{"digest": {"sha256": digest[7:].upper()}}]))
    return digest


@case(Verdict.INVALID)
async def subject_with_a_digest_that_is_none(b: Bench) -> str:
    """A second subject whose digest is no hexadecimal number."""
    digest = await b.image()
    subjects = [subject(digest), {"digest": {"sha512": "xyz"}}]
    await b.bundled(digest, sign_statement(digest, subject=subjects))
    return digest


@case(Verdict.INVALID)
async def no_subject(b: Bench) -> str:
    """A statement without subjects."""
    return await _stating(b, subject=[])


@case(Verdict.INVALID)
async def subject_null(b: Bench) -> str:
    """A statement whose subject is null."""
    return await _stating(b, subject=[None])


@case(Verdict.INVALID)
async def statement_with_an_unknown_member(b: Bench) -> str:
    """A statement with a member that in-toto does not know."""
    return await _stating(b, more=1)


async def _statement_bytes(b: Bench, change: str) -> str:
    digest = await b.image()
    right = sign_statement(digest)
    statement = {
        "trailing": right + b"{}",
        "bom": b"\xef\xbb\xbf" + right,
        "twice": right[:-1] + b',"predicateType":"' + SIGN_PREDICATE.encode() + b'"}',
        "deep": right.replace(b'"predicate":{}', b'"predicate":{"n":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
        "less deep": right.replace(b'"predicate":{}', b'"predicate":{"n":' + b"[" * 200 + b"]" * 200 + b"}"),
        "no json": b"statement",
    }[change]
    await b.bundled(digest, statement)
    return digest


@case(Verdict.INVALID)
async def statement_with_trailing_bytes(b: Bench) -> str:
    """A second value behind the statement."""
    return await _statement_bytes(b, "trailing")


@case(Verdict.INVALID)
async def statement_with_a_bom(b: Bench) -> str:
    """The statement begins with a byte order mark."""
    return await _statement_bytes(b, "bom")


@case(Verdict.INVALID)
async def statement_with_a_member_twice(b: Bench) -> str:
    """The statement holds predicateType twice."""
    return await _statement_bytes(b, "twice")


@case(Verdict.INVALID)
async def statement_20000_deep(b: Bench) -> str:
    """The statement is nested 20,000 deep."""
    return await _statement_bytes(b, "deep")


@case(Verdict.INVALID, stricter="JSON may be nested 64 deep; cosign's bound is 10,000")
async def statement_200_deep(b: Bench) -> str:
    """The statement is nested 200 deep."""
    return await _statement_bytes(b, "less deep")


@case(Verdict.INVALID)
async def statement_no_json(b: Bench) -> str:
    """The statement is no JSON."""
    return await _statement_bytes(b, "no json")


@case(Verdict.INVALID, annotations={"env": "prod"})
async def bundle_annotation_missing(b: Bench) -> str:
    """env=prod is required and not signed."""
    digest = await b.image()
    await b.bundled(digest)
    return digest


@case(Verdict.INVALID, annotations={"env": "prod"})
async def bundle_annotation_in_a_second_subject(b: Bench) -> str:
    """env=prod is required; only a second subject of the same digest has it."""
    digest = await b.image()
    await b.bundled(digest, sign_statement(digest, subject=[subject(digest), subject(digest, env="prod")]))
    return digest


@case(Verdict.INVALID, annotations={"env": "prod"})
async def bundle_annotation_in_the_predicate(b: Bench) -> str:
    """env=prod is required and stands in the predicate."""
    return await _stating(b, predicate={"env": "prod"})


# The envelope


@case(Verdict.INVALID)
async def envelope_with_two_signatures(b: Bench) -> str:
    """Two signatures in one envelope, both good."""
    digest = await b.image()
    envelope = b.envelope(sign_statement(digest))
    again = b.envelope(sign_statement(digest))["signatures"]
    return await _bundle(b, b.bundle(envelope | {"signatures": envelope["signatures"] + again}), digest)


@case(Verdict.INVALID)
async def envelope_without_signatures(b: Bench) -> str:
    """No signature in the envelope."""
    return await _enveloped(b, signatures=[])


@case(Verdict.INVALID)
async def envelope_of_another_payload_type(b: Bench) -> str:
    """A good signature over the payload type application/json."""
    digest = await b.image()
    envelope = b.envelope(sign_statement(digest), payloadType="application/json")
    return await _bundle(b, b.bundle(envelope), digest)


@case(Verdict.INVALID)
async def envelope_signed_without_its_type(b: Bench) -> str:
    """The trusted key signed the statement, not the pre-authentication encoding."""
    digest = await b.image()
    statement = sign_statement(digest)
    signatures = [{"sig": b64(b.trusted.sign(statement))}]
    return await _bundle(b, b.bundle(b.envelope(statement) | {"signatures": signatures}), digest)


@case(Verdict.INVALID)
async def envelope_naming_another_key(b: Bench) -> str:
    """A good signature whose keyid is a stranger's."""
    digest = await b.image()
    envelope = b.envelope(sign_statement(digest))
    envelope["signatures"][0]["keyid"] = b.signers["stranger"].public.key_id
    return await _bundle(b, b.bundle(envelope), digest)


@case(Verdict.TRUSTED)
async def envelope_naming_our_key(b: Bench) -> str:
    """A good signature whose keyid is our key's."""
    digest = await b.image()
    envelope = b.envelope(sign_statement(digest))
    envelope["signatures"][0]["keyid"] = b.trusted.public.key_id
    return await _bundle(b, b.bundle(envelope), digest)


@case(
    Verdict.INVALID, stricter="base64 in a bundle is standard and padded; protobuf's reader also takes the URL alphabet"
)
async def envelope_in_the_url_alphabet(b: Bench) -> str:
    """The envelope's payload in base64's URL alphabet without padding."""
    digest = await b.image()
    statement = sign_statement(digest, predicate={"n": "~~~???"})
    envelope = b.envelope(statement)
    text = str(envelope["payload"]).replace("+", "-").replace("/", "_").rstrip("=")
    return await _bundle(b, b.bundle(envelope | {"payload": text}), digest)


# The bundle


async def _changed(b: Bench, **over: object) -> str:
    digest = await b.image()
    return await _bundle(b, b.bundle(b.envelope(sign_statement(digest))) | over, digest)


@case(Verdict.INVALID)
async def bundle_of_version_0_2(b: Bench) -> str:
    """A good bundle that calls itself v0.2."""
    return await _changed(b, mediaType="application/vnd.dev.sigstore.bundle+json;version=0.2")


@case(Verdict.INVALID)
async def bundle_of_version_0_4(b: Bench) -> str:
    """A good bundle that calls itself v0.4."""
    return await _changed(b, mediaType="application/vnd.dev.sigstore.bundle.v0.4+json")


@case(Verdict.INVALID)
async def bundle_with_an_unknown_member(b: Bench) -> str:
    """A good bundle with a member that no bundle has."""
    return await _changed(b, more=1)


async def _logged(b: Bench, change: str = "") -> str:
    """A good bundle with an entry of a transparency log as Rekor writes it, changed in one place."""
    digest = await b.image()
    envelope = b.envelope(sign_statement(digest))
    hashed = {"algorithm": "sha256", "value": "ab" * 32}
    spec: dict[str, object] = {
        "envelopeHash": hashed,
        "payloadHash": hashed,
        "signatures": [{"signature": envelope["signatures"][0]["sig"], "verifier": b64(b.trusted.public.pem.encode())}],
    }
    if change == "no hash":
        spec["payloadHash"] = {"algorithm": "sha256", "value": "ab"}
    body = {"apiVersion": "0.0.1", "kind": "dsse", "spec": {} if change == "no spec" else spec}
    proof = {
        "logIndex": "1",
        "rootHash": b64(b"r" * 32),
        "treeSize": "2",
        "hashes": [b64(b"h" * 32)],
        "checkpoint": {"envelope": "" if change == "no checkpoint" else "rekor\n2\ncg==\n"},
    }
    entry = {
        "logIndex": "1",
        "logId": {"keyId": b64(b"k" * 32)},
        "kindVersion": {"kind": "dsse", "version": "0.0.2" if change == "version" else "0.0.1"},
        "integratedTime": "1700000000",
        "inclusionPromise": {"signedEntryTimestamp": b64(b"s")},
        "inclusionProof": proof,
        "canonicalizedBody": b64(compact(body)),
    }
    if change.startswith("second"):
        entry |= {"kindVersion": {"kind": "hashedrekord", "version": "0.0.2"}, "integratedTime": "0"}
        del entry["inclusionPromise"]
        verifier = {
            "publicKey": {"rawBytes": b64(b64decode("".join(b.trusted.public.pem.splitlines()[1:-1])))},
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        }
        signed = {"content": envelope["signatures"][0]["sig"], "verifier": verifier}
        record = {"data": {"algorithm": "SHA2_256", "digest": b64(b"d" * 32)}, "signature": signed}
        if change == "second without a verifier":
            del signed["verifier"]
        body = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": record}}
        entry["canonicalizedBody"] = b64(compact(body))
    if change == "no number":
        entry["logIndex"] = "one"
    if change == "no proof":
        del entry["inclusionProof"]
    material = {
        "publicKey": {"hint": b.trusted.public.hint},
        "tlogEntries": [{}] if change == "empty" else [entry],
    }
    return await _bundle(b, b.bundle(envelope, verificationMaterial=material), digest)


@case(Verdict.TRUSTED)
async def bundle_with_a_log_entry(b: Bench) -> str:
    """A good bundle with an entry of a transparency log, which nobody asked to check."""
    return await _logged(b)


@case(Verdict.TRUSTED)
async def bundle_with_an_entry_of_the_second_log(b: Bench) -> str:
    """A good bundle with an entry as the second Rekor writes it: hashedrekord 0.0.2, without a time of its own."""
    return await _logged(b, "second")


def _broken_entry(change: str) -> None:
    async def build(b: Bench) -> str:
        return await _logged(b, change)

    build.__name__ = f"log_entry_{change.replace(' ', '_')}"
    build.__doc__ = f"A good bundle whose transparency log entry is broken: {change}."
    stricter = "a log entry has the form that Rekor gives it; cosign is loose here" if change in LOOSE else ""
    case(Verdict.INVALID, stricter=stricter)(build)


LOOSE = ("no hash", "version", "second without a verifier")
for _change in (
    "empty",
    "no proof",
    "no checkpoint",
    "no spec",
    "no hash",
    "no number",
    "version",
    "second without a verifier",
):
    _broken_entry(_change)


@case(Verdict.INVALID)
async def bundle_with_a_member_twice(b: Bench) -> str:
    """A good bundle with its envelope twice."""
    digest = await b.image()
    bundle = b.bundle(b.envelope(sign_statement(digest)))
    twice = compact(bundle)[:-1] + b',"dsseEnvelope":' + compact(bundle["dsseEnvelope"]) + b"}"
    return await _bundle(b, twice, digest)


@case(Verdict.INVALID, stricter="members have their JSON names; protobuf's reader also takes snake_case")
async def bundle_in_snake_case(b: Bench) -> str:
    """A good bundle whose members are named in snake_case."""
    digest = await b.image()
    text = compact(b.bundle(b.envelope(sign_statement(digest)))).decode()
    for name, other in (("mediaType", "media_type"), ("dsseEnvelope", "dsse_envelope")):
        text = text.replace(f'"{name}"', f'"{other}"')
    return await _bundle(b, text.encode(), digest)


@case(Verdict.INVALID, stricter="a bundle is JSON as it is stored; cosign unpacks a compressed layer")
async def bundle_compressed(b: Bench) -> str:
    """A good bundle, compressed with gzip."""
    digest = await b.image()
    return await _bundle(b, gzip.compress(compact(b.bundle(b.envelope(sign_statement(digest))))), digest)


@case(Verdict.INVALID)
async def bundle_that_is_garbage(b: Bench) -> str:
    """Garbage with the media type of a bundle."""
    return await _bundle(b, b"garbage", await b.image())


@case(Verdict.INVALID)
async def bundle_beside_another_layer(b: Bench) -> str:
    """A good bundle in a manifest of two layers."""
    digest = await b.image()
    good = await b.blob(
        compact(b.bundle(b.envelope(sign_statement(digest)))), "application/vnd.dev.sigstore.bundle.v0.3+json"
    )
    return await _bundle(b, b"{}", digest, layers=[good, await b.blob(b"{}", "text/plain")])


@case(Verdict.INVALID)
async def bundle_with_a_message_signature(b: Bench) -> str:
    """A good signature over the image's manifest, as a message signature."""
    digest = await b.image()
    manifest = await b.client.manifest(b.repository, digest)
    message = {
        "messageDigest": {"algorithm": "SHA2_256", "digest": b64(bytes.fromhex(digest[7:]))},
        "signature": b64(b.trusted.sign(manifest.body)),
    }
    bundle = b.bundle(None, messageSignature=message)
    del bundle["dsseEnvelope"]
    return await _bundle(b, bundle, digest)


@case(Verdict.UNCHECKED)
async def bundle_keyless(b: Bench) -> str:
    """A bundle by a certificate."""
    from tests.audit.hostile.simple_cases import _certificate

    digest = await b.image()
    stranger = b.signers["stranger"]
    pem = _certificate(stranger, 30)
    raw = "".join(line for line in pem.splitlines() if not line.startswith("-"))
    envelope = b.envelope(sign_statement(digest), "stranger")
    bundle = b.bundle(envelope, verificationMaterial={"certificate": {"rawBytes": raw}})
    return await _bundle(b, bundle, digest)


@case(Verdict.UNKNOWN_KEY)
async def bundle_signed_with_another_hash(b: Bench) -> str:
    """The trusted key with SHA-384, and no hint."""
    from harborweb.verification.bundle import pae

    digest = await b.image()
    statement = sign_statement(digest)
    signature = b.trusted.sign(pae("application/vnd.in-toto+json", statement), hashes.SHA384())
    envelope = b.envelope(statement) | {"signatures": [{"sig": b64(signature)}]}
    return await _bundle(b, b.bundle(envelope, ""), digest)


@case(Verdict.UNSIGNED, stricter=ONE_PLATFORM)
async def index_of_bundles_as_referrer(b: Bench) -> str:
    """An index among the referrers that lists a good bundle."""
    digest = await b.image()
    good = await b.bundled(digest)
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [good]}
    await b.refer(digest, [await b.put("nested", document, OCI_INDEX)])
    return digest
