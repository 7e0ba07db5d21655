"""What the kept verdicts know of keys: how many images each has signed, and which signatures are nobody's."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, QuerySet

from harborweb.audit.models import ArtifactVerdict, SignatureSeen
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict

MOST_STRANGE = 5000  # rows that are looked at for signatures that do not count
SHOWN_PROJECTS = 4


@dataclass(frozen=True)
class Facts:
    """What a key has signed, as far as it is there still."""

    signatures: int = 0
    images: int = 0
    projects: int = 0
    first: datetime | None = None
    last: datetime | None = None


def facts(key: Key) -> Facts:
    """Counted over all registries."""
    sights = _there().filter(key=key.fingerprint or "-")
    found = sights.aggregate(n=Count("pk"), images=Count("digest", distinct=True), a=Min("first_seen"),
                             b=Max("first_seen"))  # fmt: skip
    where = ArtifactVerdict.objects.filter(digest__in=sights.values("digest")).order_by()
    projects = {name.partition("/")[0] for name in where.values_list("repository", flat=True).distinct()}
    return Facts(found["n"], found["images"], len(projects), found["a"], found["b"])


def images_by_key(keys: Sequence[Key]) -> dict[int, tuple[int, int]]:
    """How many images each key has signed, and how many of them are first seen after its revocation or end."""
    counts = dict(
        _there().exclude(key="").order_by().values("key").annotate(n=Count("digest", distinct=True))
        .values_list("key", "n")
    )  # fmt: skip
    found = {}
    for key in keys:
        edge = min((at for at in (key.revoked_from, key.not_after) if at is not None), default=None)
        late = 0
        if edge is not None and counts.get(key.fingerprint or "-"):
            late = _there().filter(key=key.fingerprint, first_seen__gte=edge).values("digest").distinct().count()
        found[key.pk] = (counts.get(key.fingerprint or "-", 0), late)
    return found


def _there() -> QuerySet[SignatureSeen]:
    """Sights of what no sweep has forgotten."""
    return SignatureSeen.objects.filter(digest__in=ArtifactVerdict.objects.order_by().values("digest"))


@dataclass(frozen=True)
class Strange:
    """Signatures that do not count, by one key that is known, one hint, or none."""

    key: Key | None
    hint: str
    images: int
    projects: tuple[tuple[str, int], ...]
    more: int
    first: datetime | None
    reason: str
    example: int  # a verdict's number


def strange() -> tuple[list[Strange], int]:
    """Whose signatures do not count, the most images first; and how many images that are."""
    rows = ArtifactVerdict.objects.filter(verdict=Verdict.UNKNOWN_KEY).order_by("-since")
    groups: dict[tuple[str, str], list[Any]] = {}
    total = 0
    for pk, project, signatures, since in rows.values_list("pk", "project", "signatures", "since")[:MOST_STRANGE]:
        total += 1
        said = {
            (one.get("signer", ""), "" if one.get("signer") else one.get("hint", "")): one["reason"]
            for one in signatures if one["verdict"] == Verdict.UNKNOWN_KEY
        }  # fmt: skip
        for whose, reason in said.items():  # an image counts once for a key, however often that key signed it
            groups.setdefault(whose, []).append((pk, project, since, reason))
    keys = {key.fingerprint: key for key in Key.objects.filter(fingerprint__in=[one for one, _hint in groups if one])}
    found = []
    for (signer, hint), members in groups.items():
        projects = Counter(project for _pk, project, _since, _reason in members).most_common()
        found.append(
            Strange(
                keys.get(signer), hint or signer, len(members), tuple(projects[:SHOWN_PROJECTS]),
                max(0, len(projects) - SHOWN_PROJECTS), min(since for _pk, _project, since, _reason in members),
                members[0][3], members[0][0],
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: -one.images), total
