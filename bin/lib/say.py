"""How the commands talk: terse lines on standard error, and an error that says what to type."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VAR = ROOT / "var"


class SetupError(Exception):
    """Set-up cannot go on; the text says what was tried and what to type."""


def say(text: str) -> None:
    """A line of progress; standard output stays the command's own."""
    print(text, file=sys.stderr, flush=True)


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, indented; empty when there is none."""
    if not path.exists():
        return ""
    return "\n".join(f"    {line}" for line in path.read_text(errors="replace").splitlines()[-lines:])
