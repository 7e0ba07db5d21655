"""The name as the machine of this worker sees it, and as one name server says."""

import asyncio
import socket
from collections.abc import Sequence

from django.utils.translation import gettext as _

from harborweb.access.board import names
from harborweb.access.board.views_of import FINE, LOOK, SKIPPED, UNSURE, WRONG, Column, not_asked
from harborweb.access.doctor import certificates
from harborweb.access.doctor.challenge import challenge
from harborweb.access.doctor.examining import knock
from harborweb.access.doctor.exchange import Exchange
from harborweb.access.doctor.seen import Port, Target, origin
from harborweb.access.doctor.wire import Bounds, Wire
from harborweb.access.values import is_address
from harborweb.deployment.host import addresses
from harborweb.registry.running import run

BOUNDS = Bounds(seconds=6, connect=3)


def look(target: Target, ca_pem: str, servers: Sequence[names.Server] | None = None) -> Column:
    """This machine: its name servers one by one, its hosts file, then port, certificate, `/v2/` and token address."""
    column = Column("host", _("This host: %(name)s") % {"name": socket.gethostname()})
    if is_address(target.name):
        column.literal, servers = True, []
    asked = list(names.servers() if servers is None else servers)
    said = [names.ask(server, target.name) for server in asked]
    written = names.in_hosts(target.name)
    where = ", ".join(str(server) for server in asked) or _("no name server")
    if column.literal:
        column.put("asked", SKIPPED, _("nobody: this is an address"))
    else:
        column.put("asked", FINE, f"/etc/hosts, {where}" if written else where)
    try:
        column.addresses = [str(one) for one in addresses.resolve(target.name)]
        differ = sorted({", ".join(one.addresses) for one in said if one.addresses})
        words = ", ".join(column.addresses)
        notes = [_("/etc/hosts says so, on this machine only")] if written else []
        if len(differ) > 1:
            notes.append(_("its name servers differ: %(answers)s") % {"answers": " / ".join(differ)})
        notes += [f"{one.server}: {one.error}" for one in said if one.error and not one.addresses and not written]
        column.put("address", LOOK if notes else FINE, words, "; ".join(notes))
    except addresses.Unresolved as error:
        column.put("address", WRONG, error.reason, "; ".join(f"{one.server}: {one.error}" for one in said if one.error))
        return column
    run(reach(column, target, ca_pem))
    return column


def public(server: names.Server, target: Target) -> Column:
    """A resolver outside: what the name means there. Whether that answers is for somebody outside to see."""
    if is_address(target.name):
        return not_asked("public", _("Public DNS"), _("Not asked: %s is an address, not a name.") % target.name)
    column = Column("public", _("Public DNS"))
    said = names.ask(server, target.name)
    column.addresses = said.addresses
    column.put("asked", FINE, str(server))
    column.put("address", FINE if said.addresses else UNSURE, ", ".join(said.addresses) or said.error)
    return column


async def reach(column: Column, target: Target, ca_pem: str) -> None:
    """Port, certificate, `/v2/` and token address at what the name means in this place."""
    ports = await asyncio.gather(*(knock(one, target.port, BOUNDS.connect) for one in column.addresses[:4]))
    port = next((one for one in ports if one.open), ports[0])
    column.open = port.open
    port_cell(column, port)
    if not port.open:
        return
    trust = certificates.without_check()
    if target.https:
        seal = await certificates.look(port.address, target.port, target.name, ca_pem, BOUNDS.connect)
        good = _("good, by %(issuer)s") % {"issuer": seal.issuer}
        column.put("certificate", WRONG if seal.kind else FINE, seal.detail or seal.kind if seal.kind else good)
    else:
        column.put("certificate", SKIPPED, _("none: http"))
    wire = Wire(BOUNDS, {target.name: port.address}, trust)
    registry_cells(column, target, await wire.ask("GET", f"{target.origin}/v2/"))


def port_cell(column: Column, port: Port) -> None:
    """Whether it is open."""
    words = _("open, %(ms)d ms") % {"ms": port.ms} if port.open else port.error
    column.put("port", FINE if port.open else WRONG, words)


def registry_cells(column: Column, target: Target, answer: Exchange) -> None:
    """The answer to `/v2/`, and whether the token address is the one people can reach."""
    found = challenge(answer)
    if not answer.answered:
        column.put("registry", WRONG, answer.detail or answer.error)
        return
    if found is None:
        column.put("registry", WRONG, _("%(status)d, not Harbor's") % {"status": answer.status})
        return
    column.put("registry", FINE, _("401, as it should be"))
    url = found.url
    right = url is not None and origin(url) == target.origin
    column.put("token", FINE if right else WRONG, origin(url) if url is not None else found.realm)
