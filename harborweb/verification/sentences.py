"""Reasons: whole sentences that remember their template, so that a page can translate them."""

from typing import Self

SHOWN_CHARACTERS = 120


def shown(value: object) -> str:
    """`value` as one short line of printable characters: what a stranger wrote must not steer a terminal."""
    text = str(value)
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    return "".join(character if character.isprintable() else "�" for character in text)


class Sentence(str):
    """An English sentence; `template` and `values` are kept for `gettext(template) % values`."""

    template: str
    values: dict[str, str]

    def __new__(cls, template: str, values: dict[str, str]) -> Self:
        sentence = super().__new__(cls, template % values if values else template)
        sentence.template = template
        sentence.values = values
        return sentence

    def __getnewargs__(self) -> tuple[str, dict[str, str]]:  # type: ignore[override]
        return self.template, self.values


def sentence(template: str, **values: object) -> Sentence:
    """Fill `template` (gettext's `%(name)s`) with values cut to a printable line.

    Imported as `_`, so that makemessages collects the templates; this room imports no Django.
    """
    return Sentence(template, {name: shown(value) for name, value in values.items()})
