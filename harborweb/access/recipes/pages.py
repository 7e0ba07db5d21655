"""What the page of a recipe shows: passages of text, and beside each what it is for. No request, no database."""

from collections.abc import Mapping
from dataclasses import dataclass

from harborweb.access.recipes.shape import Passage, Piece, Recipe
from harborweb.configuration.fields import Words


@dataclass(frozen=True)
class Note:
    """What lines are for: `text` is said once, where the tag comes first; later its `label` leads there."""

    tag: str
    label: Words
    text: Words = ""


@dataclass(frozen=True)
class Row:
    """A passage with its notes."""

    passage: Passage
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Part:
    """A piece with its rows; `number` counts the pieces from 1."""

    number: int
    piece: Piece
    rows: tuple[Row, ...]


def parts(recipe: Recipe, why: Mapping[str, tuple[Words, Words]]) -> list[Part]:
    """The pieces of a recipe with every tag explained once; `why` has a label and a reason for each."""
    told: set[str] = set()
    found = []
    for number, piece in enumerate(recipe.pieces, 1):
        rows = []
        above: tuple[str, ...] = ()
        for passage in piece.passages:
            notes = [_note(tag, why, told) for tag in passage.tags if tag not in above]
            rows.append(Row(passage, tuple(notes)))
            above = passage.tags
        found.append(Part(number, piece, tuple(rows)))
    return found


def _note(tag: str, why: Mapping[str, tuple[Words, Words]], told: set[str]) -> Note:
    label, text = why[tag]
    first = tag not in told
    told.add(tag)
    return Note(tag, label, text if first else "")
