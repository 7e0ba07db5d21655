"""A draft whose text has flaws: what a repair would change, the repair itself, and the way back. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.configuration.answers import REPAIR, State, carried
from harborweb.configuration.diff import Diff, Sides
from harborweb.configuration.text import repairs
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import BOM, TextProblem
from harborweb.configuration.veil import DOTS, SECRET, masked_lines, secret_values
from harborweb.errors import Problem

LINES = re.compile(r"[^\n]*\n|[^\n]+")
SAYS = re.compile(r"(?P<key>[^:\n]*:\s*)(?P<rest>\S.*)", re.DOTALL)
MOST_LINES = 80  # of a diff
CRLF = "\r\n"
TITLES = {
    repairs.CRLF: gettext_lazy("Line ends of Windows"),
    repairs.BYTE_ORDER_MARK: gettext_lazy("A byte order mark"),
    repairs.BREAKS: gettext_lazy("Hidden line breaks"),
    repairs.BLANKS: gettext_lazy("Odd blanks"),
    repairs.TAB: gettext_lazy("Tabs"),
    repairs.DUPLICATE: gettext_lazy("Keys that stand twice"),
    repairs.TRAILING_COMMENT: gettext_lazy("A comment behind the data folder"),
    repairs.QUOTES: gettext_lazy("Quotes around the data folder"),
}


@dataclass(frozen=True)
class Mending:
    """What a repair of some kinds would do: its diff, how many lines of it are left out, or why it cannot be done.

    `ends` lines get another line end; the diff shows them only where more than that changes.
    """

    diff: Diff | None
    left_out: int = 0
    ends: int = 0
    problem: TextProblem | None = None


def readable(text: str) -> bool:
    """Whether YAML reads it."""
    try:
        Document(text)
    except TextProblem:
        return False
    return True


def can_be_mended(text: str) -> bool:
    """Whether a text that YAML cannot read could be read once it is repaired."""
    try:
        return readable(repairs.repair(text, repairs.KINDS))
    except TextProblem:
        return False


def foreseen(text: str, kinds: Collection[str]) -> Mending:
    """What `repairs.repair` would change."""
    try:
        after = repairs.repair(text, kinds)
    except TextProblem as problem:
        return Mending(None, problem=problem)
    old, new = LINES.findall(text), LINES.findall(after)
    whole = _whole(after)
    secrets = secret_values(whole) if whole else set()
    ends = sum(line.endswith(CRLF) for line in old) - sum(line.endswith(CRLF) for line in new)
    compared = [line.removesuffix(CRLF) + "\n" if line.endswith(CRLF) else line for line in old] if ends else old
    sides = Sides(compared, new, _shown(text, old, secrets), _shown(after, new, secrets))
    diff = sides.diff(before=1)
    hunks, room = [], MOST_LINES
    for hunk in diff.hunks:
        hunks.append(replace(hunk, lines=hunk.lines[: max(0, room)]))
        room -= len(hunk.lines)
    return Mending(replace(diff, hunks=tuple(h for h in hunks if h.lines)), max(0, -room), ends)


def mended(state: State, kinds: Sequence[str], version: int) -> State:
    """`state` repaired, also where it began, so that its changes stay those of its answers.

    `version` is the draft's before, noted for the way back. Raises TextProblem where it cannot be done.
    """
    text = repairs.repair(state.text, kinds)
    if text == state.text:
        return state
    base = text if state.base == state.text else _tried(state.base, kinds)
    template = base if state.template == state.base else state.template
    typed = {**state.typed, REPAIR: f"{version}:{','.join(kinds)}"}
    return replace(state, base=base, template=template, text=text, typed=typed)


def taken_back(state: State, before: State) -> State:
    """`state` as it was before its repair, with the answers that were given since.

    Raises Problem when there are such and the text before cannot be read.
    """
    _version, _colon, kinds = state.typed.get(REPAIR, "").partition(":")
    at_once = mended(before, kinds.split(","), 0)
    if at_once.text == state.text:
        return before
    if not readable(before.text):
        raise Problem(
            _("Answers were given since, and the text before could not hold them."),
            _("Undo those answers first, or import the file again."),
        )
    typed = {key: raw for key, raw in state.typed.items() if key != REPAIR}
    return carried(replace(state, base=at_once.text, typed=typed), before)


def _tried(text: str, kinds: Sequence[str]) -> str:
    try:
        return repairs.repair(text, kinds)
    except TextProblem:
        return text


def _whole(text: str) -> Document | None:
    try:
        return Document(text)
    except TextProblem:
        return None


def _shown(text: str, lines: Sequence[str], secrets: set[str]) -> list[str]:
    """The lines with their secrets masked and with what no editor shows made visible."""
    document = _whole(text)
    masked = masked_lines(document, secrets) if document else [_veiled(line, secrets) for line in lines]
    return [_visible(shown, line) for shown, line in zip(masked, lines, strict=True)]


def _veiled(line: str, secrets: set[str]) -> str:
    """One line of a text that cannot be read: whatever its key calls a secret is hidden whole."""
    line = line.rstrip("\r\n")
    for secret in sorted(secrets, key=len, reverse=True):
        line = line.replace(secret, DOTS)
    said = SAYS.fullmatch(line)
    return said["key"] + DOTS if said and SECRET.search(said["key"]) else line


def _visible(shown: str, line: str) -> str:
    if line.startswith(BOM):
        shown = f"⟨BOM⟩{shown.removeprefix(BOM)}"
    shown = repairs.BLANK.sub("␣", shown).replace("\t", "⇥   ")
    return f"{shown}␍" if line.endswith("\r\n") else shown
