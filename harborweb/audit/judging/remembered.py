"""What is known of artifacts from before, without a database: how far an answer of now is the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from harborweb.audit.judging.judgement import Judgement
from harborweb.registry.names import digest_of
from harborweb.registry.plain import Plain
from harborweb.verification.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of an artifact from before: its verdict, where it stood, and how its places looked."""

    verdict: Verdict
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    media_type: str = ""  # of a manifest that is no index
    look: str = ""
    key: str = ""
    format: str = ""
    reason: str = ""
    badge: str = ""
    pulled: datetime | None = None


Memory = Mapping[str, Remembered]  # by digest, of one repository


def of(judgement: Judgement) -> Remembered:
    """What there is to remember of a judgement."""
    return Remembered(
        judgement.verdict, judgement.tags, judgement.parents, judgement.media_type, judgement.look, judgement.key,
        judgement.format, judgement.reason, judgement.badge, judgement.pulled,
    )  # fmt: skip


def same_manifest(answer: Plain, memory: Memory) -> str:
    """The digest of a manifest that is no index where it is known from before, by its bytes; else nothing."""
    digest = digest_of(answer.body)
    known = memory.get(digest)
    if answer.status != 200 or known is None or not known.media_type:
        return ""
    same = answer.header(b"content-type") == known.media_type and answer.header(b"docker-content-digest") in {
        "",
        digest,
    }
    return digest if same else ""
