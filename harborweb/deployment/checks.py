"""What has to be true on the host before a deployment touches a file."""

import errno
import socket
from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.deployment import looking, sentences
from harborweb.deployment.wanted import Wanted
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


def certificate(run: Run, wanted: Wanted) -> None:
    """With https, both files are there; raises Problem. prepare deletes the old pair before it looks for the new."""
    if not wanted.https:
        return
    for key, name in (("https.certificate", wanted.certificate), ("https.private_key", wanted.private_key)):
        _file(run, key, name)
    run.line(_("Certificate and private key are there."))


def _file(run: Run, key: str, name: str) -> None:
    words = {"key": key, "path": name}
    mend = _(
        "prepare would delete the certificate in use before it notices. Mend the path in the configuration, save, "
        "and deploy again."
    )
    if not name.startswith("/"):
        raise Problem(_("%(key)s is no absolute path: %(path)s.") % words, mend, field=key)
    try:
        if Path(name).is_dir():
            raise Problem(_("%(path)s (%(key)s) is a folder.") % words, mend, field=key)
        if Path(name).is_file():
            return
        Path(name).stat()
    except FileNotFoundError as error:
        if hidden():
            run.line(_("This worker runs in a container and cannot see %(path)s: not checked.") % words)
            return
        raise Problem(
            _("There is no file %(path)s (%(key)s) on the worker's host.") % words, mend, field=key
        ) from error
    except PermissionError:
        run.line(_("The worker's user may not look at %(path)s: not checked.") % words)


def hidden() -> bool:
    """Whether the host's files are out of this worker's sight, because it runs in a container."""
    try:
        with engine.connect() as client:
            return engine.holds_us(client)
    except engine.EngineError:
        return False


def ports(run: Run, wanted: Wanted, ours: list[engine.Container]) -> None:
    """The ports are free, or held by the containers that this deployment replaces; raises Problem."""
    held = {port for one in ours if one.state == "running" for port in one.host_ports}
    try:
        with engine.connect() as client:
            published, inside = engine.published(client), engine.holds_us(client)
    except engine.EngineError as error:
        raise sentences.engine(error) from error
    for key, port in wanted.ports.items():
        words = {"port": port, "key": key, "name": published.get(port, "")}
        advice = _("Stop it, or choose another %(key)s in the configuration; then deploy again.") % words
        if port in held:
            run.line(_("Port %(port)d (%(key)s) is held by what this deployment replaces.") % words)
        elif port in published:
            raise Problem(_("Port %(port)d is taken: the container %(name)s publishes it.") % words, advice, field=key)
        elif inside:
            run.line(
                _("No container publishes port %(port)d (%(key)s); other programs cannot be seen from here.") % words
            )
        elif _taken(port):
            raise Problem(
                _("Port %(port)d is taken: a program on the worker's host listens on it.") % words, advice, field=key
            )
        else:
            run.line(_("Port %(port)d (%(key)s) is free.") % words)


def _taken(port: int) -> bool:
    """Whether something listens on `port`; one that may not be tried (below 1024) counts as free: docker will say."""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - as docker binds
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
    return False
