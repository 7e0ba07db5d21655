"""What the indexes that were judged make of what they list."""

from collections.abc import Sequence
from dataclasses import replace

from harborweb.audit.judging.judgement import Judgement
from harborweb.audit.judging.survey import Row
from harborweb.verification.sentences import sentence as _
from harborweb.verification.verdict import GREEN, Opinion, Verdict, covered


class Indexes:
    """The indexes judged so far, and what they make of what they list.

    What an index lists is proven by its bytes. Where Harbor keeps them back there is only its word: that makes nothing
    green, and nothing unsigned either.
    """

    def __init__(self) -> None:
        self.proven: dict[str, Judgement] = {}
        self.claimed: dict[str, Judgement] = {}  # were every word of Harbor's true
        self.tags: dict[str, set[str]] = {}  # of an index and of those above it

    def placed(self, row: Row, judgement: Judgement, look: str = "") -> Judgement:
        """`judgement` of `row`, whose places `look` so, and whose indexes were placed before, in the light of these."""
        above = {tag for one in row.parents for tag in self.tags.get(one, ())}
        if above or look:
            judgement = replace(judgement, index_tags=tuple(sorted(above)), look=look)
        if not row.parents and not row.is_index:
            return judgement
        proven = _under([self.proven[one] for one in row.parents if one in self.proven], judgement)
        claimed = _under([self.claimed[one] for one in row.parents if one in self.claimed], judgement)
        if row.is_index:
            self.tags[row.digest] = above.union(row.tags)
            self.claimed[row.digest] = claimed
            if not row.withheld:
                self.proven[row.digest] = proven
        if proven.verdict == claimed.verdict:
            return proven
        green = next(one for one in row.parents if one in self.claimed and self.claimed[one].verdict in GREEN)
        reason = _(
            "Not signed itself. Harbor says that the index %(digest)s lists it and lets nobody read that index, so it "
            "could not be checked.",
            digest=green,
        )
        return replace(proven, verdict=Verdict.UNCHECKED, reason=reason, key="", format="", counted=())


def _under(indexes: Sequence[Judgement], judgement: Judgement) -> Judgement:
    """The judgement, or via_index with the index's own evidence and command where a good index covers it."""
    opinion = covered(
        Opinion(judgement.verdict, judgement.reason, judgement.key, judgement.format),
        [(one.digest, Opinion(one.verdict, one.reason, one.key, one.format)) for one in indexes],
    )
    if opinion.verdict == judgement.verdict:
        return judgement
    index = next(one for one in indexes if one.verdict in GREEN)
    proof = tuple(replace(file, name=f"index-{file.name}") for file in index.evidence)
    return replace(
        judgement, verdict=opinion.verdict, reason=opinion.reason, key=opinion.key, format=opinion.format,
        evidence=judgement.evidence + proof, command=index.command, counted=index.counted,
    )  # fmt: skip
