"""Back to the snapshot: the files byte for byte, what ran runs again. Doing it twice comes to the same."""

from contextlib import suppress
from pathlib import Path

from django.utils.translation import gettext as _
from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from docker.utils import parse_repository_tag

from harborweb.deployment import looking, sentences, waiting, wanted
from harborweb.deployment.transaction import survivors
from harborweb.deployment.transaction.journal import Journal, Phase
from harborweb.deployment.transaction.snapshot import Before, Snapshot
from harborweb.errors import Problem
from harborweb.jobs.models import LogLine
from harborweb.jobs.run import Run
from harborweb.tools import compose, engine

DOWN_SECONDS = 600
UP_SECONDS = 3600  # an image that was removed meanwhile is pulled again


def step_names() -> list[str]:
    """The steps of a rollback, as its bar shows them."""
    return [_("Down"), _("Put the files back"), _("Up"), _("Wait until healthy")]


def roll_back(run: Run, journal: Journal, program: compose.Compose) -> bool:
    """Put back what deployment `journal.number` found; whether something runs again.

    a Down: what it had started
    b Put the files back, and compare them
    c Up: from the old files, with the old images
    d Wait until healthy

    Raises what stands in the way; the journal then says how far it came.
    """
    with run.to_the_end():
        snapshot = Snapshot(Path(journal.folder), journal.number)
        before = snapshot.before()
        _letter(run, "a", step_names()[0])
        _note(journal, Phase.ROLLBACK_DOWN)
        quiet(run, journal)
        down(run, program, Path(journal.folder), journal.token)
        _letter(run, "b", step_names()[1])
        _note(journal, Phase.ROLLBACK_FILES)
        count = _files(run, snapshot)
        run.line(_("%(n)d files were put back and compared: content, owners and modes.") % {"n": count})
        _images(run, before)
        if not before.ran:
            run.line(_("Nothing ran before, so nothing is started."))
            looking.look()
            return False
        _up(run, journal, program, snapshot, before)
        return True


def _up(run: Run, journal: Journal, program: compose.Compose, snapshot: Snapshot, before: Before) -> None:
    old = Path(before.old_folder)
    _letter(run, "c", step_names()[2])
    _note(journal, Phase.ROLLBACK_UP)
    answer = run.execute(program.up(), cwd=old, timeout=UP_SECONDS, env=survivors.environment(journal.token))
    if answer.exit_code:
        raise sentences.compose_failed(compose.explain(answer))
    _letter(run, "d", step_names()[3])
    _note(journal, Phase.ROLLBACK_HEALTHY)
    try:
        waiting.until_healthy(run, old)
        text = snapshot.text(old / "harbor.yml") or (old / "harbor.yml").read_text(errors="surrogateescape")
        waiting.until_answered(run, wanted.read(text))
    except (Problem, OSError) as error:
        if before.well:
            raise
        run.line(_("It was not well before either: %(reason)s") % {"reason": error}, "err")
    looking.look()


def _note(journal: Journal, phase: Phase) -> None:
    """On a full disk the journal keeps an earlier phase, which leads to the same rollback."""
    with suppress(OSError):
        journal.write(phase)


def _letter(run: Run, letter: str, name: str) -> None:
    """A step of the rollback: the job's own step stays the one that failed."""
    run.line(f"{letter} {name}", LogLine.Stream.STEP)


def quiet(run: Run, journal: Journal) -> None:
    """End the programs of this deployment that still run; raises Problem when the engine cannot be asked."""
    try:
        for name in survivors.end(journal.token, Path(journal.folder)):
            run.line(_("Ended what still ran: %(name)s") % {"name": name})
    except engine.EngineError as error:
        raise sentences.engine(error) from error


def down(run: Run, program: compose.Compose, folder: Path, token: str) -> None:
    """No container and no network of what was started from `folder` is left, whatever state its files are in."""
    project = compose.project_name(folder)
    if (folder / compose.FILE).is_file():
        answer = run.execute(program.down(), cwd=folder, timeout=DOWN_SECONDS, env=survivors.environment(token))
        if answer.exit_code:
            run.line(_("docker compose could not do it; the engine removes what is left."))
    try:
        with engine.connect(timeout=120) as client:
            for one in looking.here(engine.containers(client, project), folder):
                client.api.remove_container(one.id, force=True)
                run.line(_("Removed %(name)s") % {"name": one.name})
            if not engine.containers(client, project):
                _remove_networks(client, project)
    except engine.EngineError as error:
        raise sentences.engine(error) from error


def _remove_networks(client: DockerClient, project: str) -> None:
    for network in client.api.networks(filters={"label": [f"{engine.PROJECT}={project}"]}):
        try:
            client.api.remove_network(network["Id"])
        except APIError as error:
            if error.status_code != 404 and "active endpoints" not in str(error.explanation):
                raise


def _files(run: Run, snapshot: Snapshot) -> int:
    try:
        return snapshot.put_back()
    except OSError as error:
        raise sentences.disk(error) from error


def _images(run: Run, before: Before) -> None:
    """Names that point to another image now point to the old one again, where the engine still has it."""
    try:
        with engine.connect() as client:
            for name, old in before.images.items():
                try:
                    if client.images.get(name).id == old:
                        continue
                except ImageNotFound:
                    pass
                try:
                    repository, tag = parse_repository_tag(name)
                    client.api.tag(old, repository, tag or "latest", force=True)
                    run.line(_("%(name)s names the image again that ran before.") % {"name": name})
                except (ImageNotFound, APIError):
                    run.line(_("The image that ran as %(name)s is gone; it will be pulled.") % {"name": name}, "err")
    except engine.EngineError as error:
        raise sentences.engine(error) from error
