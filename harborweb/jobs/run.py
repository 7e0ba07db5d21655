"""Run one job: claim it, beat its heart, write its log, settle it. The one try/except for all kinds."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.jobs.models import Job, LogLine
from harborweb.masking import Masker
from harborweb.tools import process

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
Stream = LogLine.Stream


class Run:
    """What a workshop function gets: its arguments, its log, its progress, and whether to stop."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.arguments: Mapping[str, Any] = job.arguments
        self.masker = Masker(())
        self._lock = threading.Lock()
        self._pending: list[LogLine] = []
        self._number = 0
        self._bytes = 0
        self._stop = threading.Event()
        self._over = threading.Event()

    def secret(self, value: str) -> None:
        """Mask `value` in every line from now on."""
        self.masker = self.masker.plus(value)

    def step(self, number: int, of: int, name: str) -> None:
        """Step `number` of `of` begins; raises Stopped when the job shall stop."""
        self.check()
        self.line(f"{number} {name}", Stream.STEP)
        Job.objects.filter(pk=self.job.pk, claim=self.job.claim).update(step=number, steps=of, step_name=name)

    def line(self, text: str, stream: str = Stream.NOTE) -> None:
        """Add a line to the log; past the job's limit nothing but one line that says so."""
        text = self.masker.mask(text).replace("\x00", "\ufffd")
        with self._lock:
            if self._bytes > settings.JOB_LOG_MAX_BYTES and stream != Stream.ERROR:
                return
            self._bytes += len(text.encode()) + 1
            if self._bytes > settings.JOB_LOG_MAX_BYTES and stream != Stream.ERROR:
                megabytes = settings.JOB_LOG_MAX_BYTES / 1024 / 1024
                stream, text = Stream.NOTE, _("The log is longer than %g MB; what follows is not kept.") % megabytes
            self._number += 1
            self._pending.append(
                LogLine(job_id=self.job.pk, number=self._number, at=timezone.now(), stream=stream, text=text)
            )

    def stopping(self) -> bool:
        """Whether a person asked to stop, or the job was given up."""
        return self._stop.is_set()

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
        """Run a program with its output in the log, masked, and ended when the job is stopped."""
        self.check()
        self.line(process.shown(command), Stream.COMMAND)
        return process.run(
            command, cwd=cwd, env=env, stdin=stdin, timeout=timeout, masker=self.masker,
            on_line=lambda text, stream: self.line(text, stream), stopping=self.stopping,
        )  # fmt: skip

    # What follows belongs to `perform`.

    def flush(self) -> None:
        """Write the pending lines in one batch."""
        with self._lock:
            batch, self._pending = self._pending, []
            total, size = self._number, self._bytes
        if batch:
            LogLine.objects.bulk_create(batch)
            Job.objects.filter(pk=self.job.pk).update(lines=total, log_bytes=size)

    def watch(self) -> None:
        """The job's second thread: flushes lines, beats, learns of a wish to stop."""
        beat = asked = 0.0
        while not self._over.wait(FLUSH_SECONDS):
            try:
                self.flush()
                now = time.monotonic()
                mine = Job.objects.filter(pk=self.job.pk, claim=self.job.claim, state=Job.State.RUNNING)
                if now - beat >= settings.JOB_HEARTBEAT_SECONDS:
                    beat = now
                    if not mine.update(heartbeat=timezone.now()):
                        self._stop.set()  # given up as lost: do no more harm
                if now - asked >= 0.5:
                    asked = now
                    if mine.exclude(stop_requested_by="").exists():
                        self._stop.set()
            except Exception:  # a busy database must not end the heartbeat
                logger.exception("job %s: the watch stumbled", self.job.pk)
        connection.close()

    def end(self) -> None:
        """Stop watching."""
        self._over.set()


def perform(job_id: int, work: Callable[[Run], dict[str, Any] | None]) -> None:
    """Claim job `job_id`, do `work`, settle it; does nothing when somebody else has claimed it."""
    claim = uuid.uuid4().hex
    now = timezone.now()
    if not Job.objects.filter(pk=job_id, state=Job.State.REQUESTED).update(
        state=Job.State.RUNNING, claim=claim, started=now, heartbeat=now, worker=f"{socket.gethostname()}:{os.getpid()}"
    ):
        return
    run = Run(Job.objects.get(pk=job_id))
    watch = threading.Thread(target=run.watch, name=f"job-{job_id}", daemon=True)
    watch.start()
    outcome: dict[str, Any] = {}
    try:
        outcome = {"state": Job.State.SUCCEEDED, "result": work(run) or {}}
    except process.Stopped:
        outcome = {"state": Job.State.STOPPED, "error": _("Stopped before it was finished.")}
    except process.TimedOut as late:
        outcome = {
            "state": Job.State.TIMED_OUT,
            "error": _("Nothing came back within %g seconds.") % late.seconds,
            "advice": _("Look at the last lines of the log, then start it again."),
        }
    except Problem as problem:
        outcome = {"state": Job.State.FAILED, "error": problem.message, "advice": problem.advice}
    except Exception as error:  # the one place where whatever a workshop raises becomes a settled row
        logger.exception("job %s failed", job_id)
        outcome = {
            "state": Job.State.FAILED,
            "error": _("harborweb itself stumbled: %s.") % type(error).__name__,
            "advice": _("The worker's own log has the details. Start it again; if it stumbles again, report it."),
        }
    finally:
        _settle(run, outcome or {"state": Job.State.FAILED, "error": _("The worker was shut down.")}, watch)


def _settle(run: Run, outcome: dict[str, Any], watch: threading.Thread) -> None:
    """Write the last lines, then the outcome, unless the job was given up meanwhile."""
    if outcome.get("error"):
        outcome["error"] = run.masker.mask(outcome["error"])
        outcome["advice"] = run.masker.mask(outcome.get("advice", ""))
        run.line(outcome["error"], Stream.ERROR)
    run.end()
    watch.join(timeout=30)
    close_old_connections()
    run.flush()
    Job.objects.filter(pk=run.job.pk, claim=run.job.claim, state=Job.State.RUNNING).update(
        finished=timezone.now(), **outcome
    )
