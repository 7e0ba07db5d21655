"""What the audit says of one artifact, with what a third party needs to check it again."""

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from harborweb.audit.report import key_file
from harborweb.verification.keys import PublicKey
from harborweb.verification.policy import Signer, Subject
from harborweb.verification.verdict import BUNDLE, SIMPLE_SIGNING, Finding, Verdict

EVIDENCE_BYTES = 64 * 1024
SIGNERS = 100  # kept of one artifact
LONGEST_TYPE = 300  # of a predicate
# Which signatures are kept first where there are too many.
_RANK = {str(one): rank for rank, one in enumerate((Verdict.TRUSTED, Verdict.ATTESTATION_ONLY))}
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True)
class Evidence:
    """A file of evidence, cut at EVIDENCE_BYTES (`truncated`)."""

    name: str
    body: bytes = field(repr=False)
    truncated: bool = False


@dataclass(frozen=True)
class Seen:
    """A finding with the manifest it was found in (empty where there was none)."""

    finding: Finding
    manifest: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Judgement:
    """One row of an audit.

    `digest` is empty only where a tag or a repository could not be read. `parents` are the digests of the
    indexes in this repository that list the artifact, `command` repeats the check by hand.
    `look` is how its places looked (audit.judging.places), empty where it has to be judged anew next time;
    `media_type` is that of a manifest that is no index; `timed` says that a certificate decides, whose time may end.
    Where `again`, all is as it was remembered and nothing of it was judged: findings and evidence are not here;
    `moved` says that it has other tags or parents.
    """

    repository: str
    tags: tuple[str, ...]
    digest: str
    verdict: Verdict
    reason: str
    key: str = ""
    format: str = ""
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    command: str = ""
    parents: tuple[str, ...] = ()
    badge: str = ""  # what Harbor shows (audit.badge.harbor)
    pulled: datetime | None = None  # last, as Harbor's list says
    counted: tuple[Signer, ...] = ()  # the signatures that make it green, for via_index those of the index
    platform: str = ""  # as an index says that lists it
    index_tags: tuple[str, ...] = ()  # of all indexes above it, as far as they were judged with it
    media_type: str = ""
    look: str = ""
    timed: bool = False
    again: bool = False
    moved: bool = False


def identity_of(finding: Finding) -> str:
    """A signature's own name, hex SHA-256 of its form, the signed bytes and the signature.

    Of an ECDSA signature (r, s) everybody can make the twin (r, n - s), which verifies as well, and write both in two
    ways: all have one name, so that nobody makes an old signature look like one that is seen for the first time.
    """
    parts = (finding.format.encode(), hashlib.sha256(finding.payload).digest(), _untwinned(finding.signature))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _untwinned(signature: bytes) -> bytes:
    """An ECDSA signature in one of its four spellings (DER, or two numbers side by side; s, or n - s): DER, with the
    smaller s. What is none as it is.

    Which curve it was, the size of its numbers tells: of a larger curve they are hardly ever this small.
    """
    try:
        r, s = decode_dss_signature(signature)
        orders = [one.group_order for one in _CURVES if max(r, s) < one.group_order]
    except ValueError:
        half = len(signature) // 2
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        lengths = [one.group_order for one in _CURVES if len(signature) == 2 * ((one.key_size + 7) // 8)]
        orders = [one for one in lengths if max(r, s) < one]
    if not orders or min(r, s) < 1:
        return signature
    return encode_dss_signature(r, min(s, orders[0] - s))


def signers_of(findings: Sequence[Finding]) -> list[list[str]]:
    """Each signature's identity, key and verdict, sorted, without what was said twice; at most SIGNERS,
    those that count first: what strangers pile up must not hide whose trust a revocation takes away."""
    found = {(one.identity or identity_of(one), one.key, str(one.verdict)) for one in findings if one.signature}
    chosen = sorted(found, key=lambda one: (_RANK.get(one[2], len(_RANK)), one))[:SIGNERS]
    return [list(one) for one in sorted(chosen)]


def counted_of(findings: Sequence[Finding]) -> tuple[Signer, ...]:
    """The signatures that count, each with what it signed besides the digest; at most SIGNERS.

    Copies of one count once, else whoever may push could leave no room for the second key that a policy wants.
    """
    trusted = {(one.identity or identity_of(one), one.key): one for one in findings if one.verdict == Verdict.TRUSTED}
    return tuple(Signer(one.key, "", one.annotations) for one in list(trusted.values())[:SIGNERS])


def subject_of(judgement: Judgement, seen: datetime, names: Mapping[str, str]) -> Subject:
    """What a policy looks at, of a judgement that is in no database; `names` are the keys' by fingerprint."""
    return Subject(
        judgement.repository, judgement.digest, judgement.tags, judgement.verdict, judgement.reason, seen,
        [Signer(one.fingerprint, names.get(one.fingerprint, ""), one.annotations) for one in judgement.counted],
        judgement.platform, not judgement.tags and bool(judgement.parents), judgement.index_tags,
    )  # fmt: skip


def evidence_of(artifact: bytes, seen: Sequence[Seen], decided: Finding | None) -> tuple[Evidence, ...]:
    """The artifact's manifest, and manifest, signed bytes and signature of the finding that decided.

    Where none decided (unsigned) or its manifest is another artifact's (via_index), what there is.
    """
    files = [("manifest.json", artifact)]
    if decided is not None:
        files += [("signature-manifest.json", one.manifest) for one in seen if one.finding is decided]
        files += [("signed.bin", decided.payload), ("signature.bin", decided.signature)]
    return tuple(Evidence(name, body[:EVIDENCE_BYTES], len(body) > EVIDENCE_BYTES) for name, body in files if body)


def remembered(finding: Finding) -> Finding:
    """`finding` without what is too large to keep: a registry's rows are held in memory together."""
    if len(finding.payload) + len(finding.signature) <= EVIDENCE_BYTES:
        return finding
    kind = finding.predicate_type[:LONGEST_TYPE]
    return replace(finding, payload=b"", signature=b"", annotations={}, predicate_type=kind)


def command_for(
    reference: str,
    opinion_format: str,
    finding: Finding | None,
    signer: PublicKey | None,
    *,
    keys: Sequence[PublicKey] = (),
    allow_http: bool = False,
    annotations: Mapping[str, str] | None = None,
    signatures_at: str = "",
) -> str:
    """The commands that repeat a verdict: cosign against the registry, and openssl on the evidence.

    `reference` is host/repository@digest, `signatures_at` what COSIGN_REPOSITORY has to be, or empty. Where no
    key signed, cosign is asked about each of `keys`, the trusted ones: that none fits is what it has to say.
    """
    by_certificate = finding is not None and _pastes(finding.subject) and _pastes(finding.issuer)
    files = [_key_file(key) for key in ([signer] if signer else keys)] or ["cosign.pub"]
    files = files[:1] if by_certificate else files
    before = f"COSIGN_REPOSITORY={shlex.quote(signatures_at)} " if signatures_at else ""
    lines = [before + shlex.join(_cosign(reference, finding, file, allow_http, annotations or {})) for file in files]
    if signer is not None and finding is not None and finding.signature and opinion_format in {SIMPLE_SIGNING, BUNDLE}:
        lines.append(shlex.join(_openssl(signer, files[0])))
    return "\n".join(lines)


def _key_file(key: PublicKey) -> str:
    return key_file(key.name or "cosign", key.fingerprint)


def _cosign(
    reference: str, finding: Finding | None, key_file: str, allow_http: bool, annotations: Mapping[str, str]
) -> Iterator[str]:
    attested = finding is not None and finding.verdict == Verdict.ATTESTATION_ONLY
    yield from ("cosign", "verify-attestation" if attested else "verify")
    if finding is not None and _pastes(finding.subject) and _pastes(finding.issuer):
        yield from ("--trusted-root", "trusted_root.json", "--certificate-identity", finding.subject)
        yield from ("--certificate-oidc-issuer", finding.issuer)
    else:
        yield from ("--key", key_file, "--insecure-ignore-tlog=true")
    if attested and finding is not None and _pastes(finding.predicate_type):
        yield from ("--type", finding.predicate_type)
    if finding is not None and finding.place.startswith("referrer ") and finding.format == SIMPLE_SIGNING:
        yield "--experimental-oci11"
    if allow_http:
        yield from ("--allow-http-registry", "--allow-insecure-registry")
    if not attested:
        for name, value in annotations.items():
            yield from ("-a", f"{name}={value}")
    yield reference


def _pastes(text: str) -> bool:
    """Whether a stranger's words may stand in a command that people paste: no key that a terminal obeys."""
    return 0 < len(text) <= LONGEST_TYPE and text.isprintable()


def _openssl(signer: PublicKey, key_file: str) -> tuple[str, ...]:
    if signer.kind == "Ed25519":
        return (
            "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key_file, "-rawin",
            "-in", "signed.bin", "-sigfile", "signature.bin",
        )  # fmt: skip
    return ("openssl", "dgst", "-sha256", "-verify", key_file, "-signature", "signature.bin", "signed.bin")
