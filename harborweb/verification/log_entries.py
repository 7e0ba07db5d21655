"""The form of a transparency log's entries in a bundle.

With a key they prove nothing, and they are not verified here (nor by `cosign --insecure-ignore-tlog`). But
cosign refuses a bundle with an entry that it cannot read (sigstore-go `tlog.ParseTransparencyLogEntry`), and
nothing may be trusted that cosign refuses for its form: so the kinds of entry that Rekor makes for a DSSE envelope
(`dsse` 0.0.1, and `hashedrekord` 0.0.2 by the second Rekor) are read as far, and any other kind is refused.
"""

import re
from typing import Any

from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed, Shape, decode_base64, fields, load_json

MAX_ENTRIES = 32  # sigstore-go's own bound
_WHAT = "A log entry of the bundle"
_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,17})")
_HASH = re.compile(r"[0-9a-f]{64}")
_SECOND = ("hashedrekord", "0.0.2")  # what the second Rekor makes, of envelopes too
_KINDS = {("dsse", "0.0.1"), _SECOND}
_ALGORITHMS = {"SHA2_256", "SHA2_384", "SHA2_512"}
_ENTRY: Shape = {
    "logIndex": (str, int),
    "logId": dict,
    "kindVersion": dict,
    "integratedTime": (str, int),
    "inclusionPromise": dict,
    "inclusionProof": dict,
    "canonicalizedBody": str,
}
_PROOF: Shape = {"logIndex": (str, int), "rootHash": str, "treeSize": (str, int), "hashes": list, "checkpoint": dict}


def check_log_entries(entries: list[Any]) -> None:
    """Return when every entry has a form that cosign reads; raises Malformed with the reason."""
    if len(entries) > MAX_ENTRIES:
        raise Malformed(_("The bundle holds %(n)s log entries, more than %(m)s.", n=len(entries), m=MAX_ENTRIES))
    for item in entries:
        entry = fields(item, _WHAT, _ENTRY, only=True)
        decode_base64(
            fields(entry["logId"], "The log id of a log entry", {"keyId": str}, only=True)["keyId"], "A log's keyId"
        )
        promise = fields(entry["inclusionPromise"] or {}, _WHAT, {"signedEntryTimestamp": str}, only=True)
        if promise["signedEntryTimestamp"]:
            decode_base64(promise["signedEntryTimestamp"], "A log entry's timestamp")
        _check_proof(entry["inclusionProof"])
        _numbers(entry, "logIndex", "integratedTime")
        kind = fields(entry["kindVersion"], "The kind of a log entry", {"kind": str, "version": str}, only=True)
        _check_body(decode_base64(entry["canonicalizedBody"], "A log entry's body"), (kind["kind"], kind["version"]))


def _check_proof(value: Any) -> None:
    proof = fields(value, "The inclusion proof of a log entry", _PROOF, only=True)
    _numbers(proof, "logIndex", "treeSize")
    for text in [proof["rootHash"], *(proof["hashes"] or [])]:
        decode_base64(text, "A hash of a log's proof")
    if not fields(proof["checkpoint"], "A log's checkpoint", {"envelope": str}, only=True)["envelope"]:
        raise Malformed(_("The checkpoint of a log entry is empty."))


def _numbers(holder: dict[str, Any], *names: str) -> None:
    """Refuse what is no natural number of 64 bits; protobuf's JSON writes them as text."""
    for name in names:
        if holder[name] is not None and not _NUMBER.fullmatch(str(holder[name])):
            raise Malformed(_("%(what)s has a %(name)s that is no number.", what=_WHAT, name=name))


def _check_body(body: bytes, kind: tuple[str | None, str | None]) -> None:
    what = "A log entry's body"
    parts: Shape = {"apiVersion": str, "kind": str, "spec": dict}
    document = fields(load_json(body, what, folded=True), what, parts, only=True)
    if (document["kind"], document["apiVersion"]) != kind or kind not in _KINDS:
        raise Malformed(_("A log entry is of the kind %(kind)s, which is not read.", kind=f"{kind[0]} {kind[1]}"))
    if kind == _SECOND:
        _check_hashed(document["spec"])
        return
    shape: Shape = {"envelopeHash": dict, "payloadHash": dict, "signatures": list}
    spec = fields(document["spec"], what, shape, only=True)
    for name in ("envelopeHash", "payloadHash"):
        value = fields(spec[name], what, {"algorithm": str, "value": str}, only=True)
        if value["algorithm"] != "sha256" or not _HASH.fullmatch(value["value"] or ""):
            raise Malformed(_("%(what)s has a %(name)s that is none.", what=what, name=name))
    if not spec["signatures"]:
        raise Malformed(_("%(what)s names no signature.", what=what))
    for signature in spec["signatures"]:
        one = fields(signature, what, {"signature": str, "verifier": str}, only=True)
        decode_base64(one["signature"], what)
        decode_base64(one["verifier"], what)


def _check_hashed(value: Any) -> None:
    """The entry of Rekor 2 (rekor-tiles `HashedRekordLogEntryV002`): a digest, a signature, and whose it is."""
    what = "A log entry's body"
    spec = fields(value, what, {"hashedRekordV002": dict}, only=True)
    entry = fields(spec["hashedRekordV002"], what, {"data": dict, "signature": dict}, only=True)
    data = fields(entry["data"], what, {"algorithm": str, "digest": str}, only=True)
    signature = fields(entry["signature"], what, {"content": str, "verifier": dict}, only=True)
    shape: Shape = {"publicKey": dict, "x509Certificate": dict, "keyDetails": str}
    verifier = fields(signature["verifier"], what, shape, only=True)
    signers = [one for one in (verifier["publicKey"], verifier["x509Certificate"]) if one is not None]
    if data["algorithm"] not in _ALGORITHMS or not data["digest"] or not signature["content"] or len(signers) != 1:
        raise Malformed(_("%(what)s has a %(name)s that is none.", what=what, name="hashedRekordV002"))
    raw = fields(signers[0], what, {"rawBytes": str}, only=True)["rawBytes"]
    for text in (data["digest"], signature["content"], raw):
        decode_base64(text, what)
