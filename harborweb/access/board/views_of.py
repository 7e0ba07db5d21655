"""What one place sees of the name: values only."""

from dataclasses import asdict, dataclass, field
from typing import Any

FINE, LOOK, WRONG, UNSURE, SKIPPED = "fine", "look", "wrong", "unsure", "skipped"
ROWS = ("asked", "address", "port", "certificate", "registry", "token", "push")


@dataclass(frozen=True)
class Cell:
    """One answer: a state and words."""

    verdict: str = SKIPPED
    words: str = ""
    note: str = ""


@dataclass
class Column:
    """A place and its answers, by row (ROWS). `addresses` are what the name means there; `open` whether one answers.

    `literal` says that people use an address and no name.
    """

    place: str  # host, container, public
    title: str
    addresses: list[str] = field(default_factory=list)
    open: bool | None = None
    cells: dict[str, Cell] = field(default_factory=dict)
    reason: str = ""  # why nothing was asked
    literal: bool = False

    def put(self, row: str, verdict: str, words: str, note: str = "") -> None:
        """Fill a cell."""
        self.cells[row] = Cell(verdict, words, note)

    def kept(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def not_asked(place: str, title: str, reason: str) -> Column:
    """A place that could not be asked, and why."""
    return Column(place, title, reason=reason)
