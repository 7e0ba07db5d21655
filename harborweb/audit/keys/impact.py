"""What another limit of a key would do to the verdicts that are kept, worked out without asking a registry.

The same rules as judging: a signature of the key counts where `TrustedKey.counts` says so at its first
sight; one signature that counts makes an artifact trusted; what a green index lists is green unless it carries a
signature object of its own. `tests/audit/test_impact.py` holds it equal to what judging again says.

What it cannot see: signatures beyond the SIGNERS that are kept of an artifact; those of a key that was never trusted
here, except the one that decided a verdict, whose bytes are in the evidence; indexes that Harbor keeps back.
"""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from harborweb.audit.judging.judgement import identity_of
from harborweb.audit.models import ArtifactVerdict, SignatureSeen
from harborweb.signing.limits import Limits
from harborweb.signing.models import Key
from harborweb.verification.keys import PublicKey, load_public_key
from harborweb.verification.trust import TrustedKey
from harborweb.verification.verdict import GREEN, Finding, Verdict

TRIED = 20_000  # signatures of strangers that are tried with a key that was never trusted
COVERABLE = {Verdict.VIA_INDEX, Verdict.UNSIGNED, Verdict.ATTESTATION_ONLY}


class Artifact(NamedTuple):
    """A kept row, as far as it matters here; `theirs` are the identities of the key's own signatures."""

    pk: int
    registry: int
    project: str
    repository: str
    digest: str
    verdict: str
    parents: Sequence[str]
    others: bool  # whether another trusted key's signature counts
    theirs: tuple[str, ...]


@dataclass(frozen=True)
class Impact:
    """What would change; `keeps` stay trusted by this key alone, `also` by another key."""

    loses: Sequence[Artifact] = ()
    gains: Sequence[Artifact] = ()
    keeps: int = 0
    also: int = 0
    signed: int = 0  # artifacts with a signature of the key
    untold: int = 0  # artifacts signed by strangers whose signature could not be tried

    @property
    def lost(self) -> int:
        """How many artifacts lose trust."""
        return len(self.loses)

    @property
    def gained(self) -> int:
        """How many artifacts gain trust."""
        return len(self.gains)

    def projects(self, *, gains: bool = False) -> list[tuple[str, int]]:
        """How many in each project, the most first."""
        found = Counter(one.project for one in (self.gains if gains else self.loses))
        return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def impact(key: Key, limits: Limits) -> Impact:
    """What would become of all kept verdicts if `key` had `limits`."""
    now = timezone.now()
    before, after = Limits.of(key).trust(key), limits.trust(key)
    stranger = before is None and after is not None
    sights = Sights.of(key)
    rows = list(artifacts(key, sights))
    tried: dict[int, str] = {}
    untold = 0
    if stranger:
        tried, untold = _tried(load_public_key(key.public_pem.encode()), rows)
        rows = [_with(row, tried[row.pk]) if row.pk in tried else row for row in rows]
    moved = _Moved(before, after, sights.seen, now)
    return _told(rows, _green(rows, moved), moved, untold)


@dataclass(frozen=True)
class Sights:
    """Whose each signature is, as far as the key is concerned, and when it was first seen."""

    seen: Mapping[str, datetime]  # by identity: the key's own, and strangers'
    own: frozenset[str]

    @classmethod
    def of(cls, key: Key) -> "Sights":
        """What is remembered of `key`."""
        fingerprint = key.fingerprint or "-"
        rows = SignatureSeen.objects.filter(key__in=["", fingerprint]).order_by()
        seen: dict[str, datetime] = {}
        own: set[str] = set()
        for identity, whose, at in rows.values_list("identity", "key", "first_seen").iterator(chunk_size=5000):
            seen[identity] = min(at, seen.get(identity, at))
            if whose:
                own.add(identity)
        return cls(seen, frozenset(own))


def artifacts(key: Key, sights: Sights) -> Iterator[Artifact]:
    """Every kept artifact with what is needed to weigh `key` anew."""
    fingerprint = key.fingerprint or "-"
    sound = (Verdict.TRUSTED.value, Verdict.UNKNOWN_KEY.value)
    trusted = Verdict.TRUSTED.value
    rows = ArtifactVerdict.objects.order_by().annotate(
        raw_signers=Cast("signers", TextField()), raw_parents=Cast("parents", TextField())
    )  # what is not needed of a row is not parsed: there may be fifty thousand
    fields = ("pk", "registry_id", "project", "repository", "digest", "verdict", "raw_parents", "raw_signers")
    for pk, registry, project, repository, digest, verdict, parents, signers in rows.values_list(*fields).iterator(
        chunk_size=5000
    ):
        signed = json.loads(signers) if signers != "[]" else ()
        yield Artifact(
            pk, registry, project, repository, digest, verdict,
            json.loads(parents) if parents != "[]" else (),
            any(said == trusted and whose != fingerprint for _identity, whose, said in signed),
            tuple(
                identity for identity, whose, said in signed
                if said in sound and (whose == fingerprint or (not whose and identity in sights.own))
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class _Moved:
    """The key before and after."""

    before: TrustedKey | None
    after: TrustedKey | None
    seen: Mapping[str, datetime]
    now: datetime

    def counts(self, row: Artifact, trusted: TrustedKey | None) -> bool:
        """Whether one of the key's signatures of `row` counts."""
        return trusted is not None and any(
            trusted.counts(row.project, self.seen.get(one, self.now)) for one in row.theirs
        )


def _green(rows: Sequence[Artifact], moved: _Moved) -> set[int]:
    """Which rows would be green: their own signatures first, then what green indexes list."""
    green = {row.pk for row in rows if row.others or moved.counts(row, moved.after)}
    own = {(row.registry, row.repository, row.digest) for row in rows if row.pk in green}
    waiting = [row for row in rows if row.parents and row.verdict in COVERABLE and row.pk not in green]
    while waiting:
        found = [row for row in waiting if any((row.registry, row.repository, one) in own for one in row.parents)]
        if not found:
            return green
        green.update(row.pk for row in found)
        own.update((row.registry, row.repository, row.digest) for row in found)
        waiting = [row for row in waiting if row.pk not in green]
    return green


def _told(rows: Sequence[Artifact], green: set[int], moved: _Moved, untold: int) -> Impact:
    loses = [row for row in rows if row.verdict in GREEN and row.pk not in green]
    gains = [row for row in rows if row.verdict not in GREEN and row.pk in green]
    signed = [row for row in rows if row.theirs]
    keeps = sum(row.verdict in GREEN and row.pk in green and not row.others for row in signed)
    also = sum(row.others for row in signed)

    def newest(row: Artifact) -> tuple[float, str]:
        seen = [moved.seen[one] for one in row.theirs if one in moved.seen]
        return (-max(seen).timestamp() if seen else 0, row.repository)

    return Impact(sorted(loses, key=newest), sorted(gains, key=newest), keeps, also, len(signed), untold)


def _with(row: Artifact, identity: str) -> Artifact:
    return row._replace(theirs=(*row.theirs, identity))


def _tried(key: PublicKey, rows: Iterable[Artifact]) -> tuple[dict[int, str], int]:
    """Which rows of strangers carry a signature by `key`, by their evidence; and how many could not be tried."""
    wanted = {row.pk for row in rows if row.verdict == Verdict.UNKNOWN_KEY and not row.theirs}
    found: dict[int, str] = {}
    untold = max(0, len(wanted) - TRIED)
    kept = ArtifactVerdict.objects.filter(verdict=Verdict.UNKNOWN_KEY).order_by()
    for pk, form, evidence in kept.values_list("pk", "format", "evidence")[:TRIED].iterator(chunk_size=500):
        if pk not in wanted:
            continue
        try:
            payload, signature = (base64.b64decode(evidence[name]) for name in ("signed.bin", "signature.bin"))
        except (KeyError, binascii.Error):
            untold += 1
            continue
        if key.verify(signature, payload):
            finding = Finding("", Verdict.UNKNOWN_KEY, "", form, payload=payload, signature=signature)
            found[pk] = identity_of(finding)
    return found, untold
