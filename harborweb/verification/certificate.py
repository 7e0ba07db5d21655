"""Who a keyless signature's certificate names: the subject and the issuer of the token that Fulcio had seen.

Nothing here says that it is true: `keyless` does. OIDs: Fulcio's, 1.3.6.1.4.1.57264.1.1 (issuer, plain text) and .8
(issuer, a DER UTF8String), .7 (a subject that is neither mail address nor URI).
"""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from harborweb.errors import Problem
from harborweb.verification.keys import PublicKey, load_public_key
from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed

ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
ISSUER_V2 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
OTHER_NAME = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
MAX_CERTIFICATE_BYTES = 64 * 1024
MAX_NAME = 2000
_UTF8_STRING = 0x0C
_FAULTS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True)
class Identity:
    """Whom a certificate names; empty where it says nothing that has one meaning."""

    subject: str = ""
    issuer: str = ""

    def __str__(self) -> str:
        return f"{self.subject or '?'} ({self.issuer or '?'})"


@dataclass(frozen=True)
class Leaf:
    """A signing certificate: whom it names, its key, and the certificate itself."""

    identity: Identity
    key: PublicKey
    certificate: x509.Certificate


def read_leaf(der: bytes) -> Leaf:
    """The certificate in `der`; raises Malformed where it, its names or its key cannot be read."""
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise Malformed(
            _("The signature's certificate has %(n)s bytes, more than %(m)s.", n=len(der), m=MAX_CERTIFICATE_BYTES)
        )
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        identity = Identity(_subject(certificate.extensions), _issuer(certificate.extensions))
        return Leaf(identity, load_public_key(pem), certificate)
    except Problem as error:
        raise Malformed(_("The key of the signature's certificate is of a kind that is not used.")) from error
    except _FAULTS as error:
        raise Malformed(_("The signature's certificate cannot be read.")) from error


def identity_in(der: bytes) -> Identity:
    """Whom the certificate in `der` names; an empty identity where that cannot be read. Never raises."""
    try:
        return read_leaf(der).identity
    except Malformed:
        return Identity()


def _subject(extensions: x509.Extensions) -> str:
    """The one subject that it names; nothing where there are several: which of them was allowed would be a guess."""
    try:
        names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return ""
    if len(names) != 1:
        return ""
    (name,) = names
    if isinstance(name, x509.RFC822Name | x509.UniformResourceIdentifier):
        return _sound(name.value)
    if isinstance(name, x509.OtherName) and name.type_id == OTHER_NAME:
        return _text(name.value)
    return ""


def _issuer(extensions: x509.Extensions) -> str:
    """The issuer; where both forms are there and disagree, nothing."""
    found = {one.oid: one.value for one in extensions}
    newer, older = found.get(ISSUER_V2), found.get(ISSUER)
    said = set()
    if isinstance(newer, x509.UnrecognizedExtension):
        said.add(_text(newer.value))
    if isinstance(older, x509.UnrecognizedExtension):
        said.add(_sound(older.value.decode("utf-8", "replace")))
    return said.pop() if len(said) == 1 else ""


def _text(der: bytes) -> str:
    """The text of a DER UTF8String, or nothing where the bytes are anything else or more."""
    if len(der) < 2 or der[0] != _UTF8_STRING:
        return ""
    length, begin = der[1], 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 2 or len(der) < 2 + count:
            return ""
        length, begin = int.from_bytes(der[2 : 2 + count], "big"), 2 + count
        if length < 0x80 or (count == 2 and length < 0x100):
            return ""  # not the shortest form, so not DER
    if len(der) != begin + length:
        return ""
    return _sound(der[begin:].decode("utf-8", "replace"))


def _sound(text: str) -> str:
    """A name of printable characters that is not endless, or nothing."""
    return text if 0 < len(text) <= MAX_NAME and text.isprintable() and "\ufffd" not in text else ""
