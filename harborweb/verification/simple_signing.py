"""Format 2: a simple-signing payload in a layer, its signature in the layer's annotation.

What cosign 2.5 and 3.1 check (`verifyOCISignature`, `SimpleClaimVerifier`): the signature over the layer's
bytes, the digest in the payload, the annotations asked for. They do not check docker-reference, and neither
do we: an image that was copied with its signature stays signed. We do check `critical.type`, which cosign
does not: the same key may sign simple-signing payloads for other purposes. A signature by a certificate is verified
with the log's promise that lies beside it (`promise`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from harborweb.verification.certificate import Identity, Leaf, read_leaf
from harborweb.verification.keyless import NOBODY, KeylessTrust, judge_promised
from harborweb.verification.keys import PublicKey, has_sound_form
from harborweb.verification.sentences import Sentence
from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed, Shape, decode_base64, fields, load_json
from harborweb.verification.verdict import SIMPLE_SIGNING, Finding, Step, Verdict, digest_of

MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
PAYLOAD_TYPE = "cosign container image signature"
SIGNATURE = "dev.cosignproject.cosign/signature"
CERTIFICATE = "dev.sigstore.cosign/certificate"
CHAIN = "dev.sigstore.cosign/chain"
LOG_BUNDLE = "dev.sigstore.cosign/bundle"
TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp"

_CERTIFICATES = re.compile(r"\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+")


@dataclass(frozen=True)
class Claims:
    """What a payload says: the digest it names, and its `optional` annotations."""

    digest: str
    annotations: Mapping[str, Any]


def judge_layer(
    payload: bytes,
    layer: Mapping[str, str],
    digest: str,
    keys: Sequence[PublicKey],
    required: Mapping[str, str],
    place: str,
    keyless: KeylessTrust = NOBODY,
) -> Finding:
    """Judge one layer of a signature manifest.

    `payload` are the layer's bytes (hashed by the caller), `layer` its annotations, `digest` the artifact's,
    `required` the annotations a signature must carry, `keyless` who is trusted that signs by certificate. Never
    raises; the rules are in `verdict`.
    """
    signature = b""
    annotations: Mapping[str, Any] = {}
    leaf: Leaf | None = None

    def found(verdict: Verdict, reason: Sentence, key: str = "", step: str = "") -> Finding:
        named = leaf.identity if leaf else Identity()
        return Finding(
            place, verdict, reason, SIMPLE_SIGNING, key, annotations, "", payload, signature,
            subject=named.subject, issuer=named.issuer, step=step, hashed=digest_of(payload),
        )  # fmt: skip

    try:
        signature = decode_base64(layer.get(SIGNATURE), "The signature annotation")
        signer = next((key for key in keys if key.verify(signature, payload)), None)
        leaf = _leaf(layer) if layer.get(CERTIFICATE) and signer is None else None
        claims = read_payload(payload)
        annotations = claims.annotations
        _check_companions(layer, by_key=signer is not None)
    except Malformed as error:
        return found(Verdict.INVALID, error.reason, step=Step.FORM)
    fingerprint = signer.fingerprint if signer else ""
    if claims.digest != digest:
        return found(Verdict.INVALID, other_digest(claims.digest, signer), fingerprint, Step.DIGEST)
    if signer is not None:
        reason = signed_by(signer)
    elif leaf is not None:
        judged = judge_promised(layer.get(LOG_BUNDLE) or "", leaf, signature, payload, keyless)
        if judged.allowed is None:
            return found(judged.verdict, judged.reason, step=Step.KEY)
        fingerprint, reason = judged.allowed.fingerprint, judged.reason
    else:
        return found(*_of_a_stranger(signature, layer, keys), step=Step.KEY)
    if lack := lacking(required, annotations):
        return found(Verdict.INVALID, lack, fingerprint, Step.ANNOTATIONS)
    return found(Verdict.TRUSTED, reason, fingerprint)


def plain_payload(reference: str, digest: str) -> bytes:
    """The bytes that cosign signs for `digest` at `reference` (host/repository) where nothing is optional.

    cosign 2.5 and 3.1 write them compact, in this order; of these names no character needs an escape.
    """
    return (
        f'{{"critical":{{"identity":{{"docker-reference":"{reference}"}},"image":{{"docker-manifest-digest":"{digest}"}},'
        f'"type":"{PAYLOAD_TYPE}"}},"optional":null}}'
    ).encode()


def read_payload(payload: bytes) -> Claims:
    """What a simple-signing payload claims; raises Malformed where Go's decoder would refuse, and where
    it would take one of two meanings."""
    what = "The payload"
    document = fields(load_json(payload, what, folded=True), what, {"critical": dict, "optional": dict})
    parts = {"identity": dict, "image": dict, "type": str}
    critical = fields(document["critical"], "The payload's critical part", parts)
    fields(critical["identity"] or {}, "The payload's identity", {"docker-reference": str})
    image = fields(critical["image"] or {}, "The payload's image", {"docker-manifest-digest": str})
    if critical["type"] != PAYLOAD_TYPE:
        raise Malformed(_("The payload's type is not “%(type)s”.", type=PAYLOAD_TYPE))
    return Claims(image["docker-manifest-digest"] or "", document["optional"] or {})


def _of_a_stranger(signature: bytes, layer: Mapping[str, str], keys: Sequence[PublicKey]) -> tuple[Verdict, Sentence]:
    """The finding for claims about this digest that no trusted key signed, and no certificate that can be read."""
    if not has_sound_form(signature):
        return Verdict.INVALID, _(
            "What poses as the signature is none: no supported kind of key makes one of this form."
        )
    if layer.get(CERTIFICATE):
        return Verdict.UNCHECKED, _("A keyless signature whose certificate is of a kind that is not read.")
    return Verdict.UNKNOWN_KEY, by_no_key(keys)


def _check_companions(layer: Mapping[str, str], *, by_key: bool) -> None:
    """Refuse annotations beside the signature that cosign fails on even when it is given a key.

    cosign copies certificate, chain, log bundle and timestamp of a layer first and refuses the layer where
    one of them cannot be read; a certificate beside a key's signature (`by_key`) also has to be valid now. That of
    a keyless signature is valid for ten minutes and has expired whenever somebody looks.
    """
    for name in (CERTIFICATE, CHAIN):
        if not (text := layer.get(name)):
            continue
        try:
            if not _CERTIFICATES.fullmatch(text):
                raise ValueError(name)
            leaf = x509.load_pem_x509_certificates(text.encode())[0]
            valid_now = leaf.not_valid_before_utc <= datetime.now(UTC) <= leaf.not_valid_after_utc
            if by_key and name == CERTIFICATE and not valid_now:
                raise Malformed(_("The signature carries a certificate that is not valid now."))
        except (ValueError, x509.InvalidVersion) as error:
            raise Malformed(_("The annotation %(name)s holds no certificate.", name=name)) from error
    shapes: dict[str, Shape] = {
        LOG_BUNDLE: {"SignedEntryTimestamp": str, "Payload": dict},
        TIMESTAMP: {"SignedRFC3161Timestamp": str},
    }
    for name, shape in shapes.items():
        if text := layer.get(name):
            companion = fields(load_json(text.encode(), name, folded=True), name, shape, only=True)
            encoded = companion.get("SignedEntryTimestamp") or companion.get("SignedRFC3161Timestamp")
            if encoded:
                decode_base64(encoded, name)
            entry = {"body": object, "integratedTime": int, "logIndex": int, "logID": str}
            fields(companion.get("Payload") or {}, name, entry, only=True)


def signed_by(key: PublicKey) -> Sentence:
    """The sentence of a trusted finding."""
    if key.name:
        return _("Signed by the trusted key %(name)s.", name=key.name)
    return _("Signed by the trusted key %(key)s.", key=key.fingerprint[:16])


def by_no_key(keys: Sequence[PublicKey]) -> Sentence:
    """The sentence of a sound signature that no trusted key made."""
    if not keys:
        return _("There is a signature in sound form, but no key is trusted here.")
    return _("There is a signature in sound form, but no trusted key made it (%(n)s tried).", n=len(keys))


def other_digest(named: str, signer: PublicKey | None) -> Sentence:
    """The sentence of a signature that names another digest."""
    if not named:
        return _("The signature names no digest.")
    if signer is None:
        return _("The signature names another digest, %(digest)s.", digest=named)
    return _(
        "The signature names another digest, %(digest)s; a trusted key made it, and it was copied here.", digest=named
    )


def lacking(required: Mapping[str, str], annotations: Mapping[str, Any]) -> Sentence | None:
    """The sentence for the first required annotation that is not signed with just this value, or None."""
    for name, value in required.items():
        if annotations.get(name) != value:
            return _(
                "A trusted key signed this digest, but without the annotation %(name)s=%(value)s.",
                name=name,
                value=value,
            )
    return None


def _leaf(layer: Mapping[str, str]) -> Leaf | None:
    """The certificate beside a signature, or None where it is none of a kind that is used."""
    text = layer.get(CERTIFICATE) or ""
    if not _CERTIFICATES.fullmatch(text):
        return None
    try:
        first = x509.load_pem_x509_certificates(text.encode())[0]
        return read_leaf(first.public_bytes(serialization.Encoding.DER))
    except (ValueError, x509.InvalidVersion, Malformed):
        return None
