"""Putting right what a deployment has begun and cannot finish: after a failure, and after its worker was killed."""

from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from celery import Task
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from harborweb.deployment import checks, sentences, waiting, wanted
from harborweb.deployment.models import Deployment, Installer
from harborweb.deployment.transaction import journal as journals
from harborweb.deployment.transaction import lock, rollback
from harborweb.deployment.transaction.attempt import Attempt, settle, tidy
from harborweb.deployment.transaction.journal import ACCEPTED, UNTOUCHED, Journal, Phase
from harborweb.deployment.transaction.snapshot import Snapshot
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run
from harborweb.jobs.services import give_up
from harborweb.jobs.services import request as request_job
from harborweb.tools import compose, prepare, process

Outcome = Deployment.Outcome
EXCLUSIVE = "host"  # as everything that is done to the host


def pass_on(error: BaseException, left: str) -> NoReturn:
    """Raise `error` again, saying what was left behind."""
    if isinstance(error, OSError):
        error = sentences.disk(error)
    if isinstance(error, Problem):
        raise Problem(error.message, f"{error.advice} {left}".strip(), field=error.field) from error
    if isinstance(error, process.Stopped):
        raise process.Stopped(left) from error
    if isinstance(error, process.TimedOut):
        raise process.TimedOut(error.seconds, left) from error
    raise error


def mask(run: Run, deployment: Deployment) -> None:
    """No secret of this revision reaches the log."""
    for secret in wanted.secrets(deployment.revision.text()):
        run.secret(secret)


def after_failure(attempt: Attempt) -> str:
    """Roll back what `attempt` did after Down, or leave it where that is switched off; what it came to, in words."""
    with attempt.run.to_the_end():
        if attempt.journal.phase in UNTOUCHED:
            if attempt.journal.at:
                untouched(attempt.run, attempt.journal)
            _say(attempt.journal, Outcome.UNDISTURBED, "")
            return _("Nothing was changed: what ran runs on.")
        if attempt.deployment.roll_back:
            return back(attempt.run, attempt.journal, attempt.program)
        with suppress(Problem):
            rollback.quiet(attempt.run, attempt.journal)
        said = _("Rolling back by itself is switched off, so it stays as it is. What was there before is kept.")
        _say(attempt.journal, Outcome.NEEDS_YOU, said)
        attempt.journal.close()
        return said


def back(run: Run, journal: Journal, program: compose.Compose) -> str:
    """Roll back; what it came to, in words. A rollback that fails leaves journal and snapshot, and says so."""
    _say(journal, Outcome.ROLLING_BACK, "")
    kept = Snapshot(Path(journal.folder), journal.number)
    try:
        runs = rollback.roll_back(run, journal, program)
        fresh = not any(kept.before().roots.values())
    except (Problem, OSError, process.TimedOut) as error:
        problem = sentences.disk(error) if isinstance(error, OSError) else error
        journal.phase = Phase.STUCK
        with suppress(OSError):  # a full disk: the journal then says where it came to, and is tried again
            journal.write(Phase.STUCK)
        said = _("The rollback failed too: %(reason)s Nothing more is touched; the snapshot is kept.")
        _say(journal, Outcome.NEEDS_YOU, said % {"reason": problem})
        run.line(said % {"reason": problem}, "err")
        return said % {"reason": problem}
    if runs:
        outcome, said = Outcome.ROLLED_BACK, _("Rolled back: what ran before runs again, from the same files.")
    elif fresh:
        outcome = Outcome.UNDONE
        said = _("There was nothing to go back to: no container runs, and the folder is as it was.")
    else:
        outcome, said = Outcome.ROLLED_BACK, _("Rolled back: the files are as they were. Nothing ran before.")
    _say(journal, outcome, said, snapshot=False)
    kept.forget()
    journal.close()
    run.line(said)
    return said


def untouched(run: Run, journal: Journal) -> None:
    """Away with what was laid beside the installer's files; nothing else was done."""
    try:
        rollback.quiet(run, journal)
    except Problem as problem:  # whatever still runs, writes into the copy alone
        run.line(str(problem), "err")
    Snapshot(Path(journal.folder), journal.number).forget()
    journal.close()


def _say(journal: Journal, outcome: Outcome, note: str, **more: Any) -> None:
    rows = Deployment.objects.filter(token=journal.token)
    rows.update(outcome=outcome, note=note, phase=journal.phase, **more)
    if outcome in Deployment.TAKEN_BACK:  # what came after it is gone with it
        for row in rows:
            later = Deployment.objects.filter(installer=row.installer_id, number__gt=row.number, began=True)
            later.exclude(outcome__in=Deployment.TAKEN_BACK).update(outcome=outcome, note=note, snapshot=False)


def recover(run: Run) -> dict[str, Any]:
    """Put right a deployment whose worker was killed.

    1 Look: what the journal says, what still runs
    2 Put right: nothing was touched yet, or it goes back to the snapshot, or it was accepted and is finished
    """
    folder = Path(Installer.objects.get(pk=run.arguments["installer"]).path)
    with lock.held(folder):
        run.step(1, 2, _("Look"))
        found = journals.read(folder)
        if found is None:
            return {"message": _("There is nothing to put right any more.")}
        deployment = Deployment.objects.filter(token=found.token).select_related("revision", "installer").first()
        _mask_all(run, folder, deployment)
        words = {"number": found.number, "phase": found.phase, "when": _clock(found.at)}
        run.line(_("Deployment %(number)d was interrupted at “%(phase)s”, %(when)s.") % words)
        with run.to_the_end():
            found.claim = run.job.claim  # should this worker be killed too, the next one knows whose job that was
            found.write(Phase(found.phase))
            rollback.quiet(run, found)
            run.step(2, 2, _("Put right"))
            return {"message": _put_right(run, found, deployment, leave=bool(run.arguments.get("leave")))}


def _put_right(run: Run, found: Journal, deployment: Deployment | None, *, leave: bool) -> str:
    if leave:
        said = _("It was left as it is. What was there before is kept.")
        _say(found, Outcome.NEEDS_YOU, said)
        found.close()
        return said
    if found.phase in UNTOUCHED:
        untouched(run, found)
        said = _("Nothing had been changed when its worker was killed.")
        _say(found, Outcome.UNDISTURBED, said, snapshot=False)
        return said
    program = checks.tools(run)
    if found.phase in ACCEPTED and deployment and _still_well(run, deployment, Path(found.folder)):
        tidy(run, Path(found.folder))
        settle(run, deployment, found, Snapshot(Path(found.folder), found.number))
        return _("It had been accepted already, so it was finished.")
    said = back(run, found, program)
    if found.phase == Phase.STUCK:
        raise Problem(said)
    return said


def _still_well(run: Run, deployment: Deployment, folder: Path) -> bool:
    try:
        waiting.until_healthy(run, folder)
        waiting.until_answered(run, wanted.read(deployment.revision.text()))
    except Problem as problem:
        run.line(str(problem), "err")
        return False
    return True


def _mask_all(run: Run, folder: Path, deployment: Deployment | None) -> None:
    if deployment:
        mask(run, deployment)
    with suppress(OSError, Problem):
        for secret in wanted.secrets((folder / prepare.CONFIGURATION).read_text(errors="surrogateescape")):
            run.secret(secret)


def _clock(stamp: str) -> str:
    when = parse_datetime(stamp) if stamp else None
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when else "?"


def put_back(run: Run) -> dict[str, Any]:
    """Put back the snapshot of a deployment that stands, because a person wants so.

    1 Look
    2 Put right: as after a failure
    """
    deployment = Deployment.objects.select_related("revision", "installer").get(pk=run.arguments["deployment"])
    folder = Path(deployment.installer.path)
    with lock.held(folder):
        run.step(1, 2, _("Look"))
        _mask_all(run, folder, deployment)
        kept = Snapshot(folder, deployment.number)
        before = kept.before()
        if journals.read(folder):
            raise Problem(_("Something was interrupted here and is not put right yet."), _("Put that right first."))
        program = checks.tools(run)
        run.step(2, 2, _("Put right"))
        found = Journal(
            folder=str(folder), token=deployment.token, number=deployment.number,
            revision=deployment.revision.number, claim=run.job.claim, old_folder=before.old_folder,
        )  # fmt: skip
        with run.to_the_end():
            said = back(run, found, program)
        if found.phase == Phase.STUCK:
            raise Problem(said)
        return {"message": said}


def find(task: Task) -> None:
    """Look for deployments that were interrupted; request `task`, recover, where nobody has to be asked.

    A journal in a folder that nobody holds is proof that its worker is gone.
    """
    for installer in Installer.objects.filter(ready=True).exclude(path=""):
        folder = Path(installer.path)
        with suppress(OSError, Problem):  # a journal that is not ours: the next deployment there says so
            if not journals.read(folder):
                _sweep(folder)
            elif lock.is_free(folder) and (found := journals.read(folder)):
                _notice(task, installer, found)
    # Those that ended without a journal: their worker was killed before it touched anything.
    ended = Deployment.objects.filter(outcome="", began=False).exclude(job=None).exclude(job__state__in=Job.ACTIVE)
    ended.update(outcome=Outcome.UNDISTURBED)


def _sweep(folder: Path) -> None:
    """Remove the scratch copies of a dry run whose worker was killed: they hold passwords and keys."""
    if any(journals.home(folder).glob("rehearsal-*")) and lock.is_free(folder):
        with lock.held(folder, 0):
            journals.sweep(folder)


def _notice(task: Task, installer: Installer, found: Journal) -> None:
    give_up(found.claim)
    rows = Deployment.objects.filter(token=found.token)
    if found.phase == Phase.STUCK:
        rows.exclude(outcome=Outcome.NEEDS_YOU).update(outcome=Outcome.NEEDS_YOU, phase=found.phase)
        return
    rows.exclude(outcome=Outcome.INTERRUPTED, phase=found.phase).update(
        outcome=Outcome.INTERRUPTED, phase=found.phase, note=_("The worker was killed.")
    )
    if found.roll_back or found.phase in UNTOUCHED | ACCEPTED:
        request(task, installer, rows.first())


def request(
    task: Task, installer: Installer, deployment: Deployment | None, by: HttpRequest | None = None, **more: Any
) -> Job:
    """Queue the recovery of what was interrupted in the installer's folder; or give the job that is going on."""
    number = {"number": deployment.number if deployment else 0}
    title = _("Put deployment %(number)d right") % number if deployment else _("Put an interrupted deployment right")
    job = request_job(
        task, kind="recover", title=title, subject=installer.path[:512], exclusive=EXCLUSIVE, by=by,
        arguments={"installer": installer.pk, "deployment": deployment.pk if deployment else None, **more},
    )  # fmt: skip
    if deployment and job.kind == "recover":
        Deployment.objects.filter(pk=deployment.pk).update(recovery=job)
    return job
