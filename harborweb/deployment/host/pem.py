"""Certificates and keys out of files: what they are, whom they name, who signed them. Pure: bytes in, facts out."""

import ipaddress
import re
import ssl
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes, PublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

T = TypeVar("T", bound=x509.ExtensionType)
_FILTERS = threading.Lock()
_BOM = b"\xef\xbb\xbf"
# OpenSSL looks for them at the beginning of a line: a blank before one hides it. A byte order mark it skips.
_BLOCK = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----.*?^-----END \1-----", re.DOTALL | re.MULTILINE)
_PUBLIC = serialization.PublicFormat.SubjectPublicKeyInfo


@dataclass(frozen=True)
class Bundle:
    """What a file holds: its certificates in their order, whether a private key is among them, what is unreadable."""

    certificates: tuple[x509.Certificate, ...]
    has_key: bool
    broken: str = ""  # what the library says of the first block that it cannot read
    der: bool = False  # it is one certificate, but in the binary form


@dataclass(frozen=True)
class Key:
    """A private key file. `kind`: good, encrypted, none (no key in it), broken."""

    kind: str
    public: bytes = b""
    detail: str = ""


def bundle(data: bytes) -> Bundle:
    """Every certificate of a PEM file."""
    found, broken, has_key = [], "", False
    data = data.removeprefix(_BOM)
    for block in _BLOCK.finditer(data):
        label = block.group(1)
        has_key = has_key or label.endswith(b"PRIVATE KEY")
        if label not in {b"CERTIFICATE", b"TRUSTED CERTIFICATE", b"X509 CERTIFICATE"}:
            continue
        try:
            with _quietly():
                found.append(x509.load_pem_x509_certificate(block.group(0)))
        except (ValueError, UnsupportedAlgorithm) as error:
            broken = broken or str(error).split("\n", 1)[0][:200]
    return Bundle(tuple(found), has_key, broken, not found and _is_der(data))


@contextmanager
def _quietly() -> Iterator[None]:
    """Odd serial numbers and the like are not our affair. Python keeps its filters for all threads together."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _is_der(data: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(data)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return True


def key(data: bytes) -> Key:
    """The private key of a PEM file."""
    block = next(
        (one for one in _BLOCK.finditer(data.removeprefix(_BOM)) if one.group(1).endswith(b"PRIVATE KEY")), None
    )
    if block is None:
        return Key("none")
    if block.group(1) == b"ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block.group(0):
        return Key("encrypted")
    try:
        made = serialization.load_pem_private_key(block.group(0), password=None)
    except TypeError:
        return Key("encrypted")
    except (ValueError, UnsupportedAlgorithm) as error:
        return Key("broken", detail=str(error).split("\n", 1)[0][:200])
    return Key("good", _spki(made.public_key()))


def public(certificate: x509.Certificate) -> bytes:
    """The public key, for comparing; empty when the library does not know its kind."""
    try:
        return _spki(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return b""


def _spki(made: PublicKeyTypes | CertificateIssuerPublicKeyTypes) -> bytes:
    return made.public_bytes(serialization.Encoding.DER, _PUBLIC)


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses a certificate is for (SAN); its CN counts for no client any more."""
    found = _extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return ()
    dns = found.get_values_for_type(x509.DNSName)
    return (*dns, *(str(address) for address in found.get_values_for_type(x509.IPAddress)))


def covers(certificate: x509.Certificate, name: str) -> bool:
    """Whether a client that asked for `name` (a host name or IP address) accepts this certificate."""
    found = _extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return False
    try:
        return ipaddress.ip_address(name.strip("[]")) in found.get_values_for_type(x509.IPAddress)
    except ValueError:
        return any(_same(pattern, name) for pattern in found.get_values_for_type(x509.DNSName))


def _same(pattern: str, name: str) -> bool:
    """RFC 6125 as Go and browsers do it: a star stands for the whole first label, and for one label only."""
    pattern, name = _plain(pattern), _plain(name)
    if pattern.startswith("*."):
        first, _, rest = name.partition(".")
        return bool(first) and rest == pattern[2:] and rest.count(".") >= 1
    return pattern == name


def _plain(name: str) -> str:
    name = name.rstrip(".").lower()
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return name


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it may sign others."""
    found = _extension(certificate, x509.BasicConstraints)
    return found is not None and found.ca


def for_servers(certificate: x509.Certificate) -> bool:
    """Whether its extended key usage, if it has one, allows a server."""
    found = _extension(certificate, x509.ExtendedKeyUsage)
    return found is None or not {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    }.isdisjoint(found)


def has_issuers_address(certificate: x509.Certificate) -> bool:
    """Whether it says where its issuer's certificate can be fetched, as public authorities do."""
    found = _extension(certificate, x509.AuthorityInformationAccess)
    return found is not None and any(one.access_method == AuthorityInformationAccessOID.CA_ISSUERS for one in found)


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` is the one that signed it: by name and by signature."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether it signed itself."""
    return certificate.issuer == certificate.subject and signed_by(certificate, certificate)


def weakness(certificate: x509.Certificate) -> str:
    """What today's OpenSSL and Go refuse in it; empty when nothing."""
    made = certificate.public_key()
    if isinstance(made, RSAPublicKey) and made.key_size < 2048:
        return f"RSA {made.key_size}"
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and algorithm.name in {"md5", "sha1"} and not is_self_signed(certificate):
        return algorithm.name.upper()
    return ""


def shown(name: x509.Name) -> str:
    """A subject or issuer for people: its common name, else all of it."""
    common = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string() or "?"


def days_left(certificate: x509.Certificate, now: datetime | None = None) -> int:
    """Whole days until it ends; negative when it has."""
    return (certificate.not_valid_after_utc - (now or datetime.now(UTC))).days


@lru_cache(maxsize=1)
def authorities() -> frozenset[bytes]:
    """The subjects of the authorities that this machine trusts."""
    made = ssl.create_default_context()
    found = made.get_ca_certs(binary_form=True)
    subjects = set()
    for data in found:
        try:
            with _quietly():
                subjects.add(x509.load_der_x509_certificate(data).subject.public_bytes())
        except (ValueError, UnsupportedAlgorithm):
            continue
    return frozenset(subjects)


def trust_file() -> str:
    """The file of authorities that this machine trusts; empty when there is none."""
    paths = ssl.get_default_verify_paths()
    candidates = (paths.cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
    return next((name for name in candidates if name and Path(name).is_file()), "")


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        with _quietly():
            return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError, x509.DuplicateExtension):
        return None
