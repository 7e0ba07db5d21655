"""A Sigstore of the tests' own: an authority with Fulcio's extensions, a log of certificates, and a Rekor.

Everything is real but the names: certificates with a signed certificate time stamp, log entries with a promise, a
proof of inclusion and a checkpoint, and a trusted root that says so. Sigstore's library and cosign both verify it.
"""

import base64
import datetime
import hashlib
import json
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harborweb.verification.bundle import MEDIA_TYPE, PAYLOAD_TYPE, pae
from harborweb.verification.certificate import ISSUER, ISSUER_V2, OTHER_NAME
from harborweb.verification.simple_signing import CERTIFICATE, CHAIN, LOG_BUNDLE, SIGNATURE
from tests.audit.hostile.bench import sign_statement

SUBJECT = "builder@example.test"
ISSUED_BY = "https://login.example.test"
SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
MINUTES = 10


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def _der(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _new() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def utf8_string(text: str) -> bytes:
    """A DER UTF8String of less than 64 KiB."""
    data = text.encode()
    if len(data) < 0x80:
        return bytes([0x0C, len(data)]) + data
    size = len(data).to_bytes(2 if len(data) > 0xFF else 1, "big")
    return bytes([0x0C, 0x80 | len(size)]) + size + data


def subject_names(subject: str) -> list[x509.GeneralName]:
    """As Fulcio writes them: a mail address, a URI, or a name of another kind."""
    if "://" in subject:
        return [x509.UniformResourceIdentifier(subject)]
    if "@" in subject:
        return [x509.RFC822Name(subject)]
    return [x509.OtherName(OTHER_NAME, utf8_string(subject))]


@dataclass
class Sigstore:
    """One instance; `now` is the time of everything that it makes."""

    now: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).replace(microsecond=0))
    ca_key: ec.EllipticCurvePrivateKey = field(default_factory=_new)
    ct_key: ec.EllipticCurvePrivateKey = field(default_factory=_new)
    log_key: ec.EllipticCurvePrivateKey = field(default_factory=_new)

    def __post_init__(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sigstore.test"),
                          x509.NameAttribute(NameOID.COMMON_NAME, "sigstore")])  # fmt: skip
        begin, end = self.now - datetime.timedelta(days=300), self.now + datetime.timedelta(days=300)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.ca = (
            x509.CertificateBuilder(name, name, self.ca_key.public_key(), x509.random_serial_number(), begin, end)
            .add_extension(x509.BasicConstraints(True, 0), True)
            .add_extension(usage, True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.ca_key.public_key()), False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
            .sign(self.ca_key, hashes.SHA256())
        )

    @property
    def log_id(self) -> bytes:
        """The log's name: the hash of its key."""
        return hashlib.sha256(_der(self.log_key.public_key())).digest()

    # Certificates

    def certificate(
        self, key: ec.EllipticCurvePublicKey, subject: str = SUBJECT, issuer: str = ISSUED_BY, *,
        sct: bool = True, at: datetime.datetime | None = None, old_issuer: str | None = None,
        names: list[x509.GeneralName] | None = None,
    ) -> x509.Certificate:  # fmt: skip
        """A certificate of ten minutes from `at`, with a time stamp of the log of certificates."""
        begin = at or self.now
        builder = (
            x509.CertificateBuilder(
                self.ca.subject, x509.Name([]), key, x509.random_serial_number(), begin,
                begin + datetime.timedelta(minutes=MINUTES),
            )
            .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key()), False)
            .add_extension(x509.SubjectAlternativeName(names or subject_names(subject)), True)
            .add_extension(x509.UnrecognizedExtension(ISSUER, (old_issuer or issuer).encode()), False)
            .add_extension(x509.UnrecognizedExtension(ISSUER_V2, utf8_string(issuer)), False)
        )  # fmt: skip
        if not sct:
            return builder.sign(self.ca_key, hashes.SHA256())
        pre = builder.sign(self.ca_key, hashes.SHA256())  # what the log of certificates is shown
        stamps = x509.UnrecognizedExtension(SCT_LIST, self._sct(pre.tbs_certificate_bytes, begin))
        return builder.add_extension(stamps, False).sign(self.ca_key, hashes.SHA256())

    def _sct(self, tbs: bytes, at: datetime.datetime) -> bytes:
        """RFC 6962, 3.2 and 3.3: one stamp, in a list, in an OCTET STRING."""
        milliseconds = int(at.timestamp() * 1000)
        issuer = hashlib.sha256(_der(self.ca_key.public_key())).digest()
        entry = issuer + len(tbs).to_bytes(3, "big") + tbs
        signature = _sign(self.ct_key, struct.pack("!BBQH", 0, 0, milliseconds, 1) + entry + b"\0\0")
        log = hashlib.sha256(_der(self.ct_key.public_key())).digest()
        stamp = b"\0" + log + struct.pack("!Q", milliseconds) + b"\0\0" + bytes([4, 3])
        stamp += struct.pack("!H", len(signature)) + signature
        listed = struct.pack("!H", len(stamp)) + stamp
        listed = struct.pack("!H", len(listed)) + listed
        size = bytes([len(listed)]) if len(listed) < 0x80 else b"\x81" + bytes([len(listed)])
        return b"\x04" + size + listed

    # The log

    def entry(
        self, envelope: dict[str, Any], certificate: x509.Certificate, at: datetime.datetime | None = None,
        **over: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """The log's entry for an envelope: two leaves, ours the second; `over` replaces what is in it."""
        body = base64.b64decode(envelope["payload"])
        verifier = b64(certificate.public_bytes(serialization.Encoding.PEM))
        canonical = json.dumps(
            {
                "apiVersion": "0.0.1", "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": hashlib.sha256(b"as it was sent").hexdigest()},
                    "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(body).hexdigest()},
                    "signatures": [{"signature": one["sig"], "verifier": verifier} for one in envelope["signatures"]],
                },
            },
            separators=(",", ":"), sort_keys=True,
        ).encode()  # fmt: skip
        promised = self.promised(canonical, at)
        return self._in_the_log(canonical, "dsse", "0.0.1") | {
            "integratedTime": str(promised["Payload"]["integratedTime"]),
            "inclusionPromise": {"signedEntryTimestamp": promised["SignedEntryTimestamp"]},
        } | over  # fmt: skip

    def promised(self, body: bytes, at: datetime.datetime | None = None, **over: Any) -> dict[str, Any]:
        """What Rekor answers of an entry, and cosign keeps beside a signature; `over` is signed with it."""
        seconds = int((at or self.now + datetime.timedelta(seconds=30)).timestamp())
        entry = {"body": b64(body), "integratedTime": seconds, "logID": self.log_id.hex(), "logIndex": 1} | over
        canonical = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
        return {"SignedEntryTimestamp": b64(_sign(self.log_key, canonical)), "Payload": entry}

    def second_entry(self, envelope: dict[str, Any], certificate: x509.Certificate) -> dict[str, Any]:
        """The entry for an envelope as the second Rekor writes it: without a time, so without a promise of one."""
        body = base64.b64decode(envelope["payload"])
        raw = certificate.public_bytes(serialization.Encoding.DER)
        record = {
            "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(pae(PAYLOAD_TYPE, body)).digest())},
            "signature": {
                "content": envelope["signatures"][0]["sig"],
                "verifier": {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(raw)}},
            },
        }
        document = {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": {"hashedRekordV002": record}}
        canonical = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
        return self._in_the_log(canonical, "hashedrekord", "0.0.2")

    def _in_the_log(self, canonical: bytes, kind: str, version: str) -> dict[str, Any]:
        """That `canonical` is the second of two leaves, with the proof and the checkpoint."""
        before = hashlib.sha256(b"\0some other entry").digest()
        root = hashlib.sha256(b"\1" + before + hashlib.sha256(b"\0" + canonical).digest()).digest()
        note = f"log.test - 1\n2\n{b64(root)}\n"
        signed = self.log_id[:4] + _sign(self.log_key, note.encode())
        return {
            "logIndex": "1", "logId": {"keyId": b64(self.log_id)}, "kindVersion": {"kind": kind, "version": version},
            "inclusionProof": {
                "logIndex": "1", "rootHash": b64(root), "treeSize": "2", "hashes": [b64(before)],
                "checkpoint": {"envelope": f"{note}\n\u2014 log.test {b64(signed)}\n"},
            },
            "canonicalizedBody": b64(canonical),
        }  # fmt: skip

    # What a signer leaves

    def bundle(
        self, digest: str, *, statement: bytes | None = None, key: ec.EllipticCurvePrivateKey | None = None,
        certificate: x509.Certificate | None = None, entry: dict[str, Any] | None = None,
        logged: datetime.datetime | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """A keyless bundle that signs `digest`."""
        key = key or _new()
        certificate = certificate or self.certificate(key.public_key())
        body = sign_statement(digest) if statement is None else statement
        signature = _sign(key, pae(PAYLOAD_TYPE, body))
        envelope = {"payload": b64(body), "payloadType": PAYLOAD_TYPE, "signatures": [{"sig": b64(signature)}]}
        raw = certificate.public_bytes(serialization.Encoding.DER)
        return {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {
                "certificate": {"rawBytes": b64(raw)},
                "tlogEntries": [entry or self.entry(envelope, certificate, logged)],
            },
            "dsseEnvelope": envelope,
        }

    def simple(
        self, payload: bytes, *, key: ec.EllipticCurvePrivateKey | None = None,
        certificate: x509.Certificate | None = None, logged: datetime.datetime | None = None,
        body: bytes | None = None, **over: Any,
    ) -> dict[str, str]:  # fmt: skip
        """The annotations of a layer of simple signing that hold a keyless signature of `payload`.

        `body` is what is in the log instead of its entry, `over` what else the log's promise is about.
        """
        key = key or _new()
        certificate = certificate or self.certificate(key.public_key())
        signature = _sign(key, payload)
        promised = self.promised(body or self.hashed_entry(payload, signature, certificate), logged, **over)
        pem = serialization.Encoding.PEM
        return {
            SIGNATURE: b64(signature), CERTIFICATE: certificate.public_bytes(pem).decode(),
            CHAIN: self.ca.public_bytes(pem).decode(), LOG_BUNDLE: json.dumps(promised),
        }  # fmt: skip

    def hashed_entry(self, payload: bytes, signature: bytes, certificate: x509.Certificate) -> bytes:
        """The log's entry of a signature over a payload (hashedrekord 0.0.1)."""
        value = hashlib.sha256(payload).hexdigest()
        pem = b64(certificate.public_bytes(serialization.Encoding.PEM))
        spec = {
            "data": {"hash": {"algorithm": "sha256", "value": value}},
            "signature": {"content": b64(signature), "publicKey": {"content": pem}},
        }
        document = {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}
        return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()

    # What everybody else trusts

    def trusted_root(self, *, until: datetime.datetime | None = None, **over: Any) -> dict[str, Any]:
        """trusted_root.json; `until` is when the log went out of use."""
        begin = f"{self.now - datetime.timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}"
        period = {"start": begin, **({"end": f"{until:%Y-%m-%dT%H:%M:%SZ}"} if until else {})}
        authority = self.ca.public_bytes(serialization.Encoding.DER)
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [self._log("https://log.test", self.log_key, period)],
            "certificateAuthorities": [
                {
                    "subject": {"organization": "sigstore.test", "commonName": "sigstore"},
                    "uri": "https://fulcio.test", "certChain": {"certificates": [{"rawBytes": b64(authority)}]},
                    "validFor": {"start": begin},
                }
            ],
            "ctlogs": [self._log("https://ct.test", self.ct_key, {"start": begin})],
            "timestampAuthorities": [],
        } | over  # fmt: skip

    def _log(self, url: str, key: ec.EllipticCurvePrivateKey, period: dict[str, str]) -> dict[str, Any]:
        der = _der(key.public_key())
        return {
            "baseUrl": url, "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": b64(der), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": period},
            "logId": {"keyId": b64(hashlib.sha256(der).digest())},
        }  # fmt: skip
