"""The external log endpoint. tcp: it takes the connection. udp: a line is sent, and nobody ever answers."""

import os
import socket
import time

from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.deployment.host.connections.asking import CONNECT, resolves, words
from harborweb.deployment.host.findings import Machine, Sheet

BLOCK = "log.external_endpoint"
PRIORITY = 134  # local0.info
REFUSED_AFTER = 0.3  # seconds in which a refusal of a datagram comes back, where one does


def look(machine: Machine, sheet: Sheet) -> None:
    """Connect or send, as `protocol` says; the same line goes there either way."""
    host, port = machine.word(f"{BLOCK}.host"), machine.number(f"{BLOCK}.port", 0)
    protocol = machine.word(f"{BLOCK}.protocol")
    if machine.document.kind(BLOCK) != "mapping" or not host or not port or not 0 < port < 65536:
        return
    if protocol not in {"tcp", "udp"} or not resolves(machine, sheet, f"{BLOCK}.host", host):
        return
    place = {"place": f"{host}:{port}", "protocol": protocol}
    try:
        if protocol == "tcp":
            with socket.create_connection((host, port), timeout=CONNECT) as connection:
                connection.sendall(_line() + b"\n")
            sheet.fine(BLOCK, _("%(place)s took the connection and a test line of harborweb.") % place)
        else:
            _datagram(host, port)
            sheet.unknown(
                BLOCK, _("A test line of harborweb was sent to %(place)s over udp.") % place,
                _("udp has no answer: it cannot be known from here whether it arrived."),
                _("Look for “harborweb connection check” in that server’s log."),
            )  # fmt: skip
    except OSError as error:
        said = {**place, "said": words(error.strerror or error)}
        sheet.warning(
            f"{BLOCK}.port" if isinstance(error, ConnectionRefusedError) else f"{BLOCK}.host",
            _("The log endpoint %(place)s (%(protocol)s): %(said)s.") % said,
            _("Harbor runs without it, and what it wanted to log there is lost."),
            _("Look whether the syslog server listens there with this protocol, and whether a firewall is between."),
        )  # fmt: skip


def _line() -> bytes:
    """RFC 5424."""
    text = (
        f"<{PRIORITY}>1 {timezone.now().isoformat()} {socket.gethostname()} harborweb - - - harborweb connection check"
    )
    return text.encode()


def _datagram(host: str, port: int) -> None:
    """Send; raises ConnectionRefusedError where the other machine says that nobody listens (it need not)."""
    family, kind, number, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, number) as sender:
        sender.settimeout(CONNECT)
        sender.connect(address)
        sender.send(_line())
        time.sleep(REFUSED_AFTER)
        if refused := sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(refused, os.strerror(refused))
