"""Geometry of the gauge: a half ring that empties."""

import math
from dataclasses import dataclass

RADIUS, WIDTH, CENTRE = 52.0, 12.0, 64.0
LOW, OUT = 0.25, 0.1  # below these shares it is worth a look, and nearly over


@dataclass(frozen=True)
class Gauge:
    """`track` is the whole half ring, `left` what remains; `state` is good, warn or bad."""

    track: str
    left: str
    state: str


def gauge(remaining: int, limit: int) -> Gauge:
    """The half ring for `remaining` of `limit`; nothing of it is filled for 0."""
    share = min(1.0, max(0.0, remaining / limit)) if limit > 0 else 0.0
    state = "bad" if share < OUT else "warn" if share < LOW else "good"
    return Gauge(_arc(1.0), _arc(share) if share else "", state)


def _arc(share: float) -> str:
    """An arc from the left end over the top, `share` of a half circle."""
    angle = math.pi * (1 - share)
    x, y = CENTRE + RADIUS * math.cos(angle), CENTRE - RADIUS * math.sin(angle)
    return f"M{CENTRE - RADIUS:g} {CENTRE:g}A{RADIUS:g} {RADIUS:g} 0 0 1 {x:.2f} {y:.2f}"
