"""Format 3: a sigstore bundle (v0.3) with a DSSE envelope around an in-toto statement.

What cosign 3.1 checks with a key (`sigstore-go` `verify.Verify`, `IntotoSubjectClaimVerifier`): exactly one
signature over the PAE, every subject digest hexadecimal, one subject naming the image, the annotations in
that first subject. It does not look at predicateType; we do: a signature is sign/v1, anything else is an
attestation. The bundle is read as strictly as protobuf's JSON: unknown members are refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harborweb.verification.certificate import Identity, identity_in, read_leaf
from harborweb.verification.keyless import NOBODY, KeylessTrust, judge_keyless, unverified
from harborweb.verification.keys import PublicKey, has_sound_form
from harborweb.verification.log_entries import check_log_entries
from harborweb.verification.sentences import Sentence
from harborweb.verification.sentences import sentence as _
from harborweb.verification.simple_signing import by_no_key, lacking, other_digest, signed_by
from harborweb.verification.strict import Malformed, decode_base64, fields, load_json
from harborweb.verification.verdict import BUNDLE, Finding, Step, Verdict, digest_of

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MEDIA_TYPE_PREFIX = "application/vnd.dev.sigstore.bundle"
MEDIA_TYPES = frozenset({MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3"})
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
MAX_SUBJECTS = 1024  # sigstore-go's own bounds
MAX_DIGESTS = 32
MAX_HINT = 300  # of what is kept of a hint; as long as its bundle it would be held for every artifact

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_TOP = {"mediaType": str, "verificationMaterial": dict, "dsseEnvelope": dict, "messageSignature": dict}
_MATERIAL = {
    "publicKey": dict,
    "certificate": dict,
    "x509CertificateChain": dict,
    "tlogEntries": list,
    "timestampVerificationData": dict,
}
_STATEMENT = {"_type": str, "subject": list, "predicateType": str, "predicate": dict}
_SUBJECT = {
    "name": str,
    "uri": str,
    "digest": dict,
    "content": str,
    "downloadLocation": str,
    "mediaType": str,
    "annotations": dict,
}


@dataclass(frozen=True)
class Envelope:
    """What a bundle carries: the DSSE body, its signature, and who is said to have made it."""

    body: bytes
    payload_type: str
    signature: bytes
    key_id: str = ""
    hint: str = ""
    certificate: bytes = b""  # DER; then no key is named

    @property
    def has_certificate(self) -> bool:
        """Whether it is a keyless signature."""
        return bool(self.certificate)

    @property
    def signed(self) -> bytes:
        """The bytes under the signature: DSSE's pre-authentication encoding."""
        return pae(self.payload_type, self.body)


@dataclass(frozen=True)
class Statement:
    """An in-toto statement: (digest algorithms, annotations) of each subject, and the predicate's type."""

    type: str
    predicate_type: str
    subjects: tuple[tuple[Mapping[str, str], Mapping[str, Any]], ...]

    def about(self, digest: str) -> Mapping[str, Any] | None:
        """The annotations of the first subject that is `digest`, or None where there is none."""
        for digests, annotations in self.subjects:
            if f"sha256:{digests.get('sha256')}" == digest:
                return annotations
        return None

    def first(self) -> str:
        """The first digest named, for a sentence."""
        return next((f"sha256:{digests['sha256']}" for digests, _a in self.subjects if "sha256" in digests), "")


def pae(payload_type: str, body: bytes) -> bytes:
    """DSSE v1's pre-authentication encoding of `body`."""
    name = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(body), body)


def judge_bundle(
    bundle: bytes,
    digest: str,
    keys: Sequence[PublicKey],
    required: Mapping[str, str],
    place: str,
    keyless: KeylessTrust = NOBODY,
) -> Finding:
    """Judge one sigstore bundle found among the referrers of `digest`.

    `bundle` are the layer's bytes (hashed by the caller), `required` the annotations a signature must carry,
    `keyless` who is trusted that signs by certificate. Never raises; the rules are in `verdict`.
    """
    try:
        envelope = read_bundle(bundle)
    except Malformed as error:
        return Finding(
            place, Verdict.INVALID, error.reason, BUNDLE, payload=bundle, step=Step.FORM, hashed=digest_of(bundle)
        )
    identity = identity_in(envelope.certificate) if envelope.has_certificate else Identity()
    signer = None
    if not envelope.has_certificate:
        signer = next((key for key in keys if _made(key, envelope)), None)
    found = Finding(
        place, Verdict.INVALID, "", BUNDLE, signer.fingerprint if signer else "", payload=envelope.signed,
        signature=envelope.signature, subject=identity.subject, issuer=identity.issuer, step=Step.FORM,
        hashed=digest_of(bundle), hint=envelope.hint[:MAX_HINT],
    )  # fmt: skip
    try:
        statement = read_statement(envelope)
        annotations = statement.about(digest)
        found = replace(found, annotations=annotations or {}, predicate_type=statement.predicate_type)
        verdict, reason, step = _weigh(envelope, statement, annotations, signer, keys, required)
        if verdict == Verdict.UNCHECKED and envelope.has_certificate:
            return _by_certificate(bundle, envelope, found, required, keyless)
    except Malformed as error:
        return replace(found, reason=error.reason, annotations={}, predicate_type="")
    return replace(found, verdict=verdict, reason=reason, step=step)


def _by_certificate(
    bundle: bytes, envelope: Envelope, found: Finding, required: Mapping[str, str], keyless: KeylessTrust
) -> Finding:
    """The finding for a signature of this digest by a certificate; raises Malformed where that cannot be read."""
    judged = judge_keyless(bundle, read_leaf(envelope.certificate), envelope.signature, envelope.signed, keyless)
    if judged.allowed is None:
        return replace(found, verdict=judged.verdict, reason=judged.reason, step=Step.KEY)
    found = replace(found, key=judged.allowed.fingerprint)
    if reason := lacking(required, found.annotations):
        return replace(found, reason=reason, step=Step.ANNOTATIONS)
    return replace(found, verdict=judged.verdict, reason=judged.reason, step="")


def _made(key: PublicKey, envelope: Envelope) -> bool:
    """Whether `key` signed; a keyid that names another key makes cosign skip the signature, so us too."""
    return envelope.key_id in {"", key.key_id} and key.verify(envelope.signature, envelope.signed)


def _weigh(
    envelope: Envelope,
    statement: Statement,
    annotations: Mapping[str, Any] | None,
    signer: PublicKey | None,
    keys: Sequence[PublicKey],
    required: Mapping[str, str],
) -> tuple[Verdict, Sentence, str]:
    """The rules for a bundle in sound form; the step that decided against it comes with the reason."""
    is_signature = statement.predicate_type == SIGN_PREDICATE
    claimed = next((key for key in keys if key.hint == envelope.hint), None)
    if signer is None and not envelope.has_certificate and claimed is not None:
        reason = _(
            "The bundle says it is by the trusted key %(key)s, but that key did not make it.",
            key=claimed.name or claimed.fingerprint[:16],
        )
        return Verdict.INVALID, reason, Step.KEY
    if annotations is None:
        return Verdict.INVALID, other_digest(statement.first(), signer), Step.DIGEST
    if not is_signature:
        return Verdict.ATTESTATION_ONLY, attests(statement.predicate_type, signer), Step.FORM
    if statement.type != STATEMENT_TYPE:
        reason = _("The statement is of the type %(type)s, not in-toto v1.", type=statement.type)
        return Verdict.INVALID, reason, Step.FORM
    if envelope.has_certificate:
        return Verdict.UNCHECKED, unverified(Identity()), Step.KEY  # until `_by_certificate` has seen to it
    if signer is None:
        if not has_sound_form(envelope.signature):
            reason = _("What poses as the signature is none: no supported kind of key makes one of this form.")
            return Verdict.INVALID, reason, Step.KEY
        return Verdict.UNKNOWN_KEY, by_no_key(keys), Step.KEY
    if lack := lacking(required, annotations):
        return Verdict.INVALID, lack, Step.ANNOTATIONS
    return Verdict.TRUSTED, signed_by(signer), ""


def attests(predicate_type: str, signer: PublicKey | None) -> Sentence:
    """The sentence of an attestation."""
    if signer is None:
        return _("Only an attestation (%(type)s), by no trusted key, no signature.", type=predicate_type)
    return _("Only an attestation (%(type)s) by a trusted key, no signature.", type=predicate_type)


def read_bundle(data: bytes) -> Envelope:
    """The envelope in a v0.3 bundle; raises Malformed with the reason."""
    bundle = fields(load_json(data, "The bundle"), "The bundle", _TOP, only=True)
    if bundle["mediaType"] not in MEDIA_TYPES:
        raise Malformed(_("The bundle is of the type %(type)s, not v0.3.", type=bundle["mediaType"]))
    material = fields(bundle["verificationMaterial"], "The bundle's verificationMaterial", _MATERIAL, only=True)
    check_log_entries(material["tlogEntries"] or [])
    stamps = {"rfc3161Timestamps": list}
    fields(material["timestampVerificationData"] or {}, "The bundle's timestamps", stamps, only=True)
    if bundle["messageSignature"] is not None:
        raise Malformed(_("The bundle holds a message signature; for an image only a DSSE envelope counts."))
    certificate = b""
    by = [name for name in ("publicKey", "certificate", "x509CertificateChain") if material[name] is not None]
    if by not in (["publicKey"], ["certificate"]):
        raise Malformed(_("The bundle does not name exactly one public key or certificate."))
    hint = fields(material["publicKey"] or {}, "The bundle's publicKey", {"hint": str}, only=True)["hint"]
    if material["certificate"] is not None:
        raw = fields(material["certificate"], "The bundle's certificate", {"rawBytes": str}, only=True)["rawBytes"]
        certificate = decode_base64(raw, "The bundle's certificate")
    parts = {"payload": str, "payloadType": str, "signatures": list}
    envelope = fields(bundle["dsseEnvelope"], "The envelope", parts, only=True)
    signatures = envelope["signatures"] or []
    if len(signatures) != 1:
        raise Malformed(_("The envelope holds %(n)s signatures, not one.", n=len(signatures)))
    signature = fields(signatures[0], "The envelope's signature", {"sig": str, "keyid": str}, only=True)
    return Envelope(
        body=decode_base64(envelope["payload"], "The envelope's payload"),
        payload_type=envelope["payloadType"] or "",
        signature=decode_base64(signature["sig"], "The envelope's signature"),
        key_id=signature["keyid"] or "",
        hint=hint or "",
        certificate=certificate,
    )


def read_statement(envelope: Envelope) -> Statement:
    """The in-toto statement in an envelope; raises Malformed with the reason."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Malformed(_("The envelope's payload is %(type)s, not in-toto.", type=envelope.payload_type))
    statement = fields(load_json(envelope.body, "The statement"), "The statement", _STATEMENT, only=True)
    subjects = statement["subject"] or []
    if len(subjects) > MAX_SUBJECTS:
        raise Malformed(_("The statement has %(n)s subjects, more than %(m)s.", n=len(subjects), m=MAX_SUBJECTS))
    return Statement(
        type=statement["_type"] or "",
        predicate_type=statement["predicateType"] or "",
        subjects=tuple(_subject(item) for item in subjects),
    )


def _subject(value: Any) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    subject = fields(value, "A subject of the statement", _SUBJECT, only=True)
    digests = subject["digest"] or {}
    if len(digests) > MAX_DIGESTS:
        raise Malformed(_("A subject has %(n)s digests, more than %(m)s.", n=len(digests), m=MAX_DIGESTS))
    if not all(isinstance(text, str) and _HEX.fullmatch(text) for text in digests.values()):
        raise Malformed(_("A subject of the statement has a digest that is not hexadecimal."))
    return digests, subject["annotations"] or {}
