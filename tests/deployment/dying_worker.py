"""A worker that ends itself by SIGKILL where the test says: `python -m tests.deployment.dying_worker JOB POINT`.

The product knows nothing of it: the points are laid around its own functions here, in this process alone.
"""

import os
import signal
import sys
import tarfile
from collections.abc import Callable
from typing import Any

import django

django.setup()

from harborweb.deployment import deploying, files, rehearsal, rendered  # noqa: E402
from harborweb.deployment.transaction import attempt, probe, recovery  # noqa: E402
from harborweb.deployment.transaction.journal import Journal  # noqa: E402
from harborweb.errors import Problem  # noqa: E402
from harborweb.jobs.run import Run, perform  # noqa: E402


def die() -> None:
    """As `kill -9` does it: no handler runs, nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def after(owner: Any, name: str, when: Callable[..., bool] = lambda *given: True) -> None:
    """Die as soon as `owner.name` has returned, where `when` its arguments fit."""
    ours = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        result = ours(*given, **named)
        if when(*given):
            die()
        return result

    setattr(owner, name, wrapped)


def at_phase(name: str) -> None:
    """Die when the journal has this phase, before its step does anything."""
    after(Journal, "write", lambda journal, phase: phase == name)


def at_line(part: str, phase: str = "") -> None:
    """Die when a line with `part` comes to the log, from us or from a program that runs; in `phase` of the journal."""
    now = [""]
    after(Journal, "write", lambda journal, begun: bool(now.__setitem__(0, begun)))
    after(Run, "line", lambda run, text, *stream: part in text and phase in now[0])


def half_put_back() -> None:
    """Die when the first file has come back out of the snapshot."""
    after(tarfile.TarFile, "makefile")


def after_pushed() -> None:
    """Die between push and pull of the acceptance."""
    ours = probe._pushed

    async def pushed(*given: Any) -> str:
        await ours(*given)
        die()
        return ""

    probe._pushed = pushed


def failing() -> None:
    """Up fails, so that a rollback begins."""

    def up(self: attempt.Attempt) -> None:
        raise Problem("It failed, as the test wants it.")

    attempt.Attempt.up = up  # type: ignore[method-assign]


def both(*points: Callable[[], Any]) -> Callable[[], None]:
    return lambda: [point() for point in points] and None


POINTS: dict[str, Callable[[], Any]] = {
    # Nothing is touched
    "lock": lambda: at_phase("lock"),
    "host checks": lambda: at_phase("checks"),
    "snapshot begins": lambda: at_phase("snapshot"),
    "snapshot half written": lambda: after(files, "write_whole", lambda path, *rest: path.name == "2.json"),
    "rehearsal laid out": lambda: after(rehearsal, "_lay_out"),
    "rehearsal prepares": lambda: at_line("Clearing the configuration file", "rehearse"),
    "rehearsal checked": lambda: at_line("take this configuration"),
    "pull": lambda: at_phase("pull"),
    # Back to the snapshot
    "down begins": lambda: at_phase("down"),
    "down half": lambda: at_line("Container practice-front", "down"),
    "down is done": lambda: at_phase("write"),
    "harbor.yml written": lambda: at_line("harbor.yml was written"),
    "prepare runs in place": lambda: at_line("Clearing the configuration file", "write"),
    "prepare is done": lambda: at_phase("up"),
    "up half": lambda: at_line("Container practice-registry", "up"),
    "waiting for health": lambda: at_line("practice-front is", "healthy"),
    "acceptance half": after_pushed,
    "rollback takes down": both(failing, lambda: at_phase("rollback down")),
    "rollback half put back": both(failing, half_put_back),
    "rollback starts": both(failing, lambda: at_line("Container practice-registry", "rollback up")),
    "rollback waits": both(failing, lambda: at_phase("rollback healthy")),
    # It is accepted already
    "leftovers": lambda: at_phase("leftovers"),
    "settling half": lambda: after(rendered, "keep"),
}  # fmt: skip


if __name__ == "__main__":
    POINTS[sys.argv[2]]()
    perform(int(sys.argv[1]), recovery.recover if sys.argv[3:] == ["recover"] else deploying.deploy)
