"""What is on the worker's host now: engine, compose, containers. Only host workers call this."""

import dataclasses
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from harborweb.deployment import sentences, wanted
from harborweb.deployment.models import Deployment, Host, Installer, InstallerPiece
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.masking import Masker
from harborweb.tools import compose, engine

COMPOSE_AGE = timedelta(minutes=2)  # asking for its version starts a process


def running() -> Deployment | None:
    """The deployment that touched the containers last and was not taken back: what runs, if anything does."""
    stands = Deployment.objects.filter(began=True).exclude(outcome__in=Deployment.TAKEN_BACK)
    return stands.select_related("revision", "installer", "job").first()


def here(containers: list[engine.Container], folder: Path) -> list[engine.Container]:
    """Those of the containers that compose started from `folder`."""
    home = folder.resolve()
    return [one for one in containers if one.working_dir and Path(one.working_dir).resolve() == home]


def record(one: engine.Container, masker: Masker) -> dict[str, Any]:
    """A container as the pages read it, without secrets: a health check or the engine may quote one."""
    said = {"error": masker.mask(one.error), "health_output": masker.mask(one.health_output)}
    return {**dataclasses.asdict(one), "well": one.well, **said}


def look() -> Host:
    """Look, and write it down for the pages. Whatever is wrong becomes `problem` and `advice` of the row."""
    host = Host.objects.filter(pk=1).first() or Host(pk=1)
    host.name, host.problem, host.advice = socket.gethostname(), "", ""
    try:
        _look(host)
    except engine.EngineError as error:
        problem = sentences.engine(error)
        host.engine, host.containers = {}, []
        host.problem, host.advice = problem.message, problem.advice
    except Problem as problem:
        host.problem, host.advice = problem.message, problem.advice
    host.seen = timezone.now()
    host.save()
    _drop_pieces()
    return host


def _look(host: Host) -> None:
    deployment = running()
    with engine.connect(timeout=8) as client:
        facts = engine.facts(client)
        host.engine, host.name = dataclasses.asdict(facts), facts.name or host.name
        host.project, host.containers = "", []
        if deployment:
            folder = Path(deployment.installer.path)
            host.project = compose.project_name(folder)
            seen = here(engine.containers(client, host.project), folder)
            masker = Masker(wanted.secrets(deployment.revision.text()))
            host.containers = [record(one, masker) for one in seen]
    if compose.version_numbers(facts.version) < compose.LEAST_ENGINE:
        raise sentences.old_engine(facts.version)
    now = timezone.now()
    if not host.compose or host.compose_seen is None or now - host.compose_seen > COMPOSE_AGE:
        found = compose.find()
        host.compose, host.compose_seen = (found.version if found else ""), now
    if not host.compose:
        raise sentences.no_compose()
    if compose.version_numbers(host.compose) < compose.LEAST_COMPOSE:
        raise sentences.no_compose(host.compose)


def _drop_pieces() -> None:
    """Remove uploads whose job ended without a worker that could: stopped before its start, or lost."""
    ended = Installer.objects.exclude(job__state__in=Job.ACTIVE).filter(
        created__lt=timezone.now() - timedelta(minutes=1)
    )
    InstallerPiece.objects.filter(installer__in=ended).delete()
