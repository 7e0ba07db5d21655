"""Numbers for the server-rendered bars."""

from collections.abc import Mapping
from dataclasses import dataclass

from harborweb.audit.words import WORDS
from harborweb.verification.verdict import Verdict

# From proven to nothing there (look, "Components").
CHART_ORDER = (
    Verdict.TRUSTED,
    Verdict.VIA_INDEX,
    Verdict.ATTESTATION_ONLY,
    Verdict.UNKNOWN_KEY,
    Verdict.INVALID,
    Verdict.UNCHECKED,
    Verdict.UNSIGNED,
)
WIDTH = 272
GAP = 2
LEAST = 3


@dataclass(frozen=True)
class Piece:
    """One piece of a bar, in pixels."""

    verdict: str
    x: int
    width: int
    label: str


def bar(counts: Mapping[str, int], width: int = WIDTH) -> list[Piece]:
    """Lay out `counts` as pieces of a bar: each at least 3 px, 2 px apart, together `width` px."""
    present = [verdict for verdict in CHART_ORDER if counts.get(verdict)]
    if not present:
        return []
    room = width - GAP * (len(present) - 1)
    total = sum(counts[verdict] for verdict in present)
    widths = {verdict: max(LEAST, room * counts[verdict] // total) for verdict in present}
    widths[max(present, key=lambda verdict: widths[verdict])] += room - sum(widths.values())
    pieces, x = [], 0
    for verdict in present:
        pieces.append(Piece(verdict.value, x, widths[verdict], f"{WORDS[verdict]}: {counts[verdict]}"))
        x += widths[verdict] + GAP
    return pieces
