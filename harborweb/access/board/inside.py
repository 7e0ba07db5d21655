"""The name as a container sees it: asked inside a Harbor container that runs.

Nothing is pulled or started. Only what reads is run: cat, getent, curl, each as an argument list, never a shell.
"""

import re
from typing import Any

from django.utils.translation import gettext as _

from harborweb.access.board import names
from harborweb.access.board.here import registry_cells
from harborweb.access.board.views_of import FINE, LOOK, SKIPPED, WRONG, Column, not_asked
from harborweb.access.doctor.exchange import Exchange
from harborweb.access.doctor.seen import Target
from harborweb.tools import engine

PREFERRED = ("core", "harbor-core", "registry", "nginx", "proxy")
SECONDS = 5
MOST_BYTES = 64 * 1024
_TRYING = re.compile(r"Trying \[?([0-9a-fA-F.:]+?)\]?:\d+\.\.\.")
_TIMES = re.compile(r"harborweb-times (\d{3}) (\d+) ([\d.]+) ([\d.]*)")


def look(target: Target, project: str) -> Column:
    """Ask in a container of compose project `project`; a column with the reason where none can be asked."""
    title = _("A container")
    try:
        with engine.connect(timeout=SECONDS + 15) as client:
            found = _asker(client, project)
            if found is None:
                return not_asked("container", title, _("No container of Harbor runs here that has curl, and none is "
                                                       "started for it."))  # fmt: skip
            return _column(client, found, target)
    except engine.EngineError as error:
        return not_asked("container", title, _("The engine was not reached: %(why)s.") % {"why": error.detail[:200]})


def _asker(client: Any, project: str) -> engine.Container | None:
    """A running container of Harbor that has curl; its health checks use it, so core has."""
    found = [one for one in engine.containers(client, project) if one.state == "running"] if project else []
    order = {name: number for number, name in enumerate(PREFERRED)}
    for one in sorted(found, key=lambda each: order.get(each.service, len(order))):
        if engine.inside(client, one.id, ["curl", "--version"])[0] == 0:
            return one
    return None


def _column(client: Any, where: engine.Container, target: Target) -> Column:
    column = Column("container", _("Container %(name)s") % {"name": where.name})

    def run(*command: str) -> str:
        code, output = engine.inside(client, where.id, list(command), MOST_BYTES)
        return output if code in {0, None} else ""

    servers = names.servers_in(run("cat", "/etc/resolv.conf").splitlines())
    column.put("asked", FINE, ", ".join(str(one) for one in servers) or _("not seen"))
    words = [line.split()[0] for line in run("getent", "ahosts", target.name).splitlines() if line.split()]
    column.addresses = list(dict.fromkeys(words or _tried(client, where, target)))[:6]
    if not column.addresses:
        column.put("address", WRONG, _("no address"))
        return column
    loop = all(one.startswith("127.") or one == "::1" for one in column.addresses)
    note = _("the container itself") if loop else ""
    column.put("address", WRONG if loop else FINE, ", ".join(column.addresses), note)
    _reach(client, where, target, column)
    return column


def _tried(client: Any, where: engine.Container, target: Target) -> list[str]:
    """The addresses that curl tries, where the image has no getent."""
    command = ["curl", "--silent", "--verbose", "--noproxy", "*", "--max-time", "3", "--output", "/dev/null",
               "--insecure", target.origin]  # fmt: skip
    return _TRYING.findall(engine.inside(client, where.id, command, MOST_BYTES)[1])


def _reach(client: Any, where: engine.Container, target: Target, column: Column) -> None:
    """One curl: connection, `/v2/` and token address. It looks at no certificate, and sends nothing secret."""
    command = [
        "curl", "--silent", "--show-error", "--insecure", "--noproxy", "*", "--max-time", str(SECONDS),
        "--max-filesize", str(MOST_BYTES), "--include", "--write-out",
        "\nharborweb-times %{http_code} %{ssl_verify_result} %{time_connect} %{remote_ip}", f"{target.origin}/v2/",
    ]  # fmt: skip
    code, output = engine.inside(client, where.id, command, MOST_BYTES)
    times = _TIMES.search(output)
    connected = times is not None and float(times.group(3)) > 0
    column.open = connected
    if not connected:
        words = {7: _("refused"), 28: _("no answer in %(seconds)d s") % {"seconds": SECONDS}}
        column.put("port", WRONG, words.get(code or 0, _("curl ended with %(code)s") % {"code": code}))
        return
    assert times is not None  # noqa: S101 - what `connected` says
    column.put("port", FINE, _("open, %(ms)d ms") % {"ms": round(float(times.group(3)) * 1000)})
    if target.https:
        trusted = times.group(2) == "0"
        column.put("certificate", FINE if trusted else LOOK, _("accepted") if trusted else
                   _("not by the authorities in this container"))  # fmt: skip
    else:
        column.put("certificate", SKIPPED, _("none: http"))
    registry_cells(column, target, _answer(output, int(times.group(1))))


def _answer(output: str, status: int) -> Exchange:
    head = output.replace("\r", "").partition("\n\n")[0].splitlines()[1:]
    pairs = [line.partition(": ") for line in head]
    return Exchange("GET", "", status=status, headers=tuple((name, value) for name, _sep, value in pairs))
