"""What the pages of jobs show: parts of a log, the step bar, the list."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.jobs.models import Job, LogLine

LINES_AT_ONCE = 500
STEPS_DRAWN = 12  # more steps are a progress bar alone


def newest_lines(job: Job, before: int | None = None) -> list[LogLine]:
    """The last lines of the log, or the last ones before number `before`; in their order."""
    lines = job.log.order_by("-number")
    if before is not None:
        lines = lines.filter(number__lt=before)
    return list(lines[:LINES_AT_ONCE])[::-1]


def lines_after(job: Job, number: int) -> list[LogLine]:
    """What follows line `number`, as much as one answer holds."""
    return list(job.log.filter(number__gt=number).order_by("number")[:LINES_AT_ONCE])


def more(job: Job, lines: list[LogLine]) -> bool:
    """Whether the log goes on after these lines."""
    return len(lines) == LINES_AT_ONCE and lines[-1].number < job.lines


def window(job: Job, before: int | None, line: int | None) -> int | None:
    """The number before which the shown part of the log ends; None for its live end."""
    if line is not None and line <= job.lines - LINES_AT_ONCE:
        before = line + LINES_AT_ONCE // 2
    return before if before is not None and 0 < before <= job.lines else None


def whole_log(job: Job) -> Iterator[str]:
    """The log as text, line by line, for the download."""
    marks = {LogLine.Stream.COMMAND: "$ ", LogLine.Stream.STEP: "== "}
    for line in job.log.order_by("number").iterator(chunk_size=2000):
        mark = marks.get(LogLine.Stream(line.stream), "")
        yield f"{line.number}\t{line.at:%Y-%m-%dT%H:%M:%S.%f}Z\t{line.stream}\t{mark}{line.text}\n"


@dataclass(frozen=True)
class Step:
    """One step of the step bar (components/steps.html)."""

    number: int
    name: str
    state: str  # done, running, failed, waiting
    note: str


def steps(job: Job) -> list[Step]:
    """The step bar of `job`: from the STEP lines of its log; empty when it has none or too many."""
    if not 1 < job.steps <= STEPS_DRAWN:
        return []
    begun = _begun(job)
    known = begun if len(begun) == job.steps else {**_begun(_example(job)), **begun}
    # steps with letters put right what a step with a number has failed to do
    turned = job.log.filter(stream=LogLine.Stream.STEP, text__startswith="a ").values_list("at", flat=True).first()
    drawn = []
    for number in range(1, job.steps + 1):
        name = known.get(number, ("", None))[0]
        if number not in begun:
            note = _("skipped") if number < job.step else _("not reached") if job.settled else ""
            drawn.append(Step(number, name, "waiting", note))
            continue
        after = [at for other, (_name, at) in begun.items() if other > number]
        until = min(after, default=turned or job.finished)
        note = _("%(seconds).1f s") % {"seconds": (until - begun[number][1]).total_seconds()} if until else _("running")
        failed = turned is not None and number == job.step
        drawn.append(Step(number, name, "failed" if failed else _step_state(job, number), note))
    return drawn


def _begun(job: Job | None) -> dict[int, tuple[str, datetime]]:
    """Name and time of each step that began."""
    marks = job.log.filter(stream=LogLine.Stream.STEP).order_by("number")[: 3 * STEPS_DRAWN] if job else ()
    parts = [(mark.text.partition(" "), mark.at) for mark in marks]
    return {int(number): (name, at) for (number, _space, name), at in parts if number.isdecimal()}


def _example(job: Job) -> Job | None:
    """A job of this kind that went through all steps: it knows the names of those not yet reached."""
    return Job.objects.filter(kind=job.kind, steps=job.steps, state=Job.State.SUCCEEDED).first()


def _step_state(job: Job, number: int) -> str:
    if number < job.step or job.state == Job.State.SUCCEEDED:
        return "done"
    return "failed" if job.settled else "running"


@dataclass(frozen=True)
class Part:
    """A stretch of a log that is shown together; folded under its first line when `step` is set."""

    lines: list[LogLine]
    step: LogLine | None = None


def parts(lines: list[LogLine], wanted: int | None = None) -> list[Part]:
    """The lines with finished steps folded, but not the last step, nor the one with line number `wanted`."""
    stretches: list[list[LogLine]] = [[]]
    for line in lines:
        if line.stream == LogLine.Stream.STEP:
            stretches.append([])
        stretches[-1].append(line)
    shown = []
    for stretch in stretches[:-1]:
        first = stretch[0] if stretch else None
        foldable = first is not None and first.stream == LogLine.Stream.STEP and len(stretch) > 2
        opened = any(line.number == wanted or line.stream == LogLine.Stream.ERROR for line in stretch)
        shown.append(Part(stretch[1:], first) if foldable and not opened else Part(stretch))
    return [part for part in [*shown, Part(stretches[-1])] if part.lines]


FILTERS = {
    "": gettext_lazy("All"),
    "active": gettext_lazy("Running"),
    "succeeded": gettext_lazy("Succeeded"),
    "failed": gettext_lazy("Failed"),
    "stopped": gettext_lazy("Stopped"),
    "timed_out": gettext_lazy("Timed out"),
    "lost": gettext_lazy("Lost"),
}

KINDS = {
    "apply_policy": gettext_lazy("Apply policy"),
    "backup": gettext_lazy("Back up"),
    "board": gettext_lazy("Look at name"),
    "check": gettext_lazy("Check again"),
    "connect_kms": gettext_lazy("Connect KMS"),
    "container": gettext_lazy("Container"),
    "deploy": gettext_lazy("Deploy"),
    "doctor": gettext_lazy("Doctor"),
    "drift": gettext_lazy("Look for drift"),
    "dry_run": gettext_lazy("Dry run"),
    "export_key": gettext_lazy("Export key"),
    "find_cosign": gettext_lazy("Look for cosign"),
    "generate_key": gettext_lazy("Make key pair"),
    "handout": gettext_lazy("Report or evidence"),
    "hook": gettext_lazy("Event of Harbor"),
    "host_check": gettext_lazy("Check machine"),
    "import": gettext_lazy("Import an installation"),
    "import_key": gettext_lazy("Import key pair"),
    "installer": gettext_lazy("Installer"),
    "judge_identities": gettext_lazy("Judge again"),
    "judge_key": gettext_lazy("Judge again"),
    "look_many": gettext_lazy("Preview many"),
    "make_hooks": gettext_lazy("Set webhooks"),
    "make_robots": gettext_lazy("Make robots"),
    "notice": gettext_lazy("Send a notice"),
    "put_back": gettext_lazy("Put back"),
    "recover": gettext_lazy("Put right"),
    "remove_robots": gettext_lazy("Remove robots"),
    "renew_robots": gettext_lazy("Renew robots"),
    "restore": gettext_lazy("Restore files"),
    "restore_database": gettext_lazy("Restore database"),
    "sign": gettext_lazy("Sign"),
    "sign_many": gettext_lazy("Sign many"),
    "start": gettext_lazy("Start"),
    "stop": gettext_lazy("Stop"),
    "sweep": gettext_lazy("Sweep"),
    "upgrade": gettext_lazy("Plan an upgrade"),
    "verify": gettext_lazy("Verify"),
}


def listed(state: str, kind: str) -> "QuerySet[Job]":
    """The jobs of a filter, those that run or wait first, then the newest."""
    jobs = Job.objects.alias(settled_last=Case(When(state__in=Job.ACTIVE, then=Value(0)), default=Value(1))).order_by(
        "settled_last", "-pk"
    )
    if state == "active":
        jobs = jobs.filter(state__in=Job.ACTIVE)
    elif state in Job.State.values:
        jobs = jobs.filter(state=state)
    return jobs.filter(kind=kind) if kind else jobs


def filters(state: str, kind: str) -> dict[str, Any]:
    """The chips of the list: states, and the kinds that there are."""
    kinds = list(Job.objects.order_by("kind").values_list("kind", flat=True).distinct())
    active = Job.objects.filter(state__in=Job.ACTIVE).count()
    return {
        "states": FILTERS.items(), "kinds": [(one, KINDS.get(one, one)) for one in kinds], "state": state, "kind": kind,
        "filtered": bool(state or kind), "any": bool(kinds), "active": active,
    }  # fmt: skip
