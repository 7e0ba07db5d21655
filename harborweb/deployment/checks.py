"""What has to be true on the host before a deployment touches a file."""

from collections.abc import Sequence
from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.deployment import host, looking, sentences
from harborweb.deployment.host import together
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import compose, engine, prepare


def tools(run: Run) -> compose.Compose:
    """Engine and compose, new enough; raises Problem."""
    try:
        with engine.connect() as client:
            facts = engine.facts(client)
    except engine.EngineError as error:
        raise sentences.engine(error) from error
    if compose.version_numbers(facts.version) < compose.LEAST_ENGINE:
        raise sentences.old_engine(facts.version)
    found = compose.find()
    if found is None:
        raise sentences.no_compose()
    if compose.version_numbers(found.version) < compose.LEAST_COMPOSE:
        raise sentences.no_compose(found.version)
    run.line(_("Docker %(engine)s, docker compose %(compose)s") % {"engine": facts.version, "compose": found.version})
    return found


def folder(path: Path) -> None:
    """The installer is still what it was taken for; raises Problem."""
    try:
        prepare.look(path)
    except prepare.NoInstaller as error:
        raise sentences.installer(error) from error


def replaced(path: Path) -> Path:
    """The folder whose containers a deployment from `path` replaces: `path`, or where harborweb deployed to before.

    One engine runs one Harbor (container names are fixed, facts on the installer), so a new installer in another
    folder takes over from the old one.
    """
    running = looking.running()
    old = Path(running.installer.path) if running else path
    if old == path or not old.is_dir():
        return path
    try:
        with engine.connect() as client:
            found = looking.here(engine.containers(client, compose.project_name(old)), old)
    except engine.EngineError as error:
        raise sentences.engine(error) from error
    return old if found else path


def containers(path: Path, old: Path | None = None) -> list[engine.Container]:
    """The containers that run, or ran, from `path`, or from `old` that it replaces.

    Raises Problem when yet another folder has the same project name. Compose names a project after its folder (facts
    on the installer): two folders called harbor are one project to it, and `down` in one would remove the containers
    of the other.
    """
    old = old or path
    project = compose.project_name(path)
    if not project:
        raise Problem(
            _("docker compose can make no project name out of the folder %(path)s.") % {"path": path},
            _("Rename the folder so that its name holds a letter or a digit."),
        )
    try:
        with engine.connect() as client:
            found = engine.containers(client, project)
            ours = looking.here(engine.containers(client, compose.project_name(old)), old)
    except engine.EngineError as error:
        raise sentences.engine(error) from error
    others = sorted({one.working_dir for one in found} - {one.working_dir for one in ours})
    if others:
        words = {"project": project, "other": others[0]}
        raise Problem(
            _("The compose project %(project)s already runs from %(other)s.") % words,
            _(
                "To docker compose both would be the same project. Type “docker compose down” in that folder, or use "
                "an installer in a folder of another name; then deploy again."
            ),
        )
    return ours


def machine(
    run: Run, text: str, path: Path, old: Path | None = None, looks: Sequence[together.Check] = host.BEFORE_DEPLOYING
) -> None:
    """What only this machine knows: each finding becomes a line of the log.

    Raises Problem for the first that would stop prepare or compose; for warnings nobody is held up.
    """
    found = host.examine(text, installer=path, replaces=old, checks=looks)
    for one in found:
        run.line(one.said(), "err" if one.state == "error" else "note")
    stops = next((one for one in found if one.state == "error"), None)
    if stops is not None:
        raise Problem(stops.message, " ".join(part for part in (stops.why, stops.advice) if part), field=stops.key)


def hidden() -> bool:
    """Whether the host's files are out of this worker's sight, because it runs in a container."""
    try:
        with engine.connect() as client:
            return engine.holds_us(client)
    except engine.EngineError:
        return False
