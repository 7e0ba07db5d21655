"""What the table of known messages is made of."""

from dataclasses import dataclass
from enum import IntEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


class Certainty(IntEnum):
    """How much the words of a message prove."""

    CERTAIN = 3  # said for this reason alone
    LIKELY = 2  # said for this reason nearly always
    WRAPPER = 1  # says that it failed, not why

    @property
    def word(self) -> Words:
        """As the page says it."""
        return {3: _("certain"), 2: _("likely"), 1: _("says only that it failed")}[self.value]

    @property
    def state(self) -> str:
        """Its colour and shape."""
        return {3: "good", 2: "unsure", 1: "off"}[self.value]


@dataclass(frozen=True)
class Fix:
    """One step: a sentence, lines for a shell (or for the place that `where` names), and a page of ours that helps.

    In the lines {host}, {name}, {port} and {url} stand for this Harbor; they are quoted when they are filled in.
    """

    text: Words
    lines: tuple[str, ...] = ()
    page: str = ""  # a key of links.PAGES
    where: Words = ""


@dataclass(frozen=True)
class Message:
    """One known message: the words in which clients say it, what it means, and what to do.

    `patterns` are regular expressions for one line, case ignored. `weight` orders messages whose words overlap:
    the heavier one is meant.
    """

    key: str
    patterns: tuple[str, ...]
    certainty: Certainty
    cause: Words
    why: Words
    fixes: tuple[Fix, ...]
    weight: int = 50


def fix(text: Words, *lines: str, page: str = "", where: Words = "") -> Fix:
    """A step of the table."""
    return Fix(text, lines, page, where)


def known(
    key: str, patterns: tuple[str, ...], cause: Words, why: Words, *fixes: Fix,
    certainty: Certainty = Certainty.CERTAIN, weight: int = 50,
) -> Message:  # fmt: skip
    """A row of the table."""
    return Message(key, patterns, certainty, cause, why, fixes, weight)
