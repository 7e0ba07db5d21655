"""The workshop for one container: restart, start, stop. Only host workers call this."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from harborweb.deployment import looking, sentences, wanted
from harborweb.deployment.containers import compose_file, reasons
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import compose, engine

PATIENCE = 30  # seconds between TERM and KILL: a database writes its buffers first
POLL = 1.0
STEADY = 5.0
LOG_LINES = 12
STEPS = 3


def act(run: Run) -> dict[str, Any]:
    """Do `action` (restart, start, stop) to the container `name` of what was deployed.

    1 Find it: it has to be one of Harbor's, by project, folder and name
    2 Restart, start or stop it
    3 Look: running and healthy, or stopped; when not, why, and its last lines

    Raises Problem.
    """
    name, action = str(run.arguments["name"]), str(run.arguments["action"])
    deployment = looking.running()
    if deployment is None:
        raise Problem(_("Nothing was deployed yet."), _("Deploy a saved revision first."))
    for secret in wanted.secrets(deployment.revision.text()):
        run.secret(secret)
    try:
        with engine.connect(timeout=PATIENCE + 30) as client:
            run.step(1, STEPS, _("Find it"))
            one = find(client, Path(deployment.installer.path), name)
            run.line(_("%(name)s is %(state)s.") % {"name": name, "state": reasons.word(vars(one)).lower()})
            run.step(2, STEPS, verb(action))
            _do(client, one, action)
            run.step(3, STEPS, _("Look"))
            one = _wait(run, client, one, action)
    except engine.EngineError as error:
        raise _refused(error) if error.kind == "refused" else sentences.engine(error) from error
    finally:
        looking.look()
    return {"name": name, "state": one.state, "health": one.health}


def verb(action: str) -> str:
    """The action as the name of a step or button."""
    return {"restart": _("Restart"), "start": _("Start"), "stop": _("Stop")}[action]


def find(client: Any, folder: Path, name: str) -> engine.Container:
    """The container `name` of the project in `folder`; raises Problem when there is none."""
    for one in looking.here(engine.containers(client, compose.project_name(folder)), folder):
        if one.name == name:
            return one
    raise Problem(
        _("There is no container %(name)s of this registry.") % {"name": name},
        _("See on the page of containers which there are. A deployment makes those that are missing."),
    )


def _do(client: Any, one: engine.Container, action: str) -> None:
    if action == "start":
        engine.start(client, one.id)
    elif action == "stop":
        engine.stop(client, one.id, PATIENCE)
    else:
        engine.restart(client, one.id, PATIENCE)


def _wait(run: Run, client: Any, one: engine.Container, action: str) -> engine.Container:
    """Return the container once it is as it shall be; raises Problem when it is not within HEALTHY_SECONDS.

    One without a health check has to stay up for STEADY seconds: what ends at once has also been running for a moment.
    """
    deadline, told = time.monotonic() + settings.HEALTHY_SECONDS, ""
    restarts, up = -1, 0.0
    while True:
        run.check()
        now = next((two for two in engine.containers(client, one.project) if two.id == one.id), None)
        if now is None:
            raise Problem(_("%(name)s is gone.") % {"name": one.name}, _("Somebody removed it. Deploy again."))
        said = " ".join(filter(None, [reasons.word(vars(now)), now.health, reasons.why(vars(now))]))
        if said != told:
            run.line(said)
            told = said
        if not now.well or now.restarts != restarts:
            restarts, up = now.restarts, time.monotonic()
        steady = now.health == "healthy" or time.monotonic() - up >= STEADY
        if now.well and steady if action != "stop" else now.state == "exited":
            return now
        if time.monotonic() > deadline or (now.state in {"exited", "dead"} and action != "stop"):
            raise _unwell(run, client, now)
        time.sleep(POLL)


def _unwell(run: Run, client: Any, one: engine.Container) -> Problem:
    if one.health_output and one.health != "healthy":
        run.line(_("Its health check said: %(output)s") % {"output": one.health_output}, "err")
    for secret in compose_file.generated(Path(one.working_dir)):
        run.secret(secret)
    run.line(_("Last lines of %(name)s:") % {"name": one.name})
    for line in engine.last_lines(client, one.id, LOG_LINES):
        run.line(line, "err")
    words = {"name": one.name, "state": reasons.word(vars(one)).lower(), "health": one.health or "", "why": ""}
    words["why"] = reasons.why(vars(one))
    advice = _("Its last lines are in the log. What else it needs (database, redis, log) has to run, too.")
    if one.state == "running":
        return Problem(_("%(name)s runs, but its health check says %(health)s.") % words, advice)
    return Problem((_("%(name)s does not stay up: it is %(state)s. %(why)s") % words).strip(), advice)


def _refused(error: engine.EngineError) -> Problem:
    advice = _("Mend what it names, then try again.")
    if "syslog" in error.detail or "logging driver" in error.detail:
        # Harbor's containers log over syslog to the container harbor-log, and cannot start without it
        advice = _("Its log goes to the container harbor-log, which has to run first: start that one.")
    elif "port is already allocated" in error.detail or "address already in use" in error.detail:
        advice = _("Another program holds its port. End that, or deploy a revision with another port.")
    return Problem(_("The engine refused: %(detail)s") % {"detail": error.detail.rstrip(".") + "."}, advice)
