"""Which signatures count now: the keyring with its limits, and when each signature was first seen.

Read once for a sweep, a look or a judging again, before the registry is asked: what is weighed in between asks no
database. cosign knows no such limits: a key that refuses here is one that cosign still accepts.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.judgement import Judgement, identity_of
from harborweb.audit.keyless.services import keyless_trust
from harborweb.audit.models import SignatureSeen
from harborweb.signing.services import keyring
from harborweb.verification.bundle import attests
from harborweb.verification.keyless import NOBODY, KeylessTrust
from harborweb.verification.keys import PublicKey
from harborweb.verification.trust import TrustedKey
from harborweb.verification.verdict import Finding, Verdict

SOUND = {Verdict.TRUSTED, Verdict.UNKNOWN_KEY}  # signatures that may be somebody's, now or later
MOST_SIGHTS = 1000  # of one artifact, those that count first; a stranger may pile up more
BATCH = 500

Found = TypeVar("Found")


@dataclass
class Trust:
    """The keys that may count, and what is known of when their signatures were seen.

    `seen` holds the first sights by `identity_of`, of those signatures whose time decides.
    """

    ring: Sequence[TrustedKey]
    seen: dict[str, datetime] = field(default_factory=dict)
    keyless: KeylessTrust = NOBODY

    def __post_init__(self) -> None:
        self._by_fingerprint = {one.key.fingerprint: one for one in self.ring}

    @property
    def keys(self) -> list[PublicKey]:
        """What the verifier tries, those that are limited too: whose a signature is stays known."""
        return [one.key for one in self.ring]

    def options(self, **given: Any) -> Options:
        """Options of a judging that weighs; `given` are others of its fields."""
        return Options(weigh=self.weigh, weighed_by=repr(self.ring), keyless=self.keyless, **given)

    @property
    def outdated(self) -> bool:
        """Whether somebody has changed the keyring, or who counts by certificate, since this was read."""
        return repr(keyring()) != repr(self.ring) or keyless_trust() != self.keyless

    def weigh(self, repository: str, _digest: str, finding: Finding) -> Finding:
        """`finding`, or where its key's signatures do not count there, or then, an unknown_key with the reason.

        Its key is then in `signer`, for whoever shows it, and not in `key`, which says who is trusted. What has
        never been seen is seen now.
        """
        if not finding.signature or (finding.verdict not in SOUND and not _attested(finding)):
            return finding
        finding = replace(finding, identity=finding.identity or identity_of(finding))
        key = self._by_fingerprint.get(finding.key)
        if key is None:
            return finding
        first = self.seen.get(finding.identity) or timezone.now()
        refusal = key.refuses(repository.partition("/")[0], first)
        if refusal is None:
            return finding
        if _attested(finding):
            return replace(finding, reason=attests(finding.predicate_type, None), key="", signer=finding.key)
        return replace(finding, verdict=Verdict.UNKNOWN_KEY, reason=refusal, key="", signer=finding.key)


def trust(digests: Collection[str] | None = None) -> Trust:
    """The keyring and the first sights that can decide: of keys with a window or a revocation, and of strangers'
    signatures, which may be such a key's that came later. With `digests` those of these artifacts alone."""
    ring = keyring()
    timed = [one.key.fingerprint for one in ring if _timed(one)]
    if not timed:
        return Trust(ring, keyless=keyless_trust())
    rows = SignatureSeen.objects.filter(key__in=["", *timed])
    if digests is not None:
        rows = rows.filter(digest__in=list(digests))
    return Trust(ring, dict(rows.values_list("identity", "first_seen").iterator()), keyless_trust())


def kept_by_current(
    judge: Callable[[Trust], Found], keep: Callable[[Found], None], digests: Collection[str] | None = None
) -> None:
    """`keep` what `judge` finds, in a transaction in which the keys still count by which it was judged: one that was
    revoked meanwhile has no say, and whoever revokes one later finds what was kept here."""
    while True:
        ring = trust(digests)
        found = judge(ring)
        with transaction.atomic():
            if not ring.outdated:
                keep(found)
                return


def _attested(finding: Finding) -> bool:
    return finding.verdict == Verdict.ATTESTATION_ONLY and bool(finding.key)


def _timed(key: TrustedKey) -> bool:
    return bool(key.not_before or key.not_after or key.revoked_from)


def remember(judgements: Iterable[Judgement], at: datetime) -> None:
    """Record every sound signature that was never seen before as seen at `at`, and whose it is once that is known."""
    fresh = [
        SignatureSeen(digest=one.digest, identity=finding.identity, key=finding.key or finding.signer, first_seen=at)
        for one in judgements if one.digest for finding in _sound(one)
    ]  # fmt: skip
    for start in range(0, len(fresh), BATCH):
        _record(fresh[start : start + BATCH])


def _sound(judgement: Judgement) -> list[Finding]:
    found = [one for one in judgement.findings if one.identity]
    return sorted(found, key=lambda one: one.verdict != Verdict.TRUSTED)[:MOST_SIGHTS]


def _record(fresh: Sequence[SignatureSeen]) -> None:
    """Insert what is not there; most of it is, and a sweep writes nothing then."""
    there = SignatureSeen.objects.filter(digest__in={one.digest for one in fresh})
    known = {(digest, identity): key for digest, identity, key in there.values_list("digest", "identity", "key")}
    new = [one for one in fresh if (one.digest, one.identity) not in known]
    SignatureSeen.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
    for one in fresh:
        if one.key and known.get((one.digest, one.identity)) == "":
            there.filter(digest=one.digest, identity=one.identity).update(key=one.key)
