"""A keyless signature in simple signing, as Sigstore's library takes it.

cosign leaves the certificate and what Rekor answered in annotations of the layer: the entry, its time, and the log's
promise, a signature over both (SET). No proof of inclusion is there. As cosign does, the promise is taken in its place;
all else is verified by the same code of the library as in a bundle: the certificate's chain at the time that the log
says, its stamp of the log of certificates, the signature, and that the entry is about just these.
"""

import base64
import re
from typing import TYPE_CHECKING

from cryptography import x509
from sigstore.models import Bundle, TransparencyLogEntry
from sigstore_models.rekor import v1 as rekor

from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed, decode_base64, fields, load_json

if TYPE_CHECKING:
    from sigstore._internal.trust import RekorKeyring

_WHAT = "The log's promise beside the signature"
_LOG = re.compile(r"[0-9a-f]{64}")
_NO_PROOF = {"log_index": "0", "tree_size": "1", "root_hash": "", "hashes": []}  # due by form, and looked at by nobody


class _Promised(TransparencyLogEntry):
    """An entry that the log has promised to hold."""

    def _validate(self) -> None:
        """No proof is due."""

    def _verify(self, keyring: "RekorKeyring") -> None:
        self._verify_set(keyring)


class Logged(Bundle):
    """A signature with its certificate and the entry that is promised."""

    def _verify(self) -> None:
        material = self._inner.verification_material
        if material.certificate is None:
            raise Malformed(_("%(what)s is missing or empty.", what="certificate"))
        self._signing_certificate = x509.load_der_x509_certificate(material.certificate.raw_bytes)
        self._log_entry = _Promised(material.tlog_entries[0])


def read_promise(text: str, certificate: x509.Certificate, signature: bytes) -> Bundle:
    """What the annotation `dev.sigstore.cosign/bundle` holds, with the certificate and the signature beside it.

    Raises Malformed, and what the library raises for values that are none. Of two ways to write a value only that of
    the promise is taken, as cosign goes by the text and the library by what it means.
    """
    outer = fields(load_json(text.encode(), _WHAT, folded=True), _WHAT, {"SignedEntryTimestamp": str, "Payload": dict})
    kinds: dict[str, type] = {"body": str, "integratedTime": int, "logIndex": int, "logID": str}
    entry = fields(outer["Payload"] or {}, _WHAT, kinds, only=True)
    body = decode_base64(entry["body"], _WHAT)
    if base64.b64encode(body).decode() != entry["body"] or not _LOG.fullmatch(entry["logID"] or ""):
        raise Malformed(_("%(what)s is not in the form that Rekor gives it.", what=_WHAT))
    document = fields(load_json(body, _WHAT, folded=True), _WHAT, {"kind": str, "apiVersion": str})
    inner = rekor.TransparencyLogEntry.model_validate({
        "log_index": str(entry["logIndex"]), "log_id": {"key_id": base64.b64encode(bytes.fromhex(entry["logID"]))},
        "kind_version": {"kind": document["kind"], "version": document["apiVersion"]},
        "integrated_time": str(entry["integratedTime"]),
        "inclusion_promise": {
            "signed_entry_timestamp": base64.b64encode(decode_base64(outer["SignedEntryTimestamp"], _WHAT))
        },
        "inclusion_proof": _NO_PROOF, "canonicalized_body": entry["body"],
    })  # fmt: skip
    return Logged.from_parts(certificate, signature, _Promised(inner))
