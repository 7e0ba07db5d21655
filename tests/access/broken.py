"""Servers that are wrong in one way each, so that real clients say what they say then."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR = datetime.timedelta(hours=1)


def certificate(folder: Path, *, begins: float = -1, ends: float = 48, alternative: str = "127.0.0.1") -> str:
    """A certificate that vouches for itself, and its key, in `folder`; hours from now. Its PEM, to be trusted.

    `alternative` is the address or name it is for; without one only its common name says 127.0.0.1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now + begins * HOUR)
        .not_valid_after(now + ends * HOUR).add_extension(x509.BasicConstraints(True, None), critical=True)
    )  # fmt: skip
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(alternative)]), critical=False)
    made = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / "server.crt").write_bytes(made)
    (folder / "server.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made.decode()


def _alternative(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def context(folder: Path) -> ssl.SSLContext:
    """TLS with what `certificate` made."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(folder / "server.crt", folder / "server.key")
    return found
