"""How to repair what a diagnosis names: the marked line of a proxy's recipe, or the keys of harbor.yml. No database."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from harborweb.access.recipes.front import Front, filled_in
from harborweb.access.recipes.proxies import PROXIES, TITLES, recipe
from harborweb.access.recipes.shape import Line, Piece, Recipe
from harborweb.configuration.fields import Words
from harborweb.errors import Problem

AROUND = 2  # lines shown before and after a marked one
FEW = 14  # a piece of so many lines is shown whole


@dataclass(frozen=True)
class Shown:
    """A line of the excerpt; `marked` is one to write, a `gap` stands for lines that are left out."""

    text: str = ""
    marked: bool = False
    gap: bool = False


@dataclass(frozen=True)
class Excerpt:
    """Lines of one place of a recipe; `copied` are the marked ones."""

    where: Words
    lines: list[Shown]
    copied: str


@dataclass(frozen=True)
class Repair:
    """What to do at one proxy; no excerpts where its recipe has no line for it, then `words` say it."""

    proxy: str
    title: Words
    excerpts: list[Excerpt] = field(default_factory=list)
    check: str = ""
    reload: str = ""
    words: str = ""


TAKE_OUT = "headers"  # no line to add: one to take out


def repair(tag: str, proxy: str, values: dict[str, object]) -> Repair | None:
    """The lines for `tag` at `proxy`, filled in with `values`; None where a proxy has nothing to do with it."""
    if not tag:
        return None
    proxy = proxy if proxy in PROXIES else next(iter(PROXIES))
    title = TITLES[proxy]
    if tag == TAKE_OUT:
        return Repair(proxy, title, words=_(
            "Take out the line that hides or empties this header (in nginx proxy_hide_header, or proxy_set_header "
            "with nothing behind it; in Caddy header_down - or header_up -; in HAProxy del-header; in Apache unset)."
        ))  # fmt: skip
    try:
        made = recipe(proxy, Front(**{"name": "registry.example", **values}))  # type: ignore[arg-type]
    except Problem as problem:
        return Repair(proxy, title, words=str(problem))
    excerpts = [excerpt for piece in made.pieces if (excerpt := _excerpt(piece, tag)) is not None]
    words = "" if excerpts else _("This proxy needs no line for it; see that none of yours says otherwise.")
    check, reload = _commands(made)
    return Repair(proxy, title, excerpts, check, reload, words)


def front(place: object) -> dict[str, object]:
    """The values of a recipe for the Harbor at this place, as the page of recipes fills them in."""
    return filled_in(place)  # type: ignore[arg-type]


def _commands(made: Recipe) -> tuple[str, str]:
    """The recipe's own command that reads it for faults, and the one that takes it up."""
    last = next((step.commands for step in reversed(made.steps) if step.commands and step.commands != made.check), "")
    return made.check, last


def _excerpt(piece: Piece, tag: str) -> Excerpt | None:
    wanted = [line for line in piece.lines if tag in line.tags]
    if not wanted:
        return None
    near = _near(piece.lines, wanted)
    shown: list[Shown] = []
    for line in piece.lines:
        if line.number in near:
            shown.append(Shown(line.text, line in wanted))
        elif shown and not shown[-1].gap:
            shown.append(Shown(gap=True))
    while shown[-1].gap or not shown[-1].text.strip():
        shown.pop()
    depth = min(_indent(one.text) for one in shown if one.text.strip())
    shown = [Shown(one.text[depth:], one.marked, one.gap) for one in shown]
    return Excerpt(piece.where, shown, "\n".join(line.text.strip() for line in wanted))


def _near(lines: tuple[Line, ...], wanted: Iterable[Line]) -> set[int]:
    """The numbers of the lines to show: around each wanted one, and the line that opens its block."""
    if len(lines) <= FEW:
        return {line.number for line in lines}
    near: set[int] = set()
    for one in wanted:
        near |= set(range(one.number - AROUND, one.number + AROUND + 1))
        depth = _indent(one.text)
        for above in reversed(lines[: one.number - 1]):
            if above.text.strip() and _indent(above.text) < depth:
                near.add(above.number)
                break
    return near


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())
