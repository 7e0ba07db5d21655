"""Secrets out of text: in one piece, or in a stream that arrives in pieces.

How a secret is found:
- Line breaks count for nothing, in the secret and in the text: a secret that a
  program wrapped, and a key of many lines, are found all the same.
- Also as JSON, a URL and base64 write it, and each line of 8 or more characters
  of a secret that has several.
- Overlapping secrets are masked together.
- Of one to three characters it is masked only where it stands as a word of its
  own: masking each "a" of a log would hide the log and tell the secret.
"""

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

MASK = "•••"
SHORT = 4  # shorter secrets are masked as whole words; shorter beginnings may be shown when a stream falls silent
_LINE_BREAKS = str.maketrans("", "", "\r\n")


def _forms(secret: str) -> set[str]:
    """The ways `secret` may be written, without line breaks."""
    forms = {secret, secret.strip()}
    if len(secret) >= SHORT:
        forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
        data = secret.encode(errors="replace")
        forms |= {quote(data), quote(data, safe=""), quote_plus(data), base64.b64encode(data).decode()}
        lines = secret.splitlines()
        if len(lines) > 1:
            forms |= {line.strip() for line in lines if len(line.strip()) >= 8 and not line.startswith("-----")}
    return {form.translate(_LINE_BREAKS) for form in forms} - {""}


class Masker:
    """Knows secrets and takes them out of text; immutable."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = frozenset(secret for secret in secrets if secret)
        self.forms = sorted(set[str]().union(*map(_forms, self._secrets)), key=len, reverse=True)

    def __repr__(self) -> str:
        return f"<Masker of {len(self._secrets)}>"

    def plus(self, secret: str) -> "Masker":
        """A masker that knows `secret` too."""
        return Masker((*self._secrets, secret))

    def mask(self, text: str) -> str:
        """`text` with every secret replaced by MASK."""
        return _cut(text, self.spans(text), 0, len(text)) if self.forms else text

    def stream(self) -> "MaskStream":
        """A masker for text that arrives in pieces."""
        return MaskStream(self)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where in `text` secrets are, merged and in order."""
        bare = text.translate(_LINE_BREAKS)
        present = [form for form in self.forms if form in bare]
        if not present:
            return []
        squeezed, places = _squeeze(text)
        found: list[tuple[int, int]] = []
        for form in present:
            at = squeezed.find(form)
            while at >= 0:
                first, last = places[at], places[at + len(form) - 1]
                if len(form) >= SHORT or _is_word(text, first, last):
                    found.append((first, last + 1))
                at = squeezed.find(form, at + 1)
        return _merged(found)

    def unfinished(self, text: str) -> int:
        """Where the end of `text` begins that may be the beginning of a secret; its length when none does."""
        longest = len(self.forms[0]) if self.forms else 0
        cut = max(0, len(text) - 2 * longest)
        if len(text[cut:].translate(_LINE_BREAKS)) < longest:  # mostly line breaks
            cut = 0
        squeezed, places = _squeeze(text[cut:])
        earliest = len(squeezed)
        for form in self.forms:
            # a short secret at the very end needs the next character to be known as a word
            at = squeezed.find(form[0], max(0, len(squeezed) - len(form) + (len(form) >= SHORT)))
            while 0 <= at < earliest:
                if form.startswith(squeezed[at:]):
                    earliest = at
                at = squeezed.find(form[0], at + 1)
        return cut + places[earliest] if earliest < len(squeezed) else len(text)


class MaskStream:
    """Masks text fed in pieces of any size; keeps back what may be the beginning of a secret."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._text = ""  # the end of what came: one character before what is kept back, to tell words apart
        self._shown = 0  # how much of _text was given out already, as it is or as a mask

    def feed(self, piece: str) -> str:
        """Take `piece`; returns what can be shown by now."""
        if not self._masker.forms:
            return piece
        self._text += piece
        return self._release(self._masker.unfinished(self._text))

    def silent(self) -> str:
        """Nothing came for a while: returns what is kept back, if that beginning is too short to tell much.

        The rest of the secret is still masked, should it come.
        """
        beginning = self._text[self._masker.unfinished(self._text) :]
        if len(beginning.translate(_LINE_BREAKS)) >= SHORT:
            return ""
        shown = _cut(self._text, self._masker.spans(self._text), self._shown, len(self._text))
        self._shown = len(self._text)
        return shown

    def end(self) -> str:
        """The stream is over: returns the rest."""
        return self._release(len(self._text))

    def _release(self, until: int) -> str:
        spans = self._masker.spans(self._text)
        # a secret that ends in the beginning of another is masked now and stays for the other's sake
        end = max([until, self._shown, *(last for first, last in spans if first < until < last)])
        shown = _cut(self._text, spans, self._shown, end)
        start = max(0, until - 1)
        self._text, self._shown = self._text[start:], end - start
        return shown


def _squeeze(text: str) -> tuple[str, list[int] | range]:
    """`text` without line breaks, and where each remaining character stood."""
    if "\n" not in text and "\r" not in text:
        return text, range(len(text))
    places = [place for place, character in enumerate(text) if character not in "\r\n"]
    return text.translate(_LINE_BREAKS), places


def _is_word(text: str, first: int, last: int) -> bool:
    before, after = text[first - 1 : first] if first else "", text[last + 1 : last + 2]
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _cut(text: str, spans: list[tuple[int, int]], start: int, end: int) -> str:
    """text[start:end] with MASK in place of `spans`."""
    parts, at = [], start
    for first, last in spans:
        if last > at and first < end:
            parts += [text[at:first], MASK] if first >= at else [MASK]
            at = last
    return "".join([*parts, text[at:end]])
