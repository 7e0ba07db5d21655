"""A time stamp authority of the tests' own (RFC 3161): its stamps are made by openssl, at the time that it is."""

import datetime
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests import parts
from tests.verification.sigstore_double import b64

# The name of a section is asked for by -section; what stands there is what openssl-ts(1) says.
SETTINGS = """[stamps]
serial = serial
default_policy = 1.2.3.4
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
"""


def _new() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class TimeStamps:
    """One authority: a root, and a certificate for time stamps that it made."""

    root_key: ec.EllipticCurvePrivateKey = field(default_factory=_new)
    key: ec.EllipticCurvePrivateKey = field(default_factory=_new)

    def __post_init__(self) -> None:
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        self.begin, end = now - datetime.timedelta(days=300), now + datetime.timedelta(days=300)
        authority, leaf = (
            x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "stamps.test"),
                       x509.NameAttribute(NameOID.COMMON_NAME, name)])
            for name in ("root", "stamps")
        )  # fmt: skip

        def builder(name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
            return (
                x509.CertificateBuilder(authority, name, key, x509.random_serial_number(), self.begin, end)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), False)
            )

        self.root = (
            builder(authority, self.root_key.public_key())
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
            .sign(self.root_key, hashes.SHA256())
        )
        self.certificate = (
            builder(leaf, self.key.public_key())
            .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
            .sign(self.root_key, hashes.SHA256())
        )

    def stamp(self, data: bytes) -> bytes:
        """A TimeStampResp (RFC 3161, 2.4.2) over `data`, of now."""
        openssl = parts.program("openssl")
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem = serialization.Encoding.PEM
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            files = {
                "settings": SETTINGS.encode(), "serial": b"01\n", "data": data, "key": private,
                "signer": self.certificate.public_bytes(pem),
            }  # fmt: skip
            for one, content in files.items():
                (folder / one).write_bytes(content)
            query = ("-query", "-data", "data", "-sha256", "-cert", "-out", "query")
            reply = ("-reply", "-config", "settings", "-section", "stamps", "-queryfile", "query", "-signer", "signer",
                     "-inkey", "key", "-out", "reply")  # fmt: skip
            for command in (query, reply):
                subprocess.run([openssl, "ts", *command], cwd=folder, check=True, capture_output=True, timeout=30)
            return (folder / "reply").read_bytes()

    def trusted(self, *, until: datetime.datetime | None = None) -> dict[str, Any]:
        """What a trusted root says of it; `until` is when it went out of use."""
        period = {"start": f"{self.begin:%Y-%m-%dT%H:%M:%SZ}"}
        if until is not None:
            period["end"] = f"{until:%Y-%m-%dT%H:%M:%SZ}"
        chain = [
            {"rawBytes": b64(one.public_bytes(serialization.Encoding.DER))} for one in (self.certificate, self.root)
        ]
        return {
            "subject": {"organization": "stamps.test", "commonName": "stamps"}, "uri": "https://stamps.test",
            "certChain": {"certificates": chain}, "validFor": period,
        }  # fmt: skip
