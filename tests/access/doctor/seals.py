"""Certificates of a small authority with one in between: good ones, and one for each way in which they go wrong."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
NAME = "registry.lab.test"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(PEM).decode()


@dataclass(frozen=True)
class Seal:
    """What a proxy is given: a file with the chain, and the key."""

    certificate: Path
    key: Path


def issue(name: str, by: Pair | None, *, ca: bool = False, san: str = "", days: tuple[int, int] = (-1, 60)) -> Pair:
    """A certificate for `name`, signed by `by` or by itself, valid between `days` from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(san)]), critical=False)
    return Pair(builder.sign(by.key if by else key, hashes.SHA256()), key)


class Seals:
    """An authority, one between, and the files they make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = issue("Lab Root CA", None, ca=True)
        self.between = issue("Lab Intermediate CA", self.root, ca=True)

    @property
    def ca_pem(self) -> str:
        return self.root.pem

    def write(self, name: str, leaf: Pair, *chain: Pair) -> Seal:
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_text("".join(one.pem for one in (leaf, *chain)))
        private = leaf.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key.write_bytes(private)
        return Seal(certificate, key)

    def good(self) -> Seal:
        return self.write("good", issue(NAME, self.between, san=NAME), self.between)

    def expired(self) -> Seal:
        return self.write("expired", issue(NAME, self.between, san=NAME, days=(-90, -3)), self.between)

    def incomplete(self) -> Seal:
        return self.write("incomplete", issue(NAME, self.between, san=NAME))

    def other_name(self) -> Seal:
        return self.write("other", issue("files.lab.test", self.between, san="files.lab.test"), self.between)

    def self_signed(self) -> Seal:
        return self.write("self", issue(NAME, None, san=NAME))

    def soon(self) -> Seal:
        return self.write("soon", issue(NAME, self.between, san=NAME, days=(-80, 5)), self.between)
