"""Where a signature says it belongs, beside where it was found: what a verdict about a digest leaves out."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils import timezone

from harborweb.audit.models import ArtifactVerdict
from harborweb.verification.origin import Origin, notes, origin_of
from harborweb.verification.sentences import Sentence
from harborweb.verification.sentences import sentence as _
from harborweb.verification.verdict import Verdict

MOST = 200  # other artifacts of the repository that are looked at


def notes_of(row: ArtifactVerdict) -> list[Sentence]:
    """What does not fit about the trusted signatures of a kept verdict; nothing where one of them fits.

    Read from signed bytes alone: the annotations of signatures that a trusted key made. They say nothing against the
    verdict, which the digest decides.
    """
    origins = _trusted(row)
    if not origins:
        return []
    tags = {*row.tags, *_tags_above(row)}
    now = timezone.now()
    each = [notes(one, row.repository, tags, now) for one in origins]
    found = [] if any(not one for one in each) else list(dict.fromkeys(note for one in each for note in one))
    return [*found, *_rolled_back(row, origins)]


def _trusted(row: ArtifactVerdict) -> list[Origin]:
    kept = [one for one in row.signatures if one.get("verdict") == Verdict.TRUSTED]
    return [origin_of(one.get("annotations") or {}) for one in kept]


def _tags_above(row: ArtifactVerdict) -> set[str]:
    """The tags of the indexes that list it."""
    if not row.parents:
        return set()
    above = ArtifactVerdict.objects.filter(
        registry_id=row.registry_id, repository=row.repository, digest__in=row.parents
    )
    return {tag for tags in above.values_list("tags", flat=True) for tag in tags}


def _rolled_back(row: ArtifactVerdict, origins: Sequence[Origin]) -> list[Sentence]:
    """The tags for which another digest here was signed later: they point back to this older one."""
    newest = {tag: max(_times(origins, tag), default=None) for tag in row.tags}
    others = ArtifactVerdict.objects.filter(registry_id=row.registry_id, repository=row.repository)
    found = []
    for tag, ours in newest.items():
        if ours is None:
            continue
        later = others.exclude(pk=row.pk).filter(signatures__icontains=tag).only("digest", "signatures", "verdict")
        for other in later.order_by("-checked")[:MOST]:
            if (theirs := max(_times(_trusted(other), tag), default=ours)) > ours:
                found.append(
                    _("%(tag)s was signed for another digest, %(digest)s, on %(when)s; it points back to this one.",
                      tag=tag, digest=other.digest, when=f"{theirs:%Y-%m-%d %H:%M} UTC")
                )  # fmt: skip
                break
    return found


def _times(origins: Iterable[Origin], tag: str) -> list[datetime]:
    return [one.time for one in origins if one.tag == tag and one.time is not None]
