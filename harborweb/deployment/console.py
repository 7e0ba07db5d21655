"""The log of a job for somebody at a shell: what a workshop says to its Run, printed."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

from harborweb.masking import Masker
from harborweb.tools import process


class Teller(Protocol):
    """What long work needs to tell how far it is: a job's Run, or a Console."""

    def step(self, number: int, of: int, name: str) -> None:
        """Step `number` of `of` begins."""

    def progress(self, done: int, total: int) -> None:
        """`done` of `total` within this step."""

    def line(self, text: str, stream: str = ...) -> None:
        """A line for the log."""

    def check(self) -> None:
        """Raise when the work shall stop."""

    def secret(self, value: str) -> None:
        """Mask `value` from now on."""

    def execute(
        self,
        command: Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: float | None = None,
    ) -> process.Completed:
        """Run a program, its output in the log."""


class Console:
    """Tells on standard error, so that standard output can be a result."""

    def __init__(self) -> None:
        self._masker = Masker(())

    def step(self, number: int, of: int, name: str) -> None:
        """Print the step."""
        self.line(f"{number}/{of} {name}")

    def progress(self, done: int, total: int) -> None:
        """A shell has its own ways to watch."""

    def line(self, text: str, stream: str = "note") -> None:
        """Print `text`, secrets masked."""
        print(self._masker.mask(text), file=sys.stderr)  # noqa: T201 - this is what a console is for

    def check(self) -> None:
        """A shell stops with Ctrl-C."""

    def secret(self, value: str) -> None:
        """Mask `value` from now on."""
        self._masker = self._masker.plus(value)

    def execute(
        self,
        command: Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: float | None = None,
    ) -> process.Completed:
        """Run a program, its output printed."""
        self.line(f"$ {process.shown(command)}")
        return process.run(
            command, cwd=cwd, env=env, stdin=stdin, timeout=timeout, masker=self._masker, on_line=self.line
        )
