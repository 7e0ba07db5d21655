"""The board as a job of Harbor's machine: host, a container of it, and public DNS where somebody asks for that."""

import dataclasses
import socket
from typing import Any

from django.utils.translation import gettext as _

from harborweb.access.board import here, inside, judging, names
from harborweb.access.board.views_of import not_asked
from harborweb.access.doctor.seen import Target
from harborweb.deployment.host import addresses
from harborweb.deployment.models import Host
from harborweb.jobs.run import Run
from harborweb.registry.models import Registry


def look(run: Run) -> dict[str, Any]:
    """Look at the name from three places.

    1 this host: its name servers, its hosts file, then port, certificate and `/v2/`; 2 a container of Harbor;
    3 public DNS, only where an address of one was given. Changes nothing.
    """
    target = Target(**run.arguments["target"])
    registry = Registry.objects.filter(pk=run.arguments.get("registry") or 0).first()
    run.step(1, 3, _("This host"))
    columns = [here.look(target, registry.ca_pem if registry else "")]
    run.step(2, 3, _("A container"))
    host = Host.objects.filter(pk=1).first()
    columns.append(inside.look(target, host.project if host else ""))
    run.step(3, 3, _("Public DNS"))
    outside = names.server_of(run.arguments.get("resolver", ""))
    columns.append(here.public(outside, target) if outside else
                   not_asked("public", _("Public DNS"), _("Not asked: no public name server was given.")))  # fmt: skip
    for column in columns:
        run.line(column.title)
        for row, cell in column.cells.items():
            run.line(f"  {row}: {cell.words} {cell.note}".rstrip())
        if column.reason:
            run.line(f"  {column.reason}")
    own = [str(one) for one in addresses.own()]
    server = next((str(one) for one in names.servers() if not judging.is_loopback(one.address)), "")
    found = judging.judge(columns, own, run.arguments.get("lan", ""), server)
    judging.point(columns, found)
    return {
        "machine": socket.gethostname(), "target": dataclasses.asdict(target),
        "columns": [column.kept() for column in columns], "findings": [dataclasses.asdict(one) for one in found],
    }  # fmt: skip
