"""Make a revision run; stop and start what runs. The numbers are those of the log and the step bar."""

import hashlib
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.configuration.models import Revision
from harborweb.deployment import checks, files, looking, sentences, waiting, wanted
from harborweb.deployment.models import Deployment
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import compose, engine, prepare

STEPS = 7


def step_names() -> list[str]:
    """The names of the steps of `deploy`, for a step bar that shows also those ahead."""
    return [
        _("Check"),
        _("Write harbor.yml"),
        _("Prepare"),
        _("Check the compose file"),
        _("Down"),
        _("Up"),
        _("Wait until healthy"),
    ]


PREPARE_SECONDS = 600
PULL_SECONDS = 3600
DOWN_SECONDS = 600


def deploy(run: Run) -> dict[str, Any]:
    """Deploy a revision.

    1 Check: engine, compose, the installer, the project's name, certificate, ports. Nothing is touched.
    2 Write harbor.yml
    3 Prepare
    4 Check the compose file. When 2, 3 or 4 fail, harbor.yml, docker-compose.yml and common/config are put back.
    5 Down: where it ran before, since `up` alone does not pick up changed files (facts/harbor.md)
    6 Up
    7 Wait until healthy
    """
    deployment = Deployment.objects.select_related("revision", "installer").get(pk=run.arguments["deployment"])
    folder, text = Path(deployment.installer.path), deployment.revision.text()
    for secret in wanted.secrets(text):
        run.secret(secret)
    wishes = wanted.read(text)
    try:
        program, ours = _check(run, folder, wishes)
        _render(run, deployment, program, text)
    except OSError as error:
        raise sentences.disk(error) from error
    Deployment.objects.filter(pk=deployment.pk).update(began=True)
    _replace(run, program, folder, ours)
    found = _settle(run, folder, wishes)
    return {
        "address": wishes.address,
        "containers": len(found),
        "deployment": deployment.pk,
        "number": deployment.number,
    }


def _check(run: Run, folder: Path, wishes: wanted.Wanted) -> tuple[compose.Compose, list[engine.Container]]:
    run.step(1, STEPS, _("Check"))
    program = checks.tools(run)
    checks.folder(folder)
    if files.recover(folder):
        run.line(_("A deployment had ended in the middle. What it had kept of the files before it was put back."))
    ours = checks.containers(folder)
    checks.certificate(run, wishes)
    checks.ports(run, wishes, ours)
    return program, ours


def _render(run: Run, deployment: Deployment, program: compose.Compose, text: str) -> None:
    """Steps 2 to 4, which leave every file as it was when one of them fails."""
    folder = Path(deployment.installer.path)
    with _files_kept(run, folder, deployment.number):
        run.step(2, STEPS, _("Write harbor.yml"))
        _keep_a_strangers(run, folder)
        fresh = files.write_whole(folder / prepare.CONFIGURATION, text)
        run.line(_("harbor.yml was written.") if fresh else _("harbor.yml has this content already."))
        run.step(3, STEPS, _("Prepare"))
        answer = run.execute(prepare.command(deployment.with_trivy), cwd=folder, timeout=PREPARE_SECONDS)
        if answer.exit_code:
            raise sentences.prepare_failed(prepare.explain(answer))
        run.step(4, STEPS, _("Check the compose file"))
        _compose(run, program.config(), folder, timeout=120)


class _files_kept:
    """files.kept, which tells the log when it puts something back and always removes prepare's leftovers."""

    def __init__(self, run: Run, folder: Path, number: int) -> None:
        self._run, self._folder = run, folder
        self._kept = files.kept(folder, number)

    def __enter__(self) -> files.Copy:
        return self._kept.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self._kept.__exit__(kind, error, trace)
        finally:
            if files.remove_leftovers(self._folder):
                self._run.line(_("input/harbor.yml, which prepare had left with the passwords in it, was removed."))
            if error is not None:
                self._run.line(_("harbor.yml, docker-compose.yml and common/config are again as they were."))


def _keep_a_strangers(run: Run, folder: Path) -> None:
    """A harbor.yml that is no revision of ours is somebody's work: keep it beside the new one."""
    path = folder / prepare.CONFIGURATION
    if not path.is_file():
        return
    data = path.read_bytes()
    if any(revision.text().encode() == data for revision in Revision.objects.order_by("-number")[:50]):
        return
    name = f"{path.name}.{timezone.now():%Y%m%d-%H%M%S}-{hashlib.sha256(data).hexdigest()[:6]}"
    files.write_whole(folder / name, data.decode(errors="surrogateescape"))
    run.line(_("The harbor.yml that was there is no revision of harborweb. It is kept as %(name)s.") % {"name": name})


def _replace(run: Run, program: compose.Compose, folder: Path, ours: list[engine.Container]) -> None:
    run.step(5, STEPS, _("Down"))
    if ours:
        _compose(run, program.down(), folder, timeout=DOWN_SECONDS)
    else:
        run.line(_("Nothing ran from this folder, so there is nothing to stop."))
    run.step(6, STEPS, _("Up"))
    _compose(run, program.up(), folder, timeout=PULL_SECONDS)


def _settle(run: Run, folder: Path, wishes: wanted.Wanted) -> list[engine.Container]:
    run.step(7, STEPS, _("Wait until healthy"))
    found = waiting.until_healthy(run, folder)
    waiting.until_answered(run, wishes)
    looking.look()
    return found


def _compose(run: Run, command: tuple[str, ...], folder: Path, *, timeout: float) -> None:
    answer = run.execute(command, cwd=folder, timeout=timeout)
    if answer.exit_code:
        looking.look()
        raise sentences.compose_failed(compose.explain(answer))


def stop(run: Run) -> dict[str, Any]:
    """Stop what runs.

    1 Down. Not `docker compose stop`: containers with `restart: always` would come back with the engine, and a later
    start must pick up changed files. Everything that lasts lies in data_volume and stays.
    """
    deployment, folder = _running()
    _mask(run, deployment)
    program = checks.tools(run)
    run.step(1, 1, _("Down"))
    checks.containers(folder)
    _compose(run, program.down(), folder, timeout=DOWN_SECONDS)
    looking.look()
    return {"number": deployment.number}


def start(run: Run) -> dict[str, Any]:
    """Start what was stopped, from the files that are there.

    1 Check
    2 Up
    3 Wait until healthy
    """
    deployment, folder = _running()
    _mask(run, deployment)
    wishes = wanted.read(deployment.revision.text())
    run.step(1, 3, _("Check"))
    program = checks.tools(run)
    if not (folder / compose.FILE).is_file():
        raise Problem(
            _("There is no docker-compose.yml in %(folder)s.") % {"folder": folder}, _("Deploy the revision again.")
        )
    checks.ports(run, wishes, checks.containers(folder))
    run.step(2, 3, _("Up"))
    _compose(run, program.up(), folder, timeout=PULL_SECONDS)
    run.step(3, 3, _("Wait until healthy"))
    found = waiting.until_healthy(run, folder)
    waiting.until_answered(run, wishes)
    looking.look()
    return {"number": deployment.number, "address": wishes.address, "containers": len(found)}


def _running() -> tuple[Deployment, Path]:
    deployment = looking.running()
    if deployment is None:
        raise Problem(_("Nothing was deployed yet."), _("Deploy a saved revision first."))
    return deployment, Path(deployment.installer.path)


def _mask(run: Run, deployment: Deployment) -> None:
    for secret in wanted.secrets(deployment.revision.text()):
        run.secret(secret)
