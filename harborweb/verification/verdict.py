"""The seven verdicts, what each finding means, and which one wins.

A *finding* is one thing seen where signatures live (a layer at the `.sig` tag, a bundle among the
referrers, an attestation, a place that could not be read). A *verdict* is what all findings of one artifact
say together. Only `trusted` and, marked apart, `via_index` may look green.

Findings
--------
trusted           A simple-signing payload, or a DSSE in-toto statement of predicateType
                  `https://sigstore.dev/cosign/sign/v1`, whose signature verifies with a trusted key, which
                  names this digest exactly (lower case), and which carries every required annotation.
                  A keyless signature that verifies with the trusted root given, by an identity that is allowed.
unknown_key       The same in sound form and naming this digest, but no trusted key fits; a keyless one that
                  verifies, by an identity that nobody has allowed; one by an authority that the root does not name.
invalid           Anything else that poses as a signature: garbage; a signature of another digest, even by a
                  trusted key ("copied here"); a payload in a form that can be read in two ways; a required
                  annotation missing; a bundle whose hint names a trusted key whose signature it is not; a
                  bundle that is listed here but refers to another digest; a message-signature bundle (cosign
                  does not take one for an image either).
attestation_only  A statement of any other predicateType, by whomever; anything at the `.att` tag, verified or
                  not. It says something about the image, it does not sign it. (cosign 3 `verify` accepts one.)
unchecked         A place that could not be read or whose bytes did not hash (registry fault, a limit, a payload
                  that is gone); a keyless signature, where no trusted root is given or the log's word is not beside it.

Verdict of an artifact, the first that applies
----------------------------------------------
1. trusted           one trusted finding. A bad signature beside it, or a place that failed, never hides it.
2. unchecked         a place that could hold a signature could not be read, so nothing less good can be said.
3. via_index         the artifact itself carries no signature object (it would be unsigned or attestation_only)
                     and an index in the same repository that contains its digest, directly or through other
                     indexes, is trusted. A bad signature of its own is never covered by an index.
4. unknown_key       one sound signature by a stranger names the state, even with garbage beside it.
5. invalid           something poses as a signature and none is sound.
6. attestation_only  attestations, no signature.
7. unsigned          every place was read, and there is nothing.

`unchecked` also stands for a manifest that an index or a tag lists and the registry does not have, and for
indexes nested or filled beyond the limits: nothing that was not looked at may count as good.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from harborweb.verification.sentences import sentence as _


class Verdict(StrEnum):
    """What is said of an artifact; the docstring of this module has the rules."""

    TRUSTED = "trusted"
    VIA_INDEX = "via_index"
    ATTESTATION_ONLY = "attestation_only"
    UNKNOWN_KEY = "unknown_key"
    INVALID = "invalid"
    UNCHECKED = "unchecked"
    UNSIGNED = "unsigned"


class Step(StrEnum):
    """What a signature has to pass, in the order in which it is explained."""

    FOUND = "found"
    HASHED = "hashed"
    FORM = "form"
    KEY = "key"
    DIGEST = "digest"
    ANNOTATIONS = "annotations"
    POLICY = "policy"


GREEN = frozenset({Verdict.TRUSTED, Verdict.VIA_INDEX})
SIMPLE_SIGNING = "simple-signing"
BUNDLE = "bundle"

# Rules 1, 2 and 4 to 7; rule 3 needs the indexes and is `covered`.
_PRECEDENCE = (
    Verdict.TRUSTED,
    Verdict.UNCHECKED,
    Verdict.UNKNOWN_KEY,
    Verdict.INVALID,
    Verdict.ATTESTATION_ONLY,
)


@dataclass(frozen=True)
class Finding:
    """One thing seen where signatures live.

    `place` says where ("tag sha256-….sig, layer 1"), `format` is "simple-signing", "bundle" or empty, `key`
    the fingerprint of the trusted key that made it or empty, `annotations` what is signed besides the digest,
    `payload` the signed bytes and `signature` the raw signature, as far as they could be read. `signer` is the
    fingerprint of the key that made it where that key does not count, `identity` the signature's own name. Of a
    keyless signature `subject` and `issuer` are what its certificate says, true or not; where it is trusted, `key` is
    the fingerprint of the allowed identity (`keyless.Allowed`). `step` names the Step that decided against it, empty
    where none did, and `hashed` is the digest of the layer or bundle that was judged. `hint` is what
    a bundle says of its key.
    """

    place: str
    verdict: Verdict
    reason: str
    format: str = ""
    key: str = ""
    annotations: Mapping[str, object] = field(default_factory=dict)
    predicate_type: str = ""
    payload: bytes = field(default=b"", repr=False)
    signature: bytes = field(default=b"", repr=False)
    signer: str = ""
    identity: str = ""
    hint: str = ""
    subject: str = ""
    issuer: str = ""
    step: str = ""
    hashed: str = ""


@dataclass(frozen=True)
class Opinion:
    """The verdict of an artifact with the reason, key and format of the finding that decided it."""

    verdict: Verdict
    reason: str
    key: str = ""
    format: str = ""
    finding: Finding | None = None


def digest_of(data: bytes) -> str:
    """The digest of `data` as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def judge(findings: Iterable[Finding]) -> Opinion:
    """What the findings of one artifact say together, without its indexes (see `covered`)."""
    seen = list(findings)
    for verdict in _PRECEDENCE:
        for finding in seen:
            if finding.verdict == verdict:
                return Opinion(verdict, finding.reason, finding.key, finding.format, finding)
    return Opinion(Verdict.UNSIGNED, _("No signature was found, neither at the .sig tag nor among the referrers."))


def covered(opinion: Opinion, indexes: Iterable[tuple[str, Opinion]]) -> Opinion:
    """`opinion`, or via_index (rule 3) where one of the (digest, opinion) pairs of its indexes is green."""
    if opinion.verdict not in {Verdict.UNSIGNED, Verdict.ATTESTATION_ONLY}:
        return opinion
    for digest, index in indexes:
        if index.verdict in GREEN:
            reason = _("Not signed itself; the index %(digest)s that lists it is signed and trusted.", digest=digest)
            return replace(index, verdict=Verdict.VIA_INDEX, reason=reason)
    return opinion
