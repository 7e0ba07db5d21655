"""The colours of the stylesheet can be read: computed, in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re

import pytest

from tests.parts import ROOT

CSS = (ROOT / "static" / "css" / "harborweb.css").read_text()
BLOCKS = {
    "light": CSS[CSS.index(":root {") : CSS.index("@media (prefers-color-scheme")],
    "dark by the system": CSS[CSS.index(":root:not([data-theme") : CSS.index(':root[data-theme="dark"] {')],
    "dark by choice": CSS[CSS.index(':root[data-theme="dark"] {') : CSS.index("/* ---------- ground")],
}
TEXT = [
    *[(text, ground) for text in ("text", "text-2", "text-3") for ground in ("surface", "bg", "sunken", "hover")],
    *[(state, ground) for state in ("good", "warn", "bad", "unsure") for ground in ("surface", "bg", f"{state}-soft")],
    ("accent", "surface"), ("accent", "bg"), ("accent", "accent-soft"), ("text", "accent-soft"), ("none", "none-soft"),
    ("on-accent", "accent"), ("on-accent", "accent-2"), ("on-danger", "danger"), ("text-2", "bad-soft"),
    ("text-2", "warn-soft"), ("add", "add-soft"), ("del", "del-soft"), ("text-3", "accent-soft"),
]  # fmt: skip
SHAPES = [
    *[(f"{state}-fill", ground) for state in ("good", "warn", "bad", "unsure", "none") for ground in ("surface", "bg")],
    ("control", "surface"), ("control", "bg"), ("focus", "surface"), ("focus", "bg"),
]  # fmt: skip
LOG = [(f"term-{name}", "term") for name in ("text", "dim", "err", "warn", "ok", "cmd")]


def tokens(theme: str) -> dict[str, str]:
    """The theme's own values over those of the light one."""
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", BLOCKS["light"]))
    return {**found, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", BLOCKS[theme]))}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", BLOCKS)
def test_words_and_shapes_stand_out(theme: str) -> None:
    colour = tokens(theme)
    weak = [
        f"{front} on {ground}: {ratio(colour[front], colour[ground]):.2f}"
        for pairs, least in ((TEXT, 4.5), (LOG, 4.5), (SHAPES, 3.0))
        for front, ground in pairs
        if ratio(colour[front], colour[ground]) < least
    ]
    assert weak == []


def test_both_ways_to_dark_are_the_same() -> None:
    assert tokens("dark by the system") == tokens("dark by choice")
    assert tokens("dark by choice") != tokens("light")


def test_every_token_that_is_used_exists() -> None:
    used = set(re.findall(r"var\(--([\w-]+)[,)]", CSS))
    defined = set(re.findall(r"--([\w-]+):", CSS))
    assert used - defined == set()
