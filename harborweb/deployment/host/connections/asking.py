"""What all connection checks share: resolve first, tell where containers would end up, keep the other side's words."""

import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _

from harborweb.deployment.host import addresses, files, pem
from harborweb.deployment.host.addresses import Unresolved
from harborweb.deployment.host.findings import Machine, Sheet

CONNECT = 1.5  # seconds until a connection stands
ANSWER = 1.2  # seconds until it answers


def resolves(machine: Machine, sheet: Sheet, key: str, host: str) -> bool:
    """Whether `host` stands for an address; says it when not, and when it means the container itself."""
    try:
        found = addresses.resolve(host, CONNECT)
    except Unresolved as error:
        sheet.warning(
            key, _("%(host)s does not resolve on this machine: %(why)s.") % {"host": host, "why": error.reason},
            _("Harbor’s containers ask the same name servers."),
            _("Look whether the name servers in /etc/resolv.conf answer.") if error.silent
            else _("Mend the name, or add it to your DNS; /etc/hosts of this machine does not count in containers."),
        )  # fmt: skip
        return False
    if addresses.all_loopback(found) and addresses.literal(host) is None and host.lower() != "localhost":
        # An address that is loopback by itself is the rules' affair.
        sheet.warning(
            key, _("%(host)s means 127.0.0.1 here, and in a container that is the container itself.") % {"host": host},
            _("What answers here on this machine is out of Harbor’s reach."),
            _("Write the address of this machine in your network, and let the server listen there."),
        )  # fmt: skip
    return True


@contextmanager
def trusted(machine: Machine, *more: str) -> Iterator[str]:
    """A file of what Harbor's containers trust: the usual authorities, storage_service.ca_bundle, which is put into
    all of them, and those in the files `more`."""
    paths = (pem.trust_file(), machine.word("storage_service.ca_bundle"), *more)
    with tempfile.NamedTemporaryFile(prefix="harborweb-", suffix=".pem") as file:
        for path in paths:
            file.write((files.read(Path(path)) if path else None) or b"")
            file.write(b"\n")
        file.flush()
        yield file.name


def takes_connections(host: str, port: int) -> bool:
    """Whether something listens there, whatever it speaks."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def words(error: BaseException | str, most: int = 400) -> str:
    """The other side's own words, on one line, without the full stop at the end."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    return text[:most].rstrip(". ") or type(error).__name__


def host_and_port(text: str, default: int) -> tuple[str, int] | None:
    """`host:port`, `host`, `[2001:db8::1]:port`; None when the port is none."""
    text = text.strip()
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\s]+)|([0-9a-fA-F:]+:[0-9a-fA-F:.]*))(?::(\d{1,5}))?", text)
    if not found:
        return None
    host = found.group(1) or found.group(2) or found.group(3)
    port = int(found.group(4) or default)
    return (host, port) if 0 < port < 65536 else None
