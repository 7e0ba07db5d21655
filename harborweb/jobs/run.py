"""Run one job: claim it, beat its heart, write its log, settle it. The one try/except for all kinds."""

import json
import logging
import os
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.jobs.models import Job, LogLine
from harborweb.masking import Masker
from harborweb.tools import process

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
ASK_SECONDS = 0.5  # how often the wish to stop is looked up
LINE_OVERHEAD = 32  # bytes a line counts beside its text, so that empty lines are bounded too
Stream = LogLine.Stream
# Control characters would drive the terminal of whoever downloads the log.
_CONTROLS = {number: "\ufffd" for number in (*range(32), *range(127, 160)) if chr(number) not in "\t\n\r"}


class Run:
    """What a workshop function gets: its arguments, its log, its progress, and whether to stop."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.arguments: Mapping[str, Any] = job.arguments
        self.masker = Masker(())
        self._lock = threading.Lock()  # guards what is pending
        self._writing = threading.Lock()  # one writer at a time, so that line numbers arrive in order
        self._pending: list[LogLine] = []
        self._numbers: dict[str, Any] = {"lines": 0, "log_bytes": 0}
        self._written: dict[str, Any] = dict(self._numbers)
        self._full = False
        self._stop = threading.Event()
        self._deaf = False
        self._over = threading.Event()

    def secret(self, value: str) -> None:
        """Mask `value` in every line from now on."""
        self.masker = self.masker.plus(value)

    def step(self, number: int, of: int, name: str) -> None:
        """Step `number` of `of` begins; raises Stopped when the job shall stop."""
        self.check()
        name = self.masker.mask(name)[:200]
        self.line(f"{number} {name}", Stream.STEP)
        with self._lock:
            self._numbers |= {"step": number, "steps": of, "step_name": name, "done": 0, "total": 0}

    def progress(self, done: int, total: int) -> None:
        """`done` of `total` within this step, without a line in the log; raises Stopped when the job shall stop."""
        self.check()
        with self._lock:
            self._numbers |= {"done": done, "total": total}

    def line(self, text: str, stream: str = Stream.NOTE) -> None:
        """Add to the log, a line for each line of `text`; past the job's limit nothing but one line that says so."""
        text = self.masker.mask(text.encode("utf-8", "replace").decode()).translate(_CONTROLS)
        for line in text.splitlines() or [""]:
            self._add(line, stream)

    def make_way(self) -> bool:
        """Give up being the only one: whoever asks for the same from now on gets a job of their own. A job that goes by
        what people change does so before it reads it, so that no change falls between two. False where it had before.
        """
        return bool(Job.objects.filter(pk=self.job.pk).exclude(exclusive=None).update(exclusive=None))

    def stopping(self) -> bool:
        """Whether a person asked to stop, or the job was given up."""
        return self._stop.is_set() and not self._deaf

    @contextmanager
    def to_the_end(self) -> Iterator[None]:
        """What is done in the block is not stopped any more: putting right what was begun."""
        self._deaf = True
        try:
            yield
        finally:
            self._deaf = False

    def check(self) -> None:
        """Raise Stopped when the job shall stop; long loops call this between their rounds."""
        if self.stopping():
            raise process.Stopped

    def execute(
        self,
        command: Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: float | None = None,
    ) -> process.Completed:
        """Run a program with its output in the log, masked, and ended when the job is stopped.

        Takes and raises what `tools.process.run` does; the exit code is the caller's to judge.
        """
        self.check()
        self.line(process.shown(command), Stream.COMMAND)
        completed = process.run(
            command, cwd=cwd, env=env, stdin=stdin, timeout=timeout, masker=self.masker,
            on_line=self.line, stopping=self.stopping, grace=settings.JOB_GRACE_SECONDS,
        )  # fmt: skip
        words = {"code": completed.exit_code, "seconds": completed.seconds}
        self.line(
            _("exit %(code)d after %(seconds).1f s") % words, Stream.NOTE if completed.exit_code == 0 else Stream.ERR
        )
        return completed

    # What follows belongs to `perform`.

    def _add(self, text: str, stream: str) -> None:
        with self._lock:
            always = stream in (Stream.ERROR, Stream.STEP)
            if self._full and not always:
                return
            size = len(text.encode()) + LINE_OVERHEAD
            if self._numbers["log_bytes"] + size > settings.JOB_LOG_MAX_BYTES and not self._full:
                self._full = True
                if not always:
                    limit = settings.JOB_LOG_MAX_BYTES / 1024 / 1024
                    stream, text = Stream.NOTE, _("The log has reached %g MB; what follows is not kept.") % limit
                    size = len(text.encode()) + LINE_OVERHEAD
            self._numbers["lines"] += 1
            self._numbers["log_bytes"] += size
            number = self._numbers["lines"]
            line = LogLine(job_id=self.job.pk, number=number, at=timezone.now(), stream=stream, text=text)
            self._pending.append(line)

    def write(self, **outcome: Any) -> bool:
        """Write pending lines, progress and `outcome` as one; False when the job is ours no more."""
        with self._writing:
            with self._lock:
                batch, self._pending = self._pending, []
                numbers = dict(self._numbers)
            if not batch and not outcome and numbers == self._written:
                return True
            try:
                with transaction.atomic():
                    mine = self._mine().update(**numbers, **outcome)
                    if mine:
                        LogLine.objects.bulk_create(batch)
            except BaseException:  # the lines wait for the next try; raised again
                with self._lock:
                    self._pending = batch + self._pending
                raise
            self._written = numbers
            return bool(mine)

    def _mine(self) -> Any:
        return Job.objects.filter(pk=self.job.pk, claim=self.job.claim, state=Job.State.RUNNING)

    def watch(self) -> None:
        """The job's second thread: writes lines, beats, learns of a wish to stop."""
        beat = time.monotonic()
        asked = 0.0
        while not self._over.wait(FLUSH_SECONDS):
            try:
                ours = self.write()
                now = time.monotonic()
                if now - beat >= settings.JOB_HEARTBEAT_SECONDS:
                    ours = bool(self._mine().update(heartbeat=timezone.now()))
                    beat = now
                if now - asked >= ASK_SECONDS:
                    asked = now
                    if self._mine().exclude(stop_requested_by="").exists():
                        self._stop.set()
                if not ours:
                    self._stop.set()  # given up as lost: do no more harm
            except Exception:  # a busy database must not end the heartbeat
                logger.exception("job %s: the watch stumbled", self.job.pk)
        connection.close()

    def end(self) -> None:
        """Stop watching."""
        self._over.set()


def perform(job_id: int, work: Callable[[Run], dict[str, Any] | None]) -> None:
    """Claim job `job_id`, do `work`, settle it; does nothing when somebody else has claimed it.

    What `work` returns is the job's result: JSON values that a page may show, no
    secret and no raw output of a program. Raises nothing of what `work` raises.
    """
    claim = uuid.uuid4().hex
    now = timezone.now()
    if not Job.objects.filter(pk=job_id, state=Job.State.REQUESTED).update(
        state=Job.State.RUNNING, claim=claim, started=now, heartbeat=now, worker=f"{socket.gethostname()}:{os.getpid()}"
    ):
        return
    run = Run(Job.objects.get(pk=job_id))
    watch = threading.Thread(target=run.watch, name=f"job-{job_id}", daemon=True)
    watch.start()
    outcome = {
        "state": Job.State.FAILED,
        "error": _("The worker was shut down before the job was finished."),
        "advice": _("Start it again when a worker runs."),
    }
    try:
        outcome = _attempt(run, work)
    finally:
        _settle(run, outcome, watch)


def _attempt(run: Run, work: Callable[[Run], dict[str, Any] | None]) -> dict[str, Any]:
    """Do `work`; whatever comes of it as the columns of a settled row."""
    try:
        result = json.loads(json.dumps(work(run) or {}, cls=DjangoJSONEncoder))
    except process.Stopped as stopped:
        return _stopped(run.job, str(stopped))
    except process.TimedOut as late:
        return {
            "state": Job.State.TIMED_OUT,
            "seconds_allowed": late.seconds,
            "error": _("Not finished within %g seconds, so it was ended.") % late.seconds,
            "advice": late.advice or _("Look at the last lines of the log, then start it again."),
        }
    except Problem as problem:
        return {"state": Job.State.FAILED, "error": problem.message, "advice": problem.advice}
    except Exception as error:  # noqa: BLE001 - the one place where whatever a workshop raises becomes a settled row
        logger.error("job %s failed\n%s", run.job.pk, run.masker.mask(traceback.format_exc()))
        return {
            "state": Job.State.FAILED,
            "error": _("harborweb itself stumbled: %s.") % type(error).__name__,
            "advice": _("The worker's own log has the details. Start it again; if it stumbles again, report it."),
        }
    return {"state": Job.State.SUCCEEDED, "result": result}


def _stopped(job: Job, left: str) -> dict[str, Any]:
    """The columns of a stopped job; `left` says what it leaves, where it knows."""
    who = Job.objects.values_list("stop_requested_by", flat=True).get(pk=job.pk) or _("harborweb")
    return {
        "state": Job.State.STOPPED,
        "error": _("Stopped by %s before it was finished.") % who,
        "advice": left or _("What it had done until then stays."),
    }


def _settle(run: Run, outcome: dict[str, Any], watch: threading.Thread) -> None:
    """Write the last lines with the outcome, unless the job was given up meanwhile."""
    if outcome.get("error"):
        outcome["error"] = run.masker.mask(outcome["error"])
        outcome["advice"] = run.masker.mask(outcome.get("advice", ""))
        run.line(outcome["error"], Stream.ERROR)
    run.end()
    watch.join(timeout=30)
    for attempt in range(3):  # a busy database; after that the missing heartbeat tells
        try:
            close_old_connections()
            run.write(finished=timezone.now(), **outcome)
        except DatabaseError:
            if attempt == 2:
                raise
            time.sleep(1)
        else:
            return
