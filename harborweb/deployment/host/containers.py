"""What of this engine's containers is this same Harbor, and what stands in its way: names, project, ports."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from harborweb.deployment.host import listeners
from harborweb.deployment.host.findings import Machine, Sheet
from harborweb.tools import compose, engine

LOG_PORT = 1514  # harbor-log listens there on loopback for the other containers' logs
HARBORS = ("harbor-log", "registry", "registryctl", "harbor-core", "harbor-portal", "harbor-jobservice", "nginx")


@dataclass(frozen=True)
class Row:
    """A container, in any state."""

    name: str
    image: str
    project: str
    folder: str
    running: bool
    ports: frozenset[int]


def rows() -> list[Row]:
    """All containers of the engine; raises EngineError."""
    with engine.connect(timeout=2) as client:
        return [_row(one) for one in client.api.containers(all=True)]


def _row(seen: dict[str, Any]) -> Row:
    labels = seen.get("Labels") or {}
    return Row(
        name=str((seen.get("Names") or ["?"])[0]).lstrip("/"), image=str(seen.get("Image", "")),
        project=labels.get(engine.PROJECT, ""), folder=labels.get(engine.WORKING_DIR, ""),
        running=seen.get("State") == "running",
        ports=frozenset(int(port["PublicPort"]) for port in seen.get("Ports") or () if port.get("PublicPort")),
    )  # fmt: skip


def same(machine: Machine, found: list[Row]) -> list[Row]:
    """Those that this deployment replaces: of the installer's folder; where that is not known, a Harbor's."""
    if machine.installer is not None:
        homes = {path.resolve() for path in (machine.installer, machine.replaces) if path is not None}
        return [one for one in found if one.folder and Path(one.folder).resolve() in homes]
    projects = {one.project for one in found if one.name == "harbor-core" and one.project}
    return [one for one in found if one.project in projects]


def names(machine: Machine, sheet: Sheet) -> None:
    """Container names are fixed (facts), so each can be taken; and two folders of one name are one project."""
    try:
        found = rows()
    except engine.EngineError:
        return  # said by the check of the engine
    ours = same(machine, found)
    wanted = _wanted(machine)
    taken = [one for one in found if one.name in wanted and one not in ours]
    if taken and all(one.project for one in taken) and len({one.folder for one in taken}) == 1 and len(taken) > 2:
        words = {"folder": taken[0].folder, "names": ", ".join(sorted(one.name for one in taken))}
        sheet.error(
            "", _("Another Harbor runs from %(folder)s: %(names)s.") % words,
            _("Harbor’s container names are fixed, so docker compose up stops: one Harbor for each engine."),
            _("Type “docker compose down” in that folder, or use another machine."),
        )  # fmt: skip
    else:
        for one in taken:
            words = {"name": one.name, "image": one.image, "project": one.project or "–"}
            sheet.error(
                "", _("A container named %(name)s is there already (image %(image)s, project %(project)s).") % words,
                _("Harbor’s container names are fixed, so docker compose up stops with a conflict."),
                _("Rename or remove it: docker rename %(name)s %(name)s-old") % words,
            )  # fmt: skip
    if not taken:
        text = _("Harbor’s container names are free.")
        sheet.fine("", _("Harbor’s containers are there already and would be replaced.") if ours else text)
    _project(machine, sheet, found, ours)


def _wanted(machine: Machine) -> set[str]:
    """The container names that `up` will ask for: those of the compose file that is there, else Harbor's."""
    if machine.installer is not None:
        try:
            text = (machine.installer / compose.FILE).read_text(errors="replace")
        except OSError:
            text = ""
        found = set(re.findall(r"^\s+container_name:\s*[\"']?([\w.-]+)", text, re.MULTILINE))
        if "harbor-core" not in found and (found or not _is_harbors(machine.installer)):
            return found
    wanted = set(HARBORS)
    if machine.document.kind("external_database") != "mapping":
        wanted.add("harbor-db")
    if machine.document.kind("external_redis") != "mapping":
        wanted.add("redis")
    if machine.on("metric.enabled"):
        wanted.add("harbor-exporter")
    return wanted


def _is_harbors(installer: Path) -> bool:
    """Whether its prepare runs Harbor's own image, or a mirror's: other installers have other names."""
    try:
        return "goharbor/" in (installer / "prepare").read_text(errors="replace")
    except OSError:
        return True


def _project(machine: Machine, sheet: Sheet, found: list[Row], ours: list[Row]) -> None:
    if machine.installer is None:
        return
    project = compose.project_name(machine.installer)
    others = sorted({one.folder for one in found if one.project == project and one not in ours} - {""})
    if project and others:
        words = {"project": project, "other": others[0], "here": machine.installer}
        sheet.warning(
            "", _("The compose project %(project)s already runs from %(other)s.") % words,
            _("To docker compose %(here)s is the same project: it would replace those containers.") % words,
            _("Give one of the folders another name, or type “docker compose down” in the other one."),
        )  # fmt: skip


def ports(machine: Machine, sheet: Sheet) -> None:
    """Each port that Harbor publishes: free, held by this same Harbor, or taken."""
    try:
        found = rows()
    except engine.EngineError:
        found = []
    ours = {port for one in same(machine, found) if one.running for port in one.ports}
    published = {port: one.name for one in found if one.running for port in one.ports}
    wanted = dict(machine.wishes.ports)
    if machine.on("metric.enabled") and (metric := machine.number("metric.port", 9090)):
        wanted["metric.port"] = metric
    busy = {} if machine.files_hidden else listeners.by_port()
    for key, port in wanted.items():
        _port(machine, sheet, key, port, port in ours, published.get(port, ""), busy.get(port, []))
    _log_port(machine, sheet, ours, published, busy)


def _port(
    machine: Machine, sheet: Sheet, key: str, port: int, ours: bool, container: str, busy: list[listeners.Listener]
) -> None:
    words = {"port": port, "key": key, "name": container or listeners.named(busy)}
    advice = _("Stop it, or choose another %(key)s.") % words
    why = _("docker compose up would stop.")
    if port == LOG_PORT and "harbor-log" in _wanted(machine):
        text = _("Port 1514 is where Harbor’s own log container listens.")
        sheet.error(key, text, why, _("Choose another %(key)s.") % words)
    elif ours:
        sheet.fine(key, _("Port %(port)d is held by this same Harbor.") % words)
    elif container:
        sheet.error(key, _("Port %(port)d is taken: the container %(name)s publishes it.") % words, why, advice)
    elif busy:
        sheet.error(key, _("Port %(port)d is taken: %(name)s listens on it.") % words, why, advice)
    elif machine.files_hidden:
        text = _("No container publishes port %(port)d; other programs cannot be seen from here.")
        sheet.unknown(key, text % words)
    else:
        sheet.fine(key, _("Port %(port)d is free.") % words)


def _log_port(
    machine: Machine, sheet: Sheet, ours: set[int], published: dict[int, str], busy: dict[int, list[listeners.Listener]]
) -> None:
    """127.0.0.1:1514, which a real Harbor always publishes; an installer of another make may not."""
    on_loopback = [one for one in busy.get(LOG_PORT, []) if one.covers_loopback]
    practice = machine.installer is not None and "harbor-log" not in _wanted(machine)
    if LOG_PORT in ours or practice or not (on_loopback or LOG_PORT in published):
        return
    words = {"name": published.get(LOG_PORT) or listeners.named(on_loopback)}
    sheet.error(
        "log", _("Port 1514 on 127.0.0.1 is taken: %(name)s.") % words,
        _("Harbor’s log container listens there, and no key of harbor.yml changes that. docker compose up would stop."),
        _("Stop what listens there."),
    )  # fmt: skip
