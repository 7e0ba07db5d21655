"""What the pages of deployment show: how the registry stands, in a word and a sentence, and its containers."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from harborweb.configuration import services as configuration
from harborweb.deployment import looking, services
from harborweb.deployment.models import Deployment, Host
from harborweb.jobs.models import Job
from harborweb.tools import compose, prepare, process


@dataclass(frozen=True)
class Row:
    """A container in the table."""

    name: str
    image: str
    state: str  # good, bad, running, off
    state_word: str
    health: str
    health_word: str
    ports: list[str]
    restarts: int
    since: datetime | None
    error: str


@dataclass(frozen=True)
class Standing:
    """How what was deployed stands: `state` for its pill, a word, and the sentence that answers the page's question."""

    state: str
    word: str
    sentence: str


def host() -> Host | None:
    """What the host worker saw last, if one ever answered."""
    return Host.objects.filter(pk=1).first()


def active_job() -> Job | None:
    """The job that changes the host now."""
    return Job.objects.filter(exclusive=services.EXCLUSIVE, state__in=Job.ACTIVE).first()


def home() -> dict[str, Any]:
    """Everything on the page of deployment."""
    seen, running, job = host(), looking.running(), active_job()
    silent = is_silent(seen, job)
    rows = containers(seen, silent)
    return {
        "host": seen, "silent": silent, "running": running, "job": job, "rows": rows,
        "standing": standing(seen, running, job, rows), "revision": configuration.latest_revision(),
        "draft": configuration.current_draft(), "installer": services.latest_installer(),
        "deployments": Deployment.objects.select_related("revision", "installer", "job")[:20],
    }  # fmt: skip


def is_silent(seen: Host | None, job: Job | None) -> bool:
    """Whether no host worker has answered lately; one that is busy with a job answers through that."""
    busy = job is not None and job.state == Job.State.RUNNING
    return seen is None or (seen.stale and not busy)


def containers(seen: Host | None, silent: bool) -> list[Row]:
    """The containers as the host worker saw them, those that are not well first; of old news nothing looks certain."""
    rows = [_row(one) for one in sorted(seen.containers if seen else [], key=lambda one: (one["well"], one["name"]))]
    return [replace(row, state="unsure", health=row.health and "unsure") for row in rows] if silent else rows


_STATE_WORDS = {
    "created": _("Created"), "running": _("Running"), "paused": _("Paused"), "restarting": _("Restarting"),
    "removing": _("Being removed"), "exited": _("Exited"), "dead": _("Dead"),
}  # fmt: skip


def _row(one: dict[str, Any]) -> Row:
    word = _(_STATE_WORDS.get(one["state"], one["state"]))
    if one["exit_code"] is not None:
        word = _("%(state)s (%(code)d)") % {"state": word, "code": one["exit_code"]}
    shapes = {"running": "good", "created": "queued", "exited": "bad" if one["exit_code"] else "off"}
    healths = {
        "healthy": ("good", _("healthy")),
        "starting": ("running", _("starting")),
        "unhealthy": ("bad", _("unhealthy")),
    }
    health, health_word = healths.get(one["health"], ("", ""))
    return Row(
        name=one["name"], image=one["image"], state=shapes.get(one["state"], "bad"), state_word=word,
        health=health, health_word=health_word, ports=one["ports"], restarts=one["restarts"],
        since=parse_datetime(one["since"][:19] + "Z") if one["since"] else None, error=one["error"],
    )  # fmt: skip


def standing(seen: Host | None, running: Deployment | None, job: Job | None, rows: list[Row]) -> Standing:
    """The title's pill and sentence."""
    if job is not None:
        return Standing(
            job.state, job.words, _("%(title)s: nothing to do until that is finished.") % {"title": job.title}
        )
    if running is None:
        return Standing("off", _("Not deployed"), _("Nothing has been deployed from here yet."))
    words = {
        "number": running.revision.number, "path": running.installer.path, "n": len(rows),
        "well": sum(one.state == "good" and one.health in {"", "good"} for one in rows),
    }  # fmt: skip
    if seen is None or is_silent(seen, job):
        return Standing("unsure", _("Not known"), _("No host worker answers, so nobody knows what runs now."))
    if seen.problem:
        return Standing("unsure", _("Not known"), seen.problem)
    if not rows:
        return Standing(
            "off", _("Stopped"), _("Revision %(number)d was deployed to %(path)s; no container runs.") % words
        )
    if words["well"] == words["n"]:
        sentence = _("Revision %(number)d runs from %(path)s: all %(n)d containers are well.") % words
        return Standing("good", _("Running"), sentence)
    sentence = _("Revision %(number)d from %(path)s: %(well)d of %(n)d containers are well.") % words
    starting = all(one.state == "good" and one.health in {"", "good", "running"} for one in rows)
    return Standing("running", _("Starting"), sentence) if starting else Standing("bad", _("Not well"), sentence)


def what_needs(seen: Host | None, silent: bool) -> list[tuple[str, str, str]]:
    """What deploying needs, and how this host has it: state, name, words."""
    if seen is None or silent:
        unknown = _("not known, since no host worker answers")
        return [
            ("bad", _("Host worker"), _("none answers; start one with the queue “host”")),
            *[("unsure", name, unknown) for name in (_("Docker engine"), _("docker compose"))],
        ]
    engine, plugin = seen.engine.get("version", ""), seen.compose
    return [
        ("good", _("Host worker"), _("on %(name)s") % {"name": seen.name}),
        ("good" if engine else "bad", _("Docker engine"), engine or _("not there")),
        ("good" if plugin else "bad", _("docker compose"), plugin or _("not found")),
    ]


def by_hand(deployment: Deployment) -> str:
    """What an operator would type to do the same, without the way back."""
    program = compose.Compose(("docker", "compose"), "")
    commands = [
        ("cd", deployment.installer.path),
        program.down(),
        prepare.command(deployment.with_trivy),
        program.up(),
        ("rm", "-rf", "input"),
    ]
    return "\n".join(process.shown(command) for command in commands)
