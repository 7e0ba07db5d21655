"""Wait until what was started is well: its containers, then an answer over http(s)."""

import http.client
import json
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from docker import DockerClient

from harborweb.deployment import looking, sentences
from harborweb.deployment.containers import compose_file
from harborweb.deployment.wanted import Wanted
from harborweb.errors import Problem
from harborweb.jobs.run import Run
from harborweb.tools import compose, engine

POLL_SECONDS = 1.0
RESTARTS = 4  # a container that came up again this often will not stay
LOG_LINES = 12
# Where published ports are: this machine, or the one around the container that this worker runs in (compose.yml).
HOSTS = ("127.0.0.1", "host.docker.internal")


def until_healthy(run: Run, folder: Path) -> list[engine.Container]:
    """Return the containers of `folder` once all are well; raises Problem when one ends or time is up.

    Each change of a container is a line of the log; the pages see it through the host's row.
    """
    project = compose.project_name(folder)
    deadline = time.monotonic() + settings.HEALTHY_SECONDS
    told: dict[str, str] = {}
    try:
        with engine.connect() as client:
            while True:
                run.check()
                found = looking.here(engine.containers(client, project), folder)
                _tell(run, found, told)
                looking.look()
                if found and all(one.well for one in found):
                    run.progress(0, 0)
                    return found
                gone = [one for one in found if one.restarts >= RESTARTS or one.state == "dead"]
                if gone or time.monotonic() > deadline:
                    raise _unwell(run, client, gone or [one for one in found if not one.well])
                run.progress(sum(one.well for one in found), len(found))
                time.sleep(POLL_SECONDS)
    except engine.EngineError as error:
        raise sentences.engine(error) from error


def _tell(run: Run, found: list[engine.Container], told: dict[str, str]) -> None:
    for one in found:
        words = {"name": one.name, "state": one.state, "health": one.health, "code": one.exit_code or 0}
        if one.health:
            now = _("%(name)s is %(state)s, %(health)s") % words
        elif one.state in {"exited", "restarting", "dead"}:
            now = _("%(name)s is %(state)s, exit code %(code)d") % words
        else:
            now = _("%(name)s is %(state)s") % words
        if told.get(one.name) != now:
            told[one.name] = now
            run.line(now)


def _unwell(run: Run, client: DockerClient, bad: list[engine.Container]) -> Problem:
    """The last lines of each container that is not well go to the log; the first one is named."""
    if not bad:
        return Problem(_("No container was started."), _("Look at the log, then deploy again."))
    for one in bad:
        for secret in compose_file.generated(Path(one.working_dir)):
            run.secret(secret)
        run.line(_("Last lines of %(name)s:") % {"name": one.name})
        for line in engine.last_lines(client, one.id, LOG_LINES):
            run.line(line, "err")
    first = bad[0]
    words = {"name": first.name, "state": first.state, "seconds": settings.HEALTHY_SECONDS, "n": first.restarts}
    advice = _("Its last lines are in the log. Mend the reason, or deploy the revision that ran before.")
    if first.restarts >= RESTARTS:
        return Problem(_("%(name)s does not stay up: it was restarted %(n)d times.") % words, advice)
    if first.state != "running":
        return Problem(_("%(name)s did not come up: it is %(state)s.") % words, advice)
    return Problem(_("%(name)s was not healthy after %(seconds)g seconds.") % words, advice)


def until_answered(run: Run, wanted: Wanted) -> str:
    """The address on the host at which the registry answered; raises Problem when it does not in time.

    A Harbor is asked for the health of its components: while it starts, its proxy answers 502 in HTML, and then 200
    both when all are healthy and when not (facts on health), so each component is read. Anything else is asked for
    `/v2/`. Empty when no port is known. The certificate is not judged here: the acceptance probe does that.
    """
    port = wanted.https_port if wanted.https else wanted.http_port
    if port is None:
        run.line(_("Its port is not known, so nobody asked whether it answers."))
        return ""
    deadline = time.monotonic() + settings.HEALTHY_SECONDS
    told: dict[str, str] = {}
    while True:
        run.check()
        heard = [_look_at(wanted, host, port) for host in (*HOSTS, wanted.hostname) if host]
        heard.sort(key=lambda one: one.rank)
        best = heard[0]
        _tell_components(run, best, told)
        if best.well:
            run.line(_("GET %(address)s answered %(status)s") % {"address": best.address, "status": best.status})
            return best.address
        if time.monotonic() > deadline:
            raise _silent(best)
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Heard:
    """What one address answered: a status, or the name of the error; of a Harbor also its components."""

    address: str
    status: str
    components: dict[str, str] = field(default_factory=dict)
    harbor: bool = False

    @property
    def well(self) -> bool:
        """Whether a registry, or a Harbor whose components are all healthy, has answered."""
        if self.harbor:
            return bool(self.components) and set(self.components.values()) == {"healthy"}
        return self.status in {"200", "401"}

    @property
    def rank(self) -> int:
        """The most telling answer first."""
        return 0 if self.well else 1 if self.components else 2 if self.status.isdigit() else 3


def _look_at(wanted: Wanted, host: str, port: int) -> Heard:
    """A Harbor's health at `host`, or what `/v2/` answers where there is no such API."""
    health, body = _ask(wanted, host, port, "/api/v2.0/health")
    if health.status == "200":
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            found = {str(one["name"]): str(one["status"]) for one in json.loads(body)["components"]}
            return replace(health, components=found, harbor=True)
    if health.status in {"502", "503", "504"}:
        return replace(health, harbor=True)  # its proxy is up, what stands behind is not yet
    return health if not health.status.isdigit() else _ask(wanted, host, port, "/v2/")[0]


def _tell_components(run: Run, heard: Heard, told: dict[str, str]) -> None:
    for name, status in sorted(heard.components.items()):
        if told.get(name) != status:
            told[name] = status
            run.line(_("Harbor's component %(name)s is %(status)s") % {"name": name, "status": status})
    if heard.components:
        run.progress(sum(status == "healthy" for status in heard.components.values()), len(heard.components))


def _silent(heard: Heard) -> Problem:
    bad = [name for name, status in heard.components.items() if status != "healthy"]
    advice = _("Look at the last lines of the proxy's log, and whether a firewall stands between.")
    if bad:
        return Problem(
            _("The containers are well, but Harbor says that these components are not: %(names)s.")
            % {"names": ", ".join(bad)},
            _("Look at the logs of the containers of these names."),
        )
    return Problem(
        _("The containers are well, but %(address)s does not answer as a registry: %(status)s.")
        % {"address": heard.address, "status": heard.status},
        advice,
    )


def _ask(wanted: Wanted, host: str, port: int, path: str) -> tuple[Heard, bytes]:
    """What a GET answered: a status or the name of the error, and the first 256 KiB of its body."""
    scheme = "https" if wanted.https else "http"
    address = f"{scheme}://{host}:{port}{path}"
    connection: http.client.HTTPConnection
    if wanted.https:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=5, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": f"{wanted.hostname}:{port}"})
        answer = connection.getresponse()
        return Heard(address, str(answer.status)), answer.read(256 * 1024)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        return Heard(address, type(error).__name__), b""
    finally:
        connection.close()
