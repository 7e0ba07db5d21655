"""Make a revision run; stop and start what runs. The numbers are those of the log and the step bar."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from harborweb.deployment import checks, host, looking, sentences, waiting, wanted
from harborweb.deployment.models import Deployment
from harborweb.deployment.transaction import journal, lock, recovery, rollback
from harborweb.deployment.transaction.attempt import STEPS, Attempt, step_names
from harborweb.deployment.transaction.journal import Phase
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import compose, process

__all__ = ["STEPS", "deploy", "start", "step_names", "stop"]


def deploy(run: Run) -> dict[str, Any]:
    """Deploy a revision: either it runs and is accepted, or everything is as it was.

    1 Lock: the folder, also against a shell; nothing that was interrupted is left in it
    2 Host checks: engine, compose, the installer, the project's name, certificate, ports
    3 Snapshot: harbor.yml, docker-compose.yml, common/config, the secrets of data_volume, the images
    4 Rehearse: prepare in a scratch copy of folder and secrets, then `compose config -q`
    5 Pull the images that are missing. What fails until here has touched nothing
    6 Down: never is prepare run in place while the registry is up (facts on prepare)
    7 Write harbor.yml and prepare
    8 Up
    9 Wait until healthy: containers, then the components
    10 Acceptance: token, push, pull by digest, delete. What fails from 6 to 10 is rolled back, unless switched off
    11 Leftovers: input/harbor.yml, which holds passwords
    12 Settle
    """
    deployment = Deployment.objects.select_related("revision", "installer").get(pk=run.arguments["deployment"])
    recovery.mask(run, deployment)
    attempt = Attempt(run, deployment)
    with ExitStack() as stack:
        run.step(1, STEPS, step_names()[0])
        try:
            _lock(stack, attempt)
            _prepare_everything(stack, attempt)
            containers, accepted = _replace(attempt)
        except BaseException as error:  # noqa: BLE001 - whatever it was, it is put right; raised again
            recovery.pass_on(error, recovery.after_failure(attempt))
        attempt.tidy()
        attempt.settle()
        return {
            "address": attempt.wishes.address, "containers": containers, "deployment": deployment.pk,
            "number": deployment.number, "proven": accepted.proven, "warnings": accepted.warnings,
        }  # fmt: skip


def _lock(stack: ExitStack, attempt: Attempt) -> None:
    """Step 1; raises Problem when somebody works here, or left something to put right."""
    folder = attempt.folder
    if not folder.is_dir():
        checks.folder(folder)
    stack.enter_context(lock.held(folder))
    _refuse_unfinished(folder)
    attempt.journal.write(Phase.LOCK)
    attempt.run.line(_("%(folder)s is ours until this is finished.") % {"folder": folder})


def _refuse_unfinished(folder: Path) -> None:
    if found := journal.read(folder):
        raise Problem(
            _("Deployment %(number)d was interrupted in this folder, and is not put right yet.")
            % {"number": found.number},
            _("The host worker puts it back by itself, or offers it on that deployment's page. Then try again."),
        )


def _prepare_everything(stack: ExitStack, attempt: Attempt) -> None:
    """Steps 2 to 5, which touch nothing that runs."""
    try:
        attempt.check()
        if attempt.old != attempt.folder:
            stack.enter_context(lock.held(attempt.old))
        attempt.keep()
        attempt.rehearse()
        attempt.pull()
        attempt.run.check()
    except OSError as error:
        raise sentences.disk(error) from error


def _replace(attempt: Attempt) -> tuple[int, Any]:
    """Steps 6 to 10."""
    attempt.down()
    attempt.write()
    attempt.up()
    containers = attempt.wait()
    return containers, attempt.accept()


def stop(run: Run) -> dict[str, Any]:
    """Stop what runs.

    1 Down. Not `docker compose stop`: containers with `restart: always` would come back with the engine, and a later
    start must pick up changed files. Everything that lasts lies in data_volume and stays.
    """
    deployment, folder = _running()
    recovery.mask(run, deployment)
    run.step(1, 1, _("Down"))
    with lock.held(folder):
        _refuse_unfinished(folder)
        program = checks.tools(run)
        checks.containers(folder)
        _compose(run, program.down(), folder, rollback.DOWN_SECONDS)
    looking.look()
    return {"number": deployment.number}


def start(run: Run) -> dict[str, Any]:
    """Start what was stopped, from the files that are there.

    1 Check
    2 Up
    3 Wait until healthy
    """
    deployment, folder = _running()
    recovery.mask(run, deployment)
    wishes = wanted.read(deployment.revision.text())
    run.step(1, 3, _("Check"))
    with lock.held(folder):
        _refuse_unfinished(folder)
        program = checks.tools(run)
        if not (folder / compose.FILE).is_file():
            raise Problem(
                _("There is no docker-compose.yml in %(folder)s.") % {"folder": folder},
                _("Deploy the revision again."),
            )
        checks.containers(folder)
        checks.machine(run, deployment.revision.text(), folder, looks=host.BEFORE_STARTING)
        run.step(2, 3, _("Up"))
        _compose(run, program.up(), folder, rollback.UP_SECONDS)
        run.step(3, 3, _("Wait until healthy"))
        found = waiting.until_healthy(run, folder)
        waiting.until_answered(run, wishes)
    looking.look()
    return {"number": deployment.number, "address": wishes.address, "containers": len(found)}


def _compose(run: Run, command: tuple[str, ...], folder: Path, seconds: float) -> None:
    answer: process.Completed = run.execute(command, cwd=folder, timeout=seconds)
    if answer.exit_code:
        looking.look()
        raise sentences.compose_failed(compose.explain(answer))


def _running() -> tuple[Deployment, Path]:
    deployment = looking.running()
    if deployment is None:
        raise Problem(_("Nothing was deployed yet."), _("Deploy a saved revision first."))
    return deployment, Path(deployment.installer.path)
