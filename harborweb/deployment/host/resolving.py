"""hostname and external_url: what they stand for on this machine, and inside a container."""

import ipaddress
import re
from typing import Any

from django.utils.translation import gettext as _

from harborweb.deployment.host import addresses
from harborweb.deployment.host.addresses import Address, Unresolved
from harborweb.deployment.host.findings import Machine, Sheet
from harborweb.tools import engine

NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?$")
EXAMPLES = {"reg.mydomain.com", "localhost"}  # the rules say those
PYTHON = (
    "import socket, sys\n"
    "try: print(*{row[4][0] for row in socket.getaddrinfo(sys.argv[1], None)})\n"
    "except OSError as error: print('!', error.strerror or error)"
)
# Images that may be here already and that can ask a name server. Nothing is ever pulled.
ASKERS = (
    (re.compile(r"(^|/)goharbor/prepare:"), ("python3", "-c", PYTHON)),
    (re.compile(r"^(docker\.io/)?(library/)?python:"), ("python3", "-c", PYTHON)),
    (re.compile(r"^(docker\.io/)?(library/)?(debian|ubuntu|alpine):"), ("getent", "ahosts")),
)


def names(machine: Machine) -> dict[str, str]:
    """The keys that name this machine, with the name."""
    found = {"hostname": machine.wishes.hostname, "external_url": addresses.host_of(machine.wishes.external_url)}
    return {
        key: name
        for key, name in found.items()
        if name and name not in EXAMPLES and (NAME.match(name) or addresses.literal(name))
    }


def here(machine: Machine, sheet: Sheet) -> None:
    """On this machine: to what, and whether that is this machine."""
    wanted = names(machine)
    if wanted.get("external_url") == wanted.get("hostname"):
        wanted.pop("external_url", None)
    for key, name in wanted.items():
        try:
            found = addresses.resolve(name)
        except Unresolved as error:
            _say_unresolved(sheet, key, name, error)
            continue
        _judge(machine, sheet, key, name, found)


def _say_unresolved(sheet: Sheet, key: str, name: str, error: Unresolved) -> None:
    words = {"name": name, "why": error.reason}
    sheet.warning(
        key,
        _("%(name)s does not resolve on this machine: %(why)s.") % words,
        _("Docker clients on it, and Harbor’s own components, could not find Harbor by this name."),
        _("Look whether the name servers in /etc/resolv.conf answer.")
        if error.silent
        else _("Add %(name)s to your DNS. A line in /etc/hosts helps only this machine, and no container.") % words,
    )


def _judge(machine: Machine, sheet: Sheet, key: str, name: str, found: list[Address]) -> None:
    words = {"name": name, "addresses": _list(found)}
    own = set() if machine.files_hidden else addresses.own()
    if addresses.all_loopback(found):
        sheet.warning(
            key, _("%(name)s resolves to %(addresses)s on this machine: to itself only.") % words,
            _("Other machines must find another address; usually a line in /etc/hosts is to blame."),
            _("Let the name stand for this machine’s address in your network."),
        )  # fmt: skip
    elif not own or own.intersection(found):
        sheet.fine(key, _("%(name)s resolves to %(addresses)s, this machine.") % words if own else
                   _("%(name)s resolves to %(addresses)s.") % words)  # fmt: skip
    elif key == "external_url" or machine.wishes.external_url:
        sheet.fine(key, _("%(name)s resolves to %(addresses)s: not this machine, so a proxy’s.") % words)
    else:
        sheet.warning(
            key, _("%(name)s resolves to %(addresses)s, which is no address of this machine.") % words,
            _("People would reach another machine, unless a router or proxy passes them on to this one."),
            _("Mend the name’s entry in your DNS, or set external_url when a proxy stands in front."),
        )  # fmt: skip


def _list(found: list[Address]) -> str:
    return ", ".join(str(one) for one in found[:6])


def in_container(machine: Machine, sheet: Sheet) -> None:
    """In a container of an image that is already here: /etc/hosts of the machine does not count there."""
    wanted = {key: name for key, name in names(machine).items() if addresses.literal(name) is None}
    for key, name in {name: key for key, name in wanted.items()}.items():
        _in_container(sheet, name, key)


def _in_container(sheet: Sheet, key: str, name: str) -> None:
    try:
        with engine.connect(timeout=3) as client:
            asker = _asker(client)
            if asker is None:
                sheet.unknown(key, _("Not asked inside a container: no suitable image is here, and none is pulled."))
                return
            answer = _ask(client, *asker, name)
    except engine.EngineError:
        return  # said by the check of the engine
    found = _parsed(answer)
    words = {"name": name, "addresses": _list(found)}
    if not found:
        sheet.warning(
            key, _("%(name)s does not resolve inside a container.") % words,
            _("Containers do not read this machine’s /etc/hosts. Harbor’s own components need the name when they "
              "replicate to it or scan through it."),
            _("Add it to the DNS that this machine’s /etc/resolv.conf names."),
        )  # fmt: skip
    elif addresses.all_loopback(found):
        sheet.warning(
            key, _("%(name)s resolves to %(addresses)s inside a container: to the container itself.") % words,
            "", _("Let the name stand for this machine’s address in your network."),
        )  # fmt: skip
    else:
        sheet.fine(key, _("Inside a container %(name)s resolves to %(addresses)s.") % words)


def _asker(client: Any) -> tuple[str, tuple[str, ...]] | None:
    tags = sorted(tag for row in client.api.images() for tag in row.get("RepoTags") or ())
    for pattern, command in ASKERS:
        for tag in tags:
            if pattern.search(tag):
                return tag, command
    return None


def _ask(client: Any, image: str, command: tuple[str, ...], name: str) -> str:
    """What the command prints in a container that the engine removes by itself, whatever becomes of us."""
    made = client.api.create_container(
        image, entrypoint=[command[0]], command=[*command[1:], name], labels={"harborweb": "host check"},
        host_config=client.api.create_host_config(
            auto_remove=True, mem_limit="128m", cap_drop=["ALL"], security_opt=["no-new-privileges"], read_only=True,
        ),
    )  # fmt: skip
    try:
        stream = client.api.attach(made["Id"], stdout=True, stderr=False, stream=True, logs=True)
        client.api.start(made["Id"])
    except BaseException:  # it never ran, so the engine would keep it; raised again
        client.api.remove_container(made["Id"], force=True)
        raise
    return b"".join(stream).decode(errors="replace")


def _parsed(answer: str) -> list[Address]:
    found: dict[Address, None] = {}
    for word in answer.split():
        try:
            found[ipaddress.ip_address(word.split("%")[0])] = None
        except ValueError:
            continue
    return list(found)
