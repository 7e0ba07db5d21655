"""Virtual environments from a lock file pinned with hashes (docs/decisions/0001-lock-files.md)."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bin.lib import debian
from bin.lib.say import ROOT, VAR, SetupError, say, tail

RUNTIME = ("venv", ROOT / "requirements.lock")
TEST = ("venv-test", ROOT / "tests" / "requirements.lock")
STAMP = ".made-from"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock `name` while the block runs, so that two commands at once set up only once."""
    VAR.mkdir(exist_ok=True)
    with (VAR / f".{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another command is setting up here; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure(place: tuple[str, Path], base: Path = VAR) -> Path:
    """The Python of the environment `place`, made or remade when its lock file has changed.

    Raises SetupError. The stamp is written last: a half-made environment is not taken for good.
    """
    name, lock = place
    folder = base / name
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not _good(folder, wanted):
        with alone(name):
            if not _good(folder, wanted):  # nobody made it while we waited
                _make(folder, lock)
                (folder / STAMP).write_text(wanted)
    return folder / "bin" / "python"


def _good(folder: Path, wanted: str) -> bool:
    stamp = folder / STAMP
    if not stamp.exists() or stamp.read_text().strip() != wanted:
        return False
    try:  # the Python it was made with may be gone
        return subprocess.run([folder / "bin" / "python", "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


def _make(folder: Path, lock: Path) -> None:
    say(f"Making the environment {folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder} …")
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    log = folder.with_name(folder.name + ".log")
    with log.open("wb") as out:
        install = _pip(folder, out)
        done = subprocess.run(
            [*install, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    if done.returncode:
        raise SetupError(f"The packages of {lock.name} could not be installed. pip's last lines:\n{tail(log)}")
    say(f"  done in {time.monotonic() - began:.0f} s")


def _has_no_ensurepip() -> bool:
    return subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True).returncode != 0


def _pip(folder: Path, out: object) -> list[str | Path]:
    """Make an empty environment and return the pip command that fills it.

    Debian splits ensurepip into python3-venv, which root can install; else a pip of
    this Python's own can fill the environment as well (pip 22.3 and later).
    """
    python: list[str | Path] = [sys.executable, "-m"]
    if (split := _has_no_ensurepip()) and debian.is_root():
        with suppress(SetupError):  # without a way to the packages; what is missing is said below
            debian.install("python3-venv")
        split = _has_no_ensurepip()
    made = subprocess.run([*python, "venv", *(["--without-pip"] if split else []), folder], stdout=out, stderr=out)  # type: ignore[call-overload]
    if made.returncode == 0 and not split:
        return [folder / "bin" / "python", "-m", "pip"]
    if made.returncode == 0 and subprocess.run([*python, "pip", "--version"], capture_output=True).returncode == 0:
        return [*python, "pip", "--python", folder / "bin" / "python"]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    raise SetupError(
        f"Python {version} cannot make virtual environments here: its module ensurepip is missing.\n"
        "On Debian and Ubuntu, as root: apt-get install python3-venv"
    )
