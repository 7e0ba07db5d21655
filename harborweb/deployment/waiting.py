"""Wait until what was started is well: its containers, then an answer over http(s)."""

import http.client
import ssl
import time
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from docker import DockerClient

from harborweb.deployment import looking, sentences
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


def until_answered(run: Run, wanted: Wanted, seconds: float = 60) -> str:
    """The address on the host at which the registry answered `/v2/`; raises Problem when it does not.

    Empty when no port is known. The certificate is not judged here: a client's view of it needs its own name.
    """
    port = wanted.https_port if wanted.https else wanted.http_port
    if port is None:
        run.line(_("Its port is not known, so nobody asked whether it answers."))
        return ""
    scheme = "https" if wanted.https else "http"
    deadline = time.monotonic() + seconds
    while True:
        run.check()
        heard = [_ask(scheme, host, port, wanted.hostname) for host in (*HOSTS, wanted.hostname) if host]
        for address, status in heard:
            if status in {"200", "401"}:
                run.line(_("GET %(address)s answered %(status)s") % {"address": address, "status": status})
                return address
        if time.monotonic() > deadline:
            address, status = heard[0]
            raise Problem(
                _("The containers are well, but %(address)s does not answer as a registry: %(status)s.")
                % {"address": address, "status": status},
                _("Look at the last lines of the proxy's log, and whether a firewall stands between."),
            )
        time.sleep(POLL_SECONDS)


def _ask(scheme: str, host: str, port: int, name: str) -> tuple[str, str]:
    """The address and what it answered: a status, or the name of the error."""
    address = f"{scheme}://{host}:{port}/v2/"
    connection: http.client.HTTPConnection
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=5, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/v2/", headers={"Host": f"{name}:{port}"})
        return address, str(connection.getresponse().status)
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        return address, type(error).__name__
    finally:
        connection.close()
