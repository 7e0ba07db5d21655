"""Children that live exactly as long as we do, each with a log of its own."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bin.lib.say import tail

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE = 8.0  # a worker ends its job's processes within this time


class Died(Exception):
    """A child ended that should have lived, or never came up; the text has its last log lines."""


class Stop(BaseException):
    """A signal asked us to end."""


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Children:
    """Starts children in process groups of their own and ends them, and theirs, whatever happens to us."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a child leaves behind becomes ours to end

    def start(self, name: str, command: Sequence[str | Path], env: Mapping[str, str]) -> None:
        """Start `command`; its output goes to <logs>/<name>.log, which begins anew."""
        parent = os.getpid()

        def die_with_parent() -> None:  # also when the parent is killed and cannot say goodbye
            _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

        with self.log(name).open("wb") as out:
            self.running[name] = subprocess.Popen(
                command, env=dict(env), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                preexec_fn=die_with_parent,
            )  # fmt: skip

    def log(self, name: str) -> Path:
        """Where the child `name` writes."""
        return self.logs / f"{name}.log"

    def check(self) -> None:
        """Raise Died when one of the children has ended."""
        for name, child in self.running.items():
            if child.poll() is not None:
                raise Died(
                    f"{name} ended with {child.returncode}. Its last lines ({self.log(name)}):\n{self.tail(name)}"
                )

    def tail(self, name: str, lines: int = 20) -> str:
        """The last lines of a child's log."""
        return tail(self.log(name), lines)

    def wait_for(self, name: str, ready: Callable[[], bool], seconds: float = 120) -> None:
        """Return once `ready()`; raises Died when a child ends or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise Died(f"{name} is not ready after {seconds:.0f} s. Its last lines:\n{self.tail(name)}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End every child, last started first, then whatever they left behind."""
        for child in reversed(self.running.values()):
            _signal_group(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for child in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.05, deadline - time.monotonic()))
        for child in self.running.values():
            _signal_group(child.pid, signal.SIGKILL)
            child.wait()
        self.running.clear()
        for left in _children_of(os.getpid()):  # orphans that came to us
            with contextlib.suppress(OSError):
                os.kill(left, signal.SIGKILL)
                os.waitpid(left, 0)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, number)


def _children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def stop_on_signals() -> None:
    """Turn the signals that end a command into Stop, once: a second Ctrl-C must not break off the ending."""

    def stop(number: int, frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stop(signal.Signals(number).name)

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
