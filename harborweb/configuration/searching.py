"""Find a key by its name, by what we or the template say of it. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _

from harborweb.configuration import switches
from harborweb.configuration.answers import State
from harborweb.configuration.fields import BY_SECTION, FIELDS, Field
from harborweb.configuration.others import other_keys
from harborweb.configuration.text.comments import bare
from harborweb.configuration.text.document import Document, read

LONGEST_QUERY = 100
MOST = 40
AROUND = 90  # characters of a comment shown on either side of what was found
SIGNS = re.compile(r"^[ #]*")


@dataclass(frozen=True)
class Hit:
    """A key that was found."""

    key: str
    label: str
    section: str  # its title
    slug: str
    anchor: str
    where: str  # in which words it was found
    excerpt: str = ""
    changed: bool = False
    offered: bool = True


def found(state: State, query: str) -> list[Hit]:
    """The keys in which all words of `query` occur, those named so first; empty for an empty query."""
    words = query.casefold().split()
    if not words:
        return []
    ranked = sorted(_hits(state, words), key=lambda pair: pair[0])
    return [hit for _rank, hit in ranked[:MOST]]


def _hits(state: State, words: list[str]) -> Iterator[tuple[int, Hit]]:
    comments = comments_of(state.template)
    for field in FIELDS:
        rank, where, excerpt = _rank(field, comments.get(field.key, ""), words)
        if rank:
            offered = state.offered(field)
            changed = offered and state.counts(field) and state.changed(field)
            yield rank, Hit(
                field.key, str(field.label), str(BY_SECTION[field.section].title), field.section, _anchor(field),
                where, excerpt, changed, offered,
            )  # fmt: skip
    for other in other_keys(state.document):
        if all(word in other.key.casefold() for word in words):
            title = BY_SECTION["advanced"].title
            yield 6, Hit(other.key, _("Another key of this file"), str(title), "advanced", "other-title", _("name"))


def _anchor(field: Field) -> str:
    """The id on the page; a key that a choice stands for is found at the choice."""
    if switches.asked(field.key):
        return "id_" + field.key.replace(".", "_") + "_field"
    switch = next(switch for switch in switches.SWITCHES if field.key in switch.keys)
    return f"choose_{switch.name}"


def _rank(field: Field, comment: str, words: list[str]) -> tuple[int, str, str]:
    key, label = field.key.casefold(), str(field.label).casefold()
    if "".join(words) in (key, field.name.casefold()):
        return 1, _("name"), ""
    places = ((2, _("name"), key, ""), (3, _("label"), f"{label} {key}", ""))
    for rank, where, text, excerpt in places:
        if all(word in text for word in words):
            return rank, where, excerpt
    text = f"{label} {key} {field.help} {' '.join(field.choices)}"
    if all(word in text.casefold() for word in words):
        return 4, _("help"), _around(str(field.help), words)
    if all(word in f"{text} {comment}".casefold() for word in words):
        return 5, _("comment in the template"), _around(comment, words)
    return 0, "", ""


def _around(text: str, words: list[str]) -> str:
    """The part of `text` in which the first of `words` stands."""
    at = min((place for place in (text.casefold().find(word) for word in words) if place >= 0), default=0)
    begin, end = max(0, at - AROUND), at + AROUND
    begin = text.find(" ", begin) + 1 if begin else 0
    end = text.rfind(" ", 0, end) if end < len(text) else len(text)
    return f"{'… ' if begin else ''}{text[begin : max(end, at + 1)].strip()}{' …' if end < len(text) else ''}"


@lru_cache(maxsize=8)
def comments_of(text: str) -> Mapping[str, str]:
    """What the comment right above each key says, in one line, by key; live and commented keys."""
    document = read(text)
    lines = {index: key for key, index in _key_lines(document)}
    said = {}
    for index, key in lines.items():
        above = []
        number = index - 1
        while number >= 0 and number not in lines and document.lines[number].lstrip().startswith("#"):
            above.append(SIGNS.sub("", document.lines[number]).strip())
            number -= 1
        said[key] = " ".join(part for part in reversed(above) if part)
    return said


def _key_lines(document: Document) -> Iterator[tuple[str, int]]:
    for path, entry in document.tree.entries.items():
        if entry.key_start < entry.key_end:
            yield ".".join(path), document.tree.line(entry.key_start) - 1
    for path, commented in document.commented.items():
        if commented.bare == bare(document.lines[commented.index]):
            yield ".".join(path), commented.index
