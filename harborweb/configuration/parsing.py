"""What was typed into a field, as the value that stands in harbor.yml."""

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _

from harborweb.configuration.fields.shape import Field, Kind
from harborweb.configuration.text.reading import TextProblem, Value

LONGEST = 1024
DURATION = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")  # Go's time.ParseDuration
HOURS = re.compile(r"[0-9]+h")
SIZE = re.compile(r"[0-9]+[kMG]?")
FRACTION = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
NUMBER = re.compile(r"[+-]?\d+")
DIGITS = 18  # what a 64-bit number surely holds


def parse(field: Field, raw: str) -> Value:
    """The value that `raw`, typed into `field`, stands for; None when it was left empty.

    Raises TextProblem for what cannot stand in a harbor.yml at all.
    """
    text = raw if field.secret else raw.strip()
    if len(text) > LONGEST:
        raise TextProblem(
            _("This is longer than %(most)s characters.") % {"most": LONGEST}, _("Shorten it."), key=field.key
        )
    if "\n" in text or "\r" in text:
        raise TextProblem(_("This takes one line."), _("Remove the line break."), key=field.key)
    if not text:
        return None
    if field.kind is Kind.PORT:
        return _port(field, text)
    if field.kind is Kind.NUMBER:
        return _number(field, text)
    if field.kind is Kind.BOOLEAN:
        return _boolean(field, text)
    if field.kind is Kind.FRACTION:
        return _fraction(field, text)
    if field.kind is Kind.DURATION and text == "0":
        return 0
    return int(text) if field.kind is Kind.SIZE and text.isascii() and text.isdigit() and len(text) < DIGITS else text


def parse_items(field: Field, raws: Sequence[str]) -> list[str]:
    """The items chosen of a list, in the order of `field.choices`; unknown ones come last and stay."""
    typed = [raw.strip() for raw in raws if raw.strip()]
    known = [choice for choice in field.choices if choice in typed]
    return [*known, *(item for item in dict.fromkeys(typed) if item not in known)]


def _port(field: Field, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise TextProblem(
            _("A port is a number."), _("Write a whole number from 1 to 65535, for example 8080."), key=field.key
        )
    return int(text[:12])


def _number(field: Field, text: str) -> int:
    if not (text.isascii() and NUMBER.fullmatch(text)) or len(text) > DIGITS:
        raise TextProblem(
            _("This is a whole number."), _("Write digits alone, without a unit behind them."), key=field.key
        )
    return int(text)


def _fraction(field: Field, text: str) -> int | float:
    if not (text.isascii() and FRACTION.fullmatch(text)):
        raise TextProblem(_("This is a number."), _("Write it with a point, for example 0.5."), key=field.key)
    return int(text) if NUMBER.fullmatch(text) else float(text)


def _boolean(field: Field, text: str) -> bool:
    if text.lower() in ("true", "yes", "on"):
        return True
    if text.lower() in ("false", "no", "off"):
        return False
    raise TextProblem(_("This is either on or off."), _("Choose one of the two."), key=field.key)
