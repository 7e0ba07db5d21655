"""The certificate as a client sees it: the chain as the server sends it, and what a client's check makes of it.

The chain comes from OpenSSL through Python's `ssl`, which names the call publicly since 3.13 only; where it is missing
the leaf alone is judged and the page says so. Nothing is fetched from addresses that a certificate names.
"""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from harborweb.deployment.host import pem

SOON = 15  # days
UNVERIFIED = 10  # certificates of a chain that are looked at


@dataclass(frozen=True)
class Seen:
    """What a TLS handshake showed.

    `kind` is empty when every client that has our authorities accepts it; else one of handshake, expired, not_yet,
    name, self_signed, missing_intermediate, unknown_ca, refused. `own_ca` says that it needs an authority of one's own.
    """

    kind: str = ""
    detail: str = ""  # OpenSSL's own words
    version: str = ""
    alpn: str = ""
    ms: int = 0
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()  # subjects, as sent
    missing: str = ""  # the issuer that is not there
    begins: str = ""
    ends: str = ""
    days: int = 0
    own_ca: bool = False
    whole_chain: bool = True  # whether the chain could be read, and not the leaf alone


def trust(ca_pem: str, *, system: bool = True) -> ssl.SSLContext:
    """A client's trust: the system's authorities and our own; a text that is no certificate counts as none."""
    context = ssl.create_default_context() if system else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_pem.strip():
        try:
            context.load_verify_locations(cadata=ca_pem)
        except (ssl.SSLError, ValueError):
            return context
    return context


def without_check() -> ssl.SSLContext:
    """A context that looks at nothing: only for questions that carry no credentials."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def look(address: str, port: int, name: str, ca_pem: str, seconds: float) -> Seen:
    """Shake hands three times: without a check for the chain, with all we trust, with the system's trust alone."""
    began = time.monotonic()
    bare = without_check()
    bare.set_alpn_protocols(["h2", "http/1.1"])
    try:
        found = await _shake(address, port, name, bare, seconds)
    except (OSError, TimeoutError) as error:
        return Seen("handshake", str(error)[:200] or type(error).__name__)
    ms = round((time.monotonic() - began) * 1000)
    refusal = await _refusal(address, port, name, trust(ca_pem), seconds)
    alone = await _refusal(address, port, name, trust(""), seconds) if ca_pem.strip() else refusal
    own = pem.bundle(ca_pem.encode()).certificates
    facts = judge(found.chain, name, own, refusal[0], refusal[1])
    return Seen(
        **{**facts, "version": found.version, "alpn": found.alpn, "ms": ms, "own_ca": bool(alone[0] and not refusal[0]),
           "whole_chain": found.whole}
    )  # fmt: skip


@dataclass(frozen=True)
class _Hands:
    chain: list[bytes]
    version: str
    alpn: str
    whole: bool


async def _shake(address: str, port: int, name: str, context: ssl.SSLContext, seconds: float) -> _Hands:
    async with asyncio.timeout(seconds):
        _reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
        try:
            made: ssl.SSLObject = writer.get_extra_info("ssl_object")
            chain = _chain(made)
            leaf = made.getpeercert(binary_form=True)
            return _Hands(
                chain or ([leaf] if leaf else []), made.version() or "", made.selected_alpn_protocol() or "",
                bool(chain),
            )  # fmt: skip
        finally:
            writer.transport.abort()


def _chain(made: ssl.SSLObject) -> list[bytes]:
    """The chain as sent; empty where this Python does not tell."""
    public = getattr(made, "get_unverified_chain", None)
    private = getattr(getattr(made, "_sslobj", None), "get_unverified_chain", None)
    found: list[Any] = (public or private or list)() or []
    return [one if isinstance(one, bytes) else _der(one) for one in found[:UNVERIFIED]]


def _der(one: Any) -> bytes:
    """3.10 to 3.12 give objects of `_ssl`, whose own text is the only way to their bytes."""
    return ssl.PEM_cert_to_DER_cert(one.public_bytes())


async def _refusal(address: str, port: int, name: str, context: ssl.SSLContext, seconds: float) -> tuple[int, str]:
    """OpenSSL's code and words for why a checking client refuses; 0 when it does not."""
    try:
        await _shake(address, port, name, context, seconds)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code or -1, error.verify_message or str(error)
    except (OSError, TimeoutError) as error:
        return -1, str(error)[:200] or type(error).__name__
    return 0, ""


# OpenSSL's X509_V_ERR_… (include/openssl/x509_vfy.h)
_NOT_YET, _EXPIRED, _SELF_SIGNED, _SELF_IN_CHAIN, _NO_ISSUER, _FIRST, _NAME, _ADDRESS = 9, 10, 18, 19, 20, 21, 62, 64
_KINDS = {
    _NOT_YET: "not_yet", _EXPIRED: "expired", _SELF_SIGNED: "self_signed", _SELF_IN_CHAIN: "unknown_ca", _NAME: "name",
    _ADDRESS: "name",
}  # fmt: skip


def judge(
    chain: Sequence[bytes], name: str, own: Sequence[x509.Certificate], code: int, words: str,
    now: datetime | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What a chain as sent is worth, with what OpenSSL's check (`code`, 0 = accepted) said. Pure."""
    try:
        made = [x509.load_der_x509_certificate(one) for one in chain]
    except (ValueError, UnsupportedAlgorithm) as error:
        return {"kind": "refused", "detail": words or str(error)[:200]}
    if not made:
        return {"kind": "handshake", "detail": words}
    leaf, now = made[0], now or datetime.now(UTC)
    missing = _missing(made, own)
    kind = _KINDS.get(code, "refused") if code else ""
    if code in {_NO_ISSUER, _FIRST}:
        kind = "self_signed" if pem.is_self_signed(leaf) else _unknown(made, own)
    # OpenSSL stops at its first doubt; what the leaf itself says wins over who signed it
    if code and leaf.not_valid_after_utc < now:
        kind = "expired"
    elif code and leaf.not_valid_before_utc > now:
        kind = "not_yet"
    elif code and kind in {"unknown_ca", "refused"} and not pem.covers(leaf, name):
        kind = "name"
    return {
        "kind": kind, "detail": words, "subject": pem.shown(leaf.subject), "issuer": pem.shown(leaf.issuer),
        "names": pem.names(leaf)[:8], "chain": tuple(pem.shown(one.subject) for one in made), "missing": missing,
        "begins": leaf.not_valid_before_utc.isoformat(), "ends": leaf.not_valid_after_utc.isoformat(),
        "days": pem.days_left(leaf, now),
    }  # fmt: skip


def _missing(made: Sequence[x509.Certificate], own: Sequence[x509.Certificate]) -> str:
    """The issuer of the last certificate sent, where nobody here knows it; empty when the chain leads somewhere."""
    last = made[-1]
    if pem.is_self_signed(last) or last.issuer.public_bytes() in pem.authorities():
        return ""
    return "" if any(pem.signed_by(last, one) for one in own) else pem.shown(last.issuer)


def _unknown(made: Sequence[x509.Certificate], own: Sequence[x509.Certificate]) -> str:
    """An issuer that nobody knows: one between, which the server should send, or an authority of one's own.

    It is one between where the certificate says where its issuer's can be fetched, as public authorities do, or where
    an authority of one's own was given and this is not signed by it.
    """
    last = made[-1]
    return "missing_intermediate" if pem.has_issuers_address(last) or own else "unknown_ca"
