"""Find the known messages in a paste. Pure: text in, findings out; nothing is kept or logged."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from harborweb.access.decoder import images, network, policies, proxying, rights, tls
from harborweb.access.decoder.message import Certainty, Message
from harborweb.access.decoder.veil import veiled

TABLE: tuple[Message, ...] = (
    *tls.MESSAGES, *network.MESSAGES, *proxying.MESSAGES, *rights.MESSAGES, *policies.MESSAGES, *images.MESSAGES,
)  # fmt: skip
LIMIT = 64 * 1024  # bytes of a paste
EACH = 200  # places where one message is looked for; a log in a loop says no more
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HOST = re.compile(
    r"(?:https?|docker|oci)://([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(?::[0-9]{1,5})?)(?=[/\s\"'\\,;)]|$)"
)


@dataclass(frozen=True)
class Span:
    """A piece of the paste: characters from `start` to `end`, and the message they are proof of."""

    start: int
    end: int
    message: Message


@dataclass(frozen=True)
class Finding:
    """A message that is in the paste, the words that prove it, and the line of the first."""

    message: Message
    words: tuple[str, ...]
    line: int
    times: int


@dataclass(frozen=True)
class Piece:
    """Text of the paste, one after the other; `number` is the finding it proves (from 1), 0 for the rest."""

    text: str
    number: int = 0


@dataclass(frozen=True)
class Decoded:
    """What a paste says: the likeliest cause first, the paste with its proofs, and the hosts it names."""

    findings: tuple[Finding, ...]
    pieces: tuple[Piece, ...]
    hosts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The paste without its secrets."""
        return "".join(piece.text for piece in self.pieces)


@lru_cache
def _pattern(message: Message) -> "re.Pattern[str]":
    return re.compile("|".join(f"(?:{one})" for one in message.patterns), re.IGNORECASE | re.MULTILINE)


def decode(paste: str) -> Decoded:
    """Everything that is known of `paste`, ranked: the certain before the likely, the specific before the general.

    Where the words of two messages overlap the heavier one is meant, among equals the longer. What only says that
    something failed is left out where a reason is there too.
    """
    text = veiled(_CONTROL.sub("", _ANSI.sub("", paste.replace("\r\n", "\n").replace("\r", "\n"))))
    spans = _chosen(span for message in TABLE for span in _places(message, text))
    found = {span.message.key: span.message for span in spans}
    if any(message.certainty is not Certainty.WRAPPER for message in found.values()):
        found = {key: message for key, message in found.items() if message.certainty is not Certainty.WRAPPER}
    spans = [span for span in spans if span.message.key in found]
    first = {span.message.key: span.start for span in reversed(spans)}
    ranked = sorted(found.values(), key=lambda one: (-one.certainty, -one.weight, first[one.key]))
    numbers = {message.key: number for number, message in enumerate(ranked, 1)}
    return Decoded(
        tuple(_finding(message, text, spans) for message in ranked), tuple(_pieces(text, spans, numbers)),
        tuple(dict.fromkeys(host.lower() for host in _HOST.findall(text))),
    )  # fmt: skip


def _places(message: Message, text: str) -> list[Span]:
    found = []
    for match in _pattern(message).finditer(text):
        found.append(Span(match.start(), match.end(), message))
        if len(found) == EACH:
            break
    return found


def _chosen(spans: Iterable[Span]) -> list[Span]:
    """Those that overlap with no better one, in the order of the text."""
    ordered = sorted(spans, key=lambda one: (-one.message.weight, one.start - one.end, one.start))
    taken = bytearray(max((span.end for span in ordered), default=0))
    chosen = []
    for span in ordered:
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            chosen.append(span)
    return sorted(chosen, key=lambda one: one.start)


def _finding(message: Message, text: str, spans: list[Span]) -> Finding:
    own = [span for span in spans if span.message.key == message.key]
    words = dict.fromkeys(text[span.start : span.end].strip() for span in own)
    return Finding(message, tuple(words)[:3], text.count("\n", 0, own[0].start) + 1, len(own))


def _pieces(text: str, spans: list[Span], numbers: dict[str, int]) -> Iterable[Piece]:
    at = 0
    for span in spans:
        if span.start > at:
            yield Piece(text[at : span.start])
        yield Piece(text[span.start : span.end], numbers[span.message.key])
        at = span.end
    if at < len(text):
        yield Piece(text[at:])
