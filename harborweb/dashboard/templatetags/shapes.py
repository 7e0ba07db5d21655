"""The drawings: one silhouette for each state, and the few signs of buttons (look.md, Verdicts and Other states).

Colour comes from the stylesheet (`.shape-<name>`); `cut` is drawn in the colour of the ground.
"""

from types import MappingProxyType

_DISC = '<circle cx="8" cy="8" r="7.2"/><path class="cut" d="M4.9 8.3l2.1 2.1 4.1-4.6"/>'
_OCTAGON = (
    '<path d="M5.1.9h5.8l4.2 4.2v5.8l-4.2 4.2H5.1L.9 10.9V5.1z"/>'
    '<path class="cut" d="M5.6 5.6l4.8 4.8m0-4.8l-4.8 4.8"/>'
)
_DASHED = (
    '<circle class="line" cx="8" cy="8" r="6.7" stroke-dasharray="2.5 1.71"/>'
    '<path class="line" d="M6.1 6.5a1.95 1.95 0 1 1 2.9 1.7c-.65.36-1 .75-1 1.4"/><circle cx="8" cy="11.5" r=".95"/>'
)
_RING_DASH = '<circle class="line" cx="8" cy="8" r="6.5"/><path class="line" d="M5.2 8h5.6"/>'
_TRIANGLE = (
    '<path d="M6.75 1.75a1.45 1.45 0 0 1 2.5 0l6.1 10.6a1.45 1.45 0 0 1-1.25 2.15H1.9a1.45 1.45 0 0 1-1.25-2.15z"/>'
    '<path class="cut" d="M8 5.4v4"/><circle class="hole" cx="8" cy="11.9" r=".95"/>'
)
_RING_INFO = (
    '<circle class="line" cx="8" cy="8" r="6.5"/><path class="line" d="M8 7.4v3.8"/><circle cx="8" cy="4.9" r=".95"/>'
)
_RUNNING = '<circle class="line track" cx="8" cy="8" r="6.3"/><path class="line arc" d="M8 1.7A6.3 6.3 0 1 1 1.7 8"/>'

DRAWINGS = MappingProxyType(
    {
        "trusted": _DISC,
        "via_index": (
            '<circle class="line" cx="10.5" cy="5.6" r="4.5"/><circle class="gap" cx="6.3" cy="9.4" r="6.3"/>'
            '<circle cx="6.3" cy="9.4" r="5.4"/><path class="cut" d="M3.8 9.6l1.7 1.7 3.2-3.6"/>'
        ),
        "attestation_only": (
            '<rect x="2.4" y=".9" width="11.2" height="14.2" rx="1.6"/>'
            '<path class="cut" d="M5.2 4.7h5.6M5.2 8h5.6M5.2 11.3h3.2"/>'
        ),
        "unknown_key": (
            '<path d="M7.1.7a1.3 1.3 0 0 1 1.8 0l6.4 6.4a1.3 1.3 0 0 1 0 1.8l-6.4 6.4a1.3 1.3 0 0 1-1.8 0L.7 8.9a1.3 '
            '1.3 0 0 1 0-1.8z"/><circle class="hole" cx="8" cy="6.6" r="1.65"/>'
            '<path class="hole" d="M7.3 7h1.4l.7 4H6.6z"/>'
        ),
        "invalid": _OCTAGON,
        "unchecked": _DASHED,
        "unsigned": _RING_DASH,
        "check": _DISC,
        "warn": _TRIANGLE,
        "bad": _OCTAGON,
        "running": _RUNNING,
        "queued": '<circle class="line" cx="8" cy="8" r="6.5"/><path class="line" d="M8 4.3V8l2.4 1.5"/>',
        "off": _RING_DASH,
        "unsure": _DASHED,
        "info": _RING_INFO,
        "tick": '<path class="line" d="M3 8.4l3.2 3.2L13 4.6"/>',
        "cross": '<path class="line" d="M4 4l8 8m0-8l-8 8"/>',
        "copy": (
            '<rect class="line" x="5.4" y="5.4" width="8.2" height="8.2" rx="1.6"/>'
            '<path class="line" d="M10.6 2.4H4A1.6 1.6 0 0 0 2.4 4v6.6"/>'
        ),
        "search": '<circle class="line" cx="7" cy="7" r="4.6"/><path class="line" d="M10.5 10.5l3.4 3.4"/>',
        "chevron": '<path class="line" d="M3.8 6l4.2 4.2L12.2 6"/>',
        "external": '<path class="line" d="M9.4 2.4h4.2v4.2M13.4 2.6L7.6 8.4M11.8 9.4v4.2H2.4V4.2h4.2"/>',
        "menu": '<path class="line" d="M2 4.2h12M2 8h12M2 11.8h12"/>',
        "pen": '<path class="line" d="M2.6 13.4l.7-3 7.6-7.6 2.3 2.3-7.6 7.6z"/>',
        "logo": (
            '<path class="line mark" d="M5.2 2.2a6.5 6.5 0 0 0-1.9 10.3M10.8 2.2a6.5 6.5 0 0 1 1.9 10.3"/>'
            '<circle class="mark" cx="8" cy="8.2" r="2.3"/>'
        ),
    }
)

# For the words that rooms use: the colour's name and the shape's name.
STATES = MappingProxyType(
    {
        "trusted": ("good", "trusted"),
        "via_index": ("good", "via_index"),
        "attestation_only": ("warn", "attestation_only"),
        "unknown_key": ("warn", "unknown_key"),
        "invalid": ("bad", "invalid"),
        "unchecked": ("unsure", "unchecked"),
        "unsigned": ("none", "unsigned"),
        "requested": ("none", "queued"),
        "queued": ("none", "queued"),
        "running": ("info", "running"),
        "succeeded": ("good", "check"),
        "failed": ("bad", "bad"),
        "stopped": ("none", "off"),
        "timed_out": ("bad", "bad"),
        "lost": ("bad", "bad"),
        "good": ("good", "check"),
        "check": ("good", "check"),
        "healthy": ("good", "check"),
        "warn": ("warn", "warn"),
        "bad": ("bad", "bad"),
        "unsure": ("unsure", "unsure"),
        "info": ("info", "info"),
        "none": ("none", "off"),
        "off": ("none", "off"),
    }
)
