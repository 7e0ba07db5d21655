"""Format 2 attestations: DSSE envelopes at the `.att` tag. They are listed, never signatures."""

from collections.abc import Sequence

from harborweb.verification.bundle import Envelope, attests, read_statement
from harborweb.verification.keys import PublicKey
from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed, decode_base64, fields, load_json
from harborweb.verification.verdict import Finding, Step, Verdict, digest_of

MAX_SIGNATURES = 16


def judge_attestation(data: bytes, digest: str, keys: Sequence[PublicKey], place: str) -> Finding:
    """Describe one layer of the `.att` manifest of `digest`; the verdict always is attestation_only.

    `key` is set where a trusted key signed an in-toto statement about this digest. Never raises.
    """
    try:
        parts = {"payload": str, "payloadType": str, "signatures": list}
        document = fields(load_json(data, "The envelope", folded=True), "The envelope", parts)
        body = decode_base64(document["payload"], "The envelope's payload")
        signatures = [
            fields(item, "The envelope's signature", {"sig": str, "keyid": str})
            for item in (document["signatures"] or [])[:MAX_SIGNATURES]
        ]
        envelopes = [
            Envelope(body, document["payloadType"] or "", decode_base64(item["sig"], "The envelope's signature"))
            for item in signatures
        ]
        if not envelopes:
            raise Malformed(_("The envelope holds no signature."))
        statement = read_statement(envelopes[0])
    except Malformed as error:
        reason = _("Only an attestation that cannot be read, no signature: %(why)s", why=error.reason)
        return Finding(place, Verdict.ATTESTATION_ONLY, reason, payload=data, step=Step.FORM, hashed=digest_of(data))
    made = [
        (key, envelope) for envelope in envelopes for key in keys if key.verify(envelope.signature, envelope.signed)
    ]
    about = statement.about(digest)
    signer, envelope = made[0] if made and about is not None else (None, envelopes[0])
    return Finding(
        place, Verdict.ATTESTATION_ONLY, attests(statement.predicate_type, signer), "",
        signer.fingerprint if signer else "", about or {}, statement.predicate_type,
        envelope.signed, envelope.signature, step=Step.FORM, hashed=digest_of(data),
    )  # fmt: skip
