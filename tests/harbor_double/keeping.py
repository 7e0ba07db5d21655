"""A double's state in a file, so that a demo goes on where it was; the bytes of images are in the registry behind."""

import os
import pickle
import threading
from collections.abc import Iterator
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
def kept(state: State, path: Path) -> Iterator[None]:
    """Keep the state every few seconds while the block runs, and at its end; for its owner alone, as it has secrets."""
    end, last = threading.Event(), [b""]

    def keep() -> None:
        while not end.wait(SECONDS):
            _save(state, path, last)

    thread = threading.Thread(target=keep, name="keeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        _save(state, path, last)


def _save(state: State, path: Path, last: list[bytes]) -> None:
    with state.lock:
        data = pickle.dumps(state)
    if data != last[0]:
        new = path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        new.replace(path)
        last[0] = data
