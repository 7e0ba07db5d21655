"""A double's state in a file, so that a demo goes on where it was; the bytes of images are in the registry behind."""

import os
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harbor_double.state import State

SECONDS = 2


def load(path: Path) -> State | None:
    """The state that was kept, from our own file; None where there is none, or an older double's."""
    try:
        found = pickle.loads(path.read_bytes())
    except (OSError, pickle.UnpicklingError, AttributeError, ImportError, EOFError, TypeError):
        return None
    return found if isinstance(found, State) else None


@contextmanager
def kept(state: State, path: Path, writes: Callable[[], int]) -> Iterator[None]:
    """Keep the state while the block runs, soon after each of the `writes`, and at its end.

    The file is for its owner alone, as it has secrets.
    """
    end, seen = threading.Event(), writes()

    def keep() -> None:
        nonlocal seen
        while not end.wait(SECONDS):
            now = writes()
            if now != seen:
                _save(state, path)
                seen = now

    thread = threading.Thread(target=keep, name="keeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        _save(state, path)


def _save(state: State, path: Path) -> None:
    with state.lock:
        data = pickle.dumps(state)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    new.replace(path)
