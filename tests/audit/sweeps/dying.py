"""For a worker whose children end themselves by SIGKILL where a test says: `--include tests.audit.sweeps.dying`.

The product knows nothing of it: the points are laid around its own functions here. The file that HARBORWEB_TEST_POINT
names holds the task and the point at which the next child dies, once; while a helper is to die, the sweep's own job
leaves it the parts. Every call of a judgement is a line in the file beside it.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import current_task

from harborweb.audit import keeping
from harborweb.audit.judging import indexes
from harborweb.audit.sweeps import parts, walking, workshop

POINT = Path(os.environ["HARBORWEB_TEST_POINT"])


def _wanted() -> tuple[str, str]:
    """The task and the point, empty where nobody shall die."""
    try:
        task, _space, point = POINT.read_text().partition(" ")
    except FileNotFoundError:
        return "", ""
    return task, point


def _mine() -> str:
    return str(current_task.name).rpartition(".")[2] if current_task else ""


def reached(point: str) -> None:
    """Die here, as `kill -9` does it, where the test says so."""
    if _wanted() == (_mine(), point):
        POINT.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str, before: str = "", after: str = "") -> None:
    """The points before and after a function."""
    ours: Callable[..., Any] = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        reached(before)
        result = ours(*given, **named)
        reached(after)
        return result

    setattr(owner, name, wrapped)


def _leaving_parts(take: Callable[..., Any]) -> Callable[..., Any]:
    """The sweep's own job waits while a helper is to die, so that there is a part for it."""

    def wrapped(*given: Any) -> Any:
        until = time.monotonic() + 20
        while _mine() == "sweep" and _wanted()[0] == "sweep_part" and time.monotonic() < until:
            time.sleep(0.05)
        return take(*given)

    return wrapped


def _counted(place: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(self: Any, row: Any, judgement: Any, *more: Any) -> Any:
        with (POINT.parent / "judged").open("a") as file:
            file.write(f"{judgement.repository}@{row.digest} {os.getpid()}\n")
        time.sleep(float(os.environ.get("HARBORWEB_TEST_SLOW", "0")))
        return place(self, row, judgement, *more)

    return wrapped


around(workshop, "repositories_of", before="listing")
around(parts, "write", before="listed", after="parts written")
around(parts, "take", after="taken")
around(walking, "_next", after="judged")
around(keeping, "keep_whole", before="keeping", after="half kept")
around(keeping, "keep_batch", after="batch half kept")
around(walking.Walk, "_keep", after="kept")
around(workshop._Work, "_forget", before="counting", after="forgotten")
parts.take = _leaving_parts(parts.take)
indexes.Indexes.placed = _counted(indexes.Indexes.placed)
