"""The only place that starts a process: streams its lines, masks secrets, ends its whole group.

A program gets a session of its own, so that ending the group ends its children
too. Secrets reach it through its environment or standard input, never in argv.
"""

import codecs
import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harborweb.errors import Problem
from harborweb.masking import Masker

KEPT_BYTES = 4 * 1024 * 1024  # of each stream, its end
LINE_CHARACTERS = 16 * 1024  # a longer line is cut into several
CHUNK = 64 * 1024
TICK = 0.1  # how often the wish to stop and the time limit are looked at
SILENCE = 0.25  # after this much of it, a kept back beginning of a secret and a line without end are shown
PATIENCE = 1.0  # a line without end that still grows is shown after this
DRAIN = 2.0  # how long children may still hold the pipes after the program itself has ended
INHERITED = frozenset(
    """PATH HOME USER LANG LC_ALL LC_CTYPE TZ TMPDIR SSL_CERT_FILE SSL_CERT_DIR XDG_RUNTIME_DIR
    DOCKER_HOST DOCKER_CONFIG DOCKER_CONTEXT DOCKER_CERT_PATH DOCKER_TLS_VERIFY
    HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy""".split()  # noqa: SIM905 (reads better)
)

OnLine = Callable[[str, str], None]


class ProgramMissing(Problem):
    """The program is not on this machine, or may not be run."""

    def __init__(self, program: str) -> None:
        super().__init__(
            f"The program {program} was not found here.",
            f"Install {program} on the worker's machine, or mend its PATH.",
        )
        self.program = program


class Stopped(Exception):
    """Somebody asked to stop; the whole group has ended. Its text, where there is one, says what was left."""


class TimedOut(Exception):
    """Nothing finished within `seconds`; where a program ran, its whole group has ended. `advice` is for people."""

    def __init__(self, seconds: float, advice: str = "") -> None:
        super().__init__(f"not finished within {seconds:g} s")
        self.seconds = seconds
        self.advice = advice


@dataclass(frozen=True)
class Completed:
    """How a program ended.

    `stdout` is what the program really wrote, not masked: a result to parse, and
    never to log or to store as a whole. `stderr` is masked: words for people.
    Both hold the last 4 MiB; `cut` tells that there was more. A negative exit
    code is the signal that ended the program.
    """

    command: tuple[str, ...]
    exit_code: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    seconds: float
    cut: bool = False


def shown(command: Sequence[str]) -> str:
    """The command line as a person would type it."""
    return shlex.join(command)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What programs inherit from us, which holds no setting and no secret of ours, and `extra`."""
    kept = {name: value for name, value in os.environ.items() if name in INHERITED}
    return {**kept, "NO_COLOR": "1", **(extra or {})}


def run(
    command: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    timeout: float | None = None,
    masker: Masker | None = None,
    on_line: OnLine | None = None,
    stopping: Callable[[], bool] | None = None,
    grace: float = 10.0,
) -> Completed:
    """Run `command` to its end and return how it went; an exit code other than 0 is no error here.

    `env` is the complete environment, None means `environment()`. `on_line(text,
    "out" | "err")` gets each line, masked, while the program runs. When
    `stopping()` says so or after `timeout` seconds the whole group gets TERM, and
    KILL `grace` seconds later; then Stopped or TimedOut is raised. Children that
    outlive the program or hold its pipes are ended the same way. Raises
    ProgramMissing when there is no such program.
    """
    began = time.monotonic()
    process = _start(command, cwd, env, with_input=stdin is not None)
    conversation = _Conversation(process, stdin, masker or Masker(()), on_line or (lambda text, stream: None))
    try:
        conversation.talk(began + timeout if timeout is not None else None, stopping or (lambda: False))
    except _Late:
        raise TimedOut(timeout or 0) from None
    except Stopped:
        raise
    except BaseException:  # the caller is failing: end the program without calling back; raised again
        conversation.mute()
        raise
    finally:
        end_group(process.pid, grace, conversation.listen)
        conversation.close()
        exit_code = process.wait()
    return Completed(
        command=tuple(command), exit_code=exit_code, seconds=time.monotonic() - began,
        stdout=conversation.out.raw.text(), stderr=conversation.err.masked.text(),
        cut=conversation.out.raw.cut or conversation.err.masked.cut,
    )  # fmt: skip


def _start(
    command: Sequence[str], cwd: str | os.PathLike[str] | None, env: Mapping[str, str] | None, with_input: bool
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            list(command), cwd=cwd, env=dict(env) if env is not None else environment(), bufsize=0,
            stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
    except (FileNotFoundError, PermissionError) as error:
        if cwd is not None and not Path(cwd).is_dir():
            raise Problem(f"The folder {cwd} is not there.", "Look whether it was moved or removed.") from error
        raise ProgramMissing(command[0]) from error


class _Late(Exception):
    pass


class _Tail:
    """The last KEPT_BYTES of what was added."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.cut = False

    def add(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > KEPT_BYTES + CHUNK:
            del self._data[:-KEPT_BYTES]
            self.cut = True

    def text(self) -> str:
        return self._data.decode("utf-8", "replace")


class _Output:
    """One output stream: bytes in, masked lines out."""

    def __init__(self, name: str, masker: Masker, on_line: OnLine) -> None:
        self.raw, self.masked = _Tail(), _Tail()
        self._name, self._on_line = name, on_line
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._mask = masker.stream()
        self._line = ""
        self._after_return = False
        self._last = self._shown = time.monotonic()

    def take(self, data: bytes) -> None:
        self._last = time.monotonic()
        self.raw.add(data)
        self._show(self._mask.feed(self._decoder.decode(data)))

    def tick(self) -> None:
        """After some silence show what waits: a program may ask, or count dots, without ending its line."""
        now = time.monotonic()
        if now - self._last >= SILENCE:
            self._show(self._mask.silent())
        if now - self._last >= SILENCE or now - self._shown >= PATIENCE:
            self._emit_rest()

    def end(self) -> None:
        self._show(self._mask.feed(self._decoder.decode(b"", final=True)) + self._mask.end())
        self._emit_rest()

    def mute(self) -> None:
        self._on_line = lambda text, stream: None

    def _show(self, text: str) -> None:
        if not text:
            return
        self.masked.add(text.encode("utf-8", "replace"))
        if self._after_return and text.startswith("\n"):
            text = text[1:]  # the second half of a CRLF that fell into two reads
        self._after_return = text.endswith("\r") if text else False
        if not self._line:
            self._shown = time.monotonic()  # patience is for this line, however long the program was silent before
        *lines, self._line = (self._line + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines:
            self._emit(line)
        while len(self._line) > LINE_CHARACTERS:
            self._emit(self._line[:LINE_CHARACTERS])
            self._line = self._line[LINE_CHARACTERS:]

    def _emit(self, line: str) -> None:
        self._shown = time.monotonic()
        for start in range(0, max(1, len(line)), LINE_CHARACTERS):
            self._on_line(line[start : start + LINE_CHARACTERS], self._name)

    def _emit_rest(self) -> None:
        if self._line:
            line, self._line = self._line, ""
            self._emit(line)


class _Conversation:
    """The pipes of a running program."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", stdin: bytes | None, masker: Masker, on_line: OnLine
    ) -> None:
        self._process = process
        self._input = memoryview(stdin or b"")
        self.out, self.err = _Output("out", masker, on_line), _Output("err", masker, on_line)
        self._selector = selectors.DefaultSelector()
        for pipe, output in ((process.stdout, self.out), (process.stderr, self.err)):
            assert pipe is not None  # noqa: S101 (for the type checker)
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, output)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._selector.register(process.stdin, selectors.EVENT_WRITE)

    def talk(self, deadline: float | None, stopping: Callable[[], bool]) -> None:
        """Until the program has ended and its pipes are closed, or DRAIN after its end; raises Stopped, _Late."""
        ended: float | None = None
        while ended is None or (self._selector.get_map() and time.monotonic() - ended < DRAIN):
            if ended is None and stopping():
                raise Stopped
            if ended is None and deadline is not None and time.monotonic() >= deadline:
                raise _Late
            self.listen(TICK)
            if ended is None and _has_ended(self._process.pid):
                ended = time.monotonic()

    def listen(self, seconds: float) -> None:
        """Pass on what comes within `seconds`, or return at the first that does."""
        if not self._selector.get_map():
            time.sleep(min(seconds, 0.02))
        for key, _events in self._selector.select(seconds) if self._selector.get_map() else ():
            if key.data is None:
                self._write(key.fd)
            else:
                self._read(key.fd, key.data)
        self.out.tick()
        self.err.tick()

    def _write(self, fd: int) -> None:
        try:
            self._input = self._input[os.write(fd, self._input[:CHUNK]) :] if self._input else self._input
        except BlockingIOError:
            return
        except OSError:  # it does not read its input: its own affair
            self._input = self._input[:0]
        if not self._input and self._process.stdin is not None:
            self._selector.unregister(fd)
            self._process.stdin.close()

    def _read(self, fd: int, output: _Output) -> None:
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            output.take(data)
        else:
            self._selector.unregister(fd)

    def mute(self) -> None:
        """Call `on_line` no more: it failed."""
        self.out.mute()
        self.err.mute()

    def close(self) -> None:
        """Show the rest and let go of the pipes."""
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self.out.end()
        self.err.end()


def _has_ended(pid: int) -> bool:
    """Whether the child has ended; it stays a zombie, so that its group's number cannot be given away."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def end_group(group: int, grace: float, meanwhile: Callable[[float], None] = time.sleep) -> None:
    """End every process of `group`: TERM, and KILL after `grace` seconds. Returns when none runs any more."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if not _alive(group):
            return
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + seconds
        while time.monotonic() < until and _alive(group):
            meanwhile(0.05)


def _alive(group: int) -> bool:
    """Whether a process of `group` runs; zombies do not count (fields as in proc_pid_stat(5))."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _parent, its_group = (
                    (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:3]
                )
            except (OSError, ValueError):
                continue
            if int(its_group) == group and state not in "ZX":
                return True
    return False
