"""Signatures by a certificate: verified against a trusted root that the operator gives, without any network.

What Sigstore's own library (`sigstore`) checks: that the certificate leads to an authority of the root and was valid
when the log or a time stamp (RFC 3161) says that it was used, its signed certificate time stamp, the log's proof of
inclusion with its checkpoint, the log's promise, the signature, and that the log's entry is about this signature. What
it does not check and is checked here: that the log, the authority and the log of certificates were in use at that
time, as the root's periods say. Whose signature counts is said by pairs of identity and issuer, which may hold `*`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from sigstore.errors import CertValidationError, Error, VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore_models.trustroot import v1 as trustroot

from harborweb.errors import Problem
from harborweb.verification.certificate import Identity, Leaf
from harborweb.verification.promise import read_promise
from harborweb.verification.sentences import Sentence
from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed, load_json
from harborweb.verification.verdict import Verdict

MAX_ROOT_BYTES = 1024 * 1024
MAX_PATTERN = 500
# Whatever the library and what lies under it make of bytes that strangers wrote; more than these is a mistake of ours.
_FAULTS = (
    Error, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension,
    x509.InvalidVersion, x509.UnsupportedGeneralNameType, ValueError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError,
    ArithmeticError, RecursionError, AssertionError,
)  # fmt: skip


@dataclass(frozen=True)
class Allowed:
    """An identity whose keyless signatures count, with its issuer; `*` stands for any characters, nothing else does.

    `projects` are patterns of projects where they count, none means every project.
    """

    subject: str
    issuer: str
    projects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text, what in ((self.subject, "subject"), (self.issuer, "issuer")):
            if not text.strip("*") or len(text) > MAX_PATTERN or not text.isprintable():
                raise Problem(
                    _("“%(text)s” names nobody in particular.", text=text),
                    _("Write an identity and an issuer; * may stand for a part of each, never for the whole."),
                    field=what,
                )
            if "*" in text.partition("://")[2].partition("/")[0]:
                raise Problem(
                    _("“%(text)s” leaves the host open: *.example.com fits evil.test/x.example.com too.", text=text),
                    _("Write the host in full; * may stand after it."),
                    field=what,
                )

    @property
    def fingerprint(self) -> str:
        """What stands where a key's fingerprint would: hex SHA-256 of the pair."""
        return hashlib.sha256(f"keyless\0{self.subject}\0{self.issuer}".encode()).hexdigest()

    def fits(self, identity: Identity) -> bool:
        """Whether it means `identity`; one that is not whole fits nothing."""
        if not identity.subject or not identity.issuer:
            return False
        return _fits(self.subject, identity.subject) and _fits(self.issuer, identity.issuer)


def _fits(pattern: str, text: str) -> bool:
    return fnmatchcase(text, pattern.replace("[", "[[]").replace("?", "[?]"))


@dataclass(frozen=True)
class Part:
    """One authority or log of a root, for people: which kind, its name, and when it counts."""

    kind: str  # "fulcio", "rekor", "ct" or "tsa"
    name: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, repr=False)
class Root:
    """A trusted root that can be used. Two are the same when their text is."""

    text: bytes
    parts: tuple[Part, ...] = field(compare=False)
    _inner: trustroot.TrustedRoot = field(compare=False)

    @property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the file."""
        return hashlib.sha256(self.text).hexdigest()

    def __repr__(self) -> str:
        """Another one for every other file: what was judged under one is remembered by this."""
        return f"Root({self.fingerprint})"

    def verifier(self, times: Iterable[datetime]) -> Verifier:
        """A verifier with what was in use at all of `times`; raises VerificationError where nothing was."""
        moments = list(times)
        inner = self._inner

        def used(period: Any) -> bool:
            start, end = _period(period)
            return all((start is None or start <= at) and (end is None or at <= end) for at in moments)

        change: dict[str, list[Any]] = {
            "tlogs": [one for one in inner.tlogs if used(one.public_key.valid_for)],
            "ctlogs": [one for one in inner.ctlogs if used(one.public_key.valid_for)],
            "certificate_authorities": [one for one in inner.certificate_authorities if used(one.valid_for)],
        }
        return Verifier(trusted_root=TrustedRoot(inner.model_copy(update=change)))


@dataclass(frozen=True)
class KeylessTrust:
    """What the operator trusts besides keys; without a root nothing is verified, without identities nobody counts."""

    root: Root | None = None
    allowed: tuple[Allowed, ...] = ()

    def within(self, project: str) -> "KeylessTrust":
        """What is trusted in one project."""
        if not any(one.projects for one in self.allowed):
            return self
        here = (one for one in self.allowed if not one.projects or any(fnmatchcase(project, p) for p in one.projects))
        return KeylessTrust(self.root, tuple(here))


NOBODY = KeylessTrust()


@dataclass(frozen=True)
class Judged:
    """What a keyless signature is worth; `allowed` is the identity that makes it count."""

    verdict: Verdict
    reason: Sentence
    allowed: Allowed | None = None


def load_root(data: bytes) -> Root:
    """The trusted root in `data` (trusted_root.json as Sigstore and `cosign trusted-root create` write it).

    Raises Problem with what is wrong; one that could verify nothing is refused too.
    """
    advice = _("Give the trusted_root.json of your Sigstore, or make one with cosign trusted-root create.")
    if len(data) > MAX_ROOT_BYTES:
        raise Problem(_("This file is too large for a trusted root: more than %(n)s bytes.", n=MAX_ROOT_BYTES), advice)
    try:
        load_json(data, "The trusted root")  # one meaning only, before a laxer reader has it
        inner = trustroot.TrustedRoot.from_json(data)
        root = TrustedRoot(inner)
        Verifier(trusted_root=root)  # reads the authorities
        parts = tuple(_parts(inner))
    except Malformed as error:
        raise Problem(_("This is no trusted root: %(why)s", why=error.reason), advice) from error
    except _FAULTS as error:
        raise Problem(_("This is no trusted root that can be used."), advice) from error
    for kind, missing in _NEEDED.items():
        if not any(part.kind == kind for part in parts):
            raise Problem(missing, advice)
    return Root(data, parts, inner)


_NEEDED = {
    "fulcio": _("This trusted root names no certificate authority."),
    "rekor": _("This trusted root names no transparency log."),
    "ct": _("This trusted root names no log of certificates."),
}


def _parts(inner: trustroot.TrustedRoot) -> Iterable[Part]:
    for kind, authorities in (("fulcio", inner.certificate_authorities), ("tsa", inner.timestamp_authorities)):
        for one in authorities:
            chain = [x509.load_der_x509_certificate(item.raw_bytes) for item in one.cert_chain.certificates]
            yield Part(kind, chain[0].subject.rfc4514_string(), *_period(one.valid_for))
    for kind, logs in (("rekor", inner.tlogs), ("ct", inner.ctlogs)):
        for log in logs:
            yield Part(kind, log.base_url or log.log_id.key_id.hex()[:16], *_period(log.public_key.valid_for))


def _period(value: Any) -> tuple[datetime | None, datetime | None]:
    return (value.start, value.end) if value is not None else (None, None)


def unverified(identity: Identity) -> Sentence:
    """The sentence of a keyless signature that nothing is given to verify it with."""
    return _(
        "A keyless signature that says it is by %(subject)s, as %(issuer)s had signed them in; it is not verified, "
        "because no trusted root is given here.",
        subject=identity.subject or "?", issuer=identity.issuer or "?",
    )  # fmt: skip


def judge_keyless(bundle: bytes, leaf: Leaf, signature: bytes, signed: bytes, trust: KeylessTrust) -> Judged:
    """What a bundle by a certificate is worth, whose statement is a signature of the digest in question.

    `leaf` is its certificate, `signature` the raw signature over `signed`. Never raises.
    """

    def verify(verifier: Verifier, found: Bundle) -> None:
        verifier.verify_dsse(found, _Anybody())

    return _judge(leaf, signature, signed, trust, lambda: Bundle.from_json(bundle), verify)


def judge_promised(promise: str, leaf: Leaf, signature: bytes, payload: bytes, trust: KeylessTrust) -> Judged:
    """What a signature of simple signing by a certificate is worth, whose payload is of the digest in question.

    `promise` is the log's, as `promise.read_promise` takes it, or empty. Never raises.
    """

    def verify(verifier: Verifier, found: Bundle) -> None:
        verifier.verify_artifact(payload, found, _Anybody())

    if not promise and trust.root is not None and leaf.key.verify(signature, payload):
        return Judged(
            Verdict.UNCHECKED,
            _(
                "A keyless signature that says it is by %(subject)s; no log's promise lies beside it, and the log is "
                "not asked.",
                subject=leaf.identity.subject or "?",
            ),
        )  # fmt: skip
    read = partial(read_promise, promise, leaf.certificate, signature)
    return _judge(leaf, signature, payload, trust, read, verify)


def _judge(
    leaf: Leaf, signature: bytes, signed: bytes, trust: KeylessTrust, read: Callable[[], Bundle],
    verify: Callable[[Verifier, Bundle], None],
) -> Judged:  # fmt: skip
    """What `signature` over `signed` is worth; `read` and `verify` are what differs between the formats."""
    if not leaf.key.verify(signature, signed):
        return Judged(Verdict.INVALID, _("The certificate's key did not make the signature."))
    if trust.root is None:
        return Judged(Verdict.UNCHECKED, unverified(leaf.identity))
    try:
        found = read()
        if not any(part.kind == "tsa" for part in trust.root.parts):  # nobody's stamps are known: the log's word counts
            found._inner.verification_material.timestamp_verification_data = None
        times = list(_times(found))
        if not times:
            raise VerificationError("no time")
        if late := _outside(leaf.certificate, times):
            return Judged(Verdict.INVALID, late)
        if not _known(trust.root, leaf.certificate):
            return Judged(Verdict.UNKNOWN_KEY, _strange(leaf.identity))
        verify(trust.root.verifier(times), found)
    except CertValidationError:
        return Judged(Verdict.UNKNOWN_KEY, _strange(leaf.identity))
    except Malformed as error:
        return Judged(Verdict.INVALID, error.reason)
    except _FAULTS as error:
        return Judged(
            Verdict.INVALID,
            _(
                "A keyless signature that says it is by %(subject)s does not verify with the trusted root: %(why)s.",
                subject=leaf.identity.subject or "?", why=str(error).rstrip(".") or type(error).__name__,
            ),
        )  # fmt: skip
    return _whose(leaf.identity, trust.allowed)


class _Anybody:
    """The library's policy of identities: `_whose` decides, once it is known that the certificate is true."""

    def verify(self, cert: x509.Certificate) -> None:
        """Return for every certificate."""


def _times(bundle: Bundle) -> Iterable[datetime]:
    """What the log and the time stamps say when it was; that they say so truly is found out by the library.

    Raises VerificationError for a time of the log without its promise: the library skips that, cosign refuses it.
    """
    entry = bundle.log_entry._inner
    if entry.integrated_time:
        if not entry.inclusion_promise:
            raise VerificationError("the log does not vouch for its time")
        yield datetime.fromtimestamp(entry.integrated_time, UTC)
    stamps = bundle.verification_material.timestamp_verification_data
    for stamp in stamps.rfc3161_timestamps if stamps else ():
        yield stamp.tst_info.gen_time


def _outside(certificate: x509.Certificate, times: Iterable[datetime]) -> Sentence | None:
    """Why a certificate may not have been used at one of `times`."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    for at in times:
        if not begin <= at <= end:
            return _(
                "The certificate is valid from %(begin)s to %(end)s, and its signature was logged or stamped at "
                "%(at)s.",
                begin=f"{begin:%Y-%m-%d %H:%M:%S}", end=f"{end:%H:%M:%S}", at=f"{at:%Y-%m-%d %H:%M:%S} UTC",
            )  # fmt: skip
    return None


def _known(root: Root, certificate: x509.Certificate) -> bool:
    """Whether some authority of the root, at whatever time, has made the certificate: else it is a stranger's."""
    for authority in TrustedRoot(root._inner).get_fulcio_certs():
        try:
            certificate.verify_directly_issued_by(authority)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return True
    return False


def _strange(identity: Identity) -> Sentence:
    return _(
        "A keyless signature that says it is by %(subject)s; its certificate is by an authority that the trusted "
        "root does not name.",
        subject=identity.subject or "?",
    )  # fmt: skip


def _whose(identity: Identity, allowed: Iterable[Allowed]) -> Judged:
    """Whether a signature that verifies is by somebody who counts."""
    values: Mapping[str, str] = {"subject": identity.subject or "?", "issuer": identity.issuer or "?"}
    for one in allowed:
        if one.fits(identity):
            return Judged(Verdict.TRUSTED, _("Signed by the trusted identity %(subject)s (%(issuer)s).", **values), one)
    return Judged(
        Verdict.UNKNOWN_KEY,
        _("A keyless signature by %(subject)s (%(issuer)s) verifies, but that identity is not trusted here.", **values),
    )
