"""The Docker engine and compose of this machine, and what the engine says of it: processors, memory, SELinux."""

import os
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from harborweb.deployment import sentences
from harborweb.deployment.host.findings import Machine, Sheet
from harborweb.deployment.host.folders import GIB
from harborweb.errors import Problem
from harborweb.tools import compose, engine, process

LEAST_CPUS, LEAST_MEMORY = 2, 4 * GIB
KERNEL = GIB // 2  # what a machine of 4 GiB does not show as its own
LEAST_FOR_IMAGES = 5 * GIB
SECONDS = 2


def docker(machine: Machine, sheet: Sheet) -> None:
    """The engine: there, allowed, new enough; and its machine."""
    try:
        with engine.connect(timeout=SECONDS) as client:
            facts = engine.facts(client)
            info: dict[str, Any] = client.info()
    except engine.EngineError as error:
        problem = sentences.engine(error)
        sheet.error("", problem.message, _("prepare and docker compose need it."), problem.advice)
        return
    if compose.version_numbers(facts.version) < compose.LEAST_ENGINE:
        _warn(sheet, sentences.old_engine(facts.version))
    else:
        sheet.fine("", _("Docker %(version)s on %(system)s.") % {"version": facts.version, "system": facts.system})
    _size(sheet, facts)
    _kind(machine, sheet, info)
    _images(machine, sheet, Path(str(info.get("DockerRootDir") or "/var/lib/docker")))


def _warn(sheet: Sheet, problem: Problem) -> None:
    sheet.warning("", problem.message, "", problem.advice)


def _size(sheet: Sheet, facts: engine.Facts) -> None:
    words = {"cpus": facts.cpus, "memory": f"{facts.memory / GIB:.1f}"}
    if facts.cpus < LEAST_CPUS or facts.memory < LEAST_MEMORY - KERNEL:
        sheet.warning(
            "", _("This machine has %(cpus)d processors and %(memory)s GiB of memory.") % words,
            _("Harbor’s documentation asks for 2 and 4 GiB at least; scanning and garbage collection may be killed."),
            _("Give it more, or leave the scanner out."),
        )  # fmt: skip
    else:
        sheet.fine("", _("%(cpus)d processors, %(memory)s GiB of memory.") % words)


def _kind(machine: Machine, sheet: Sheet, info: dict[str, Any]) -> None:
    options = " ".join(map(str, info.get("SecurityOptions") or ()))
    if "name=rootless" in options or "name=userns" in options:
        sheet.warning(
            "", _("The engine runs without root, or maps users to others."),
            _("prepare gives files to the users 999 and 10000 and needs --privileged; ports below 1024 are refused."),
            _("Run Harbor with an engine that runs as root and maps no users."),
        )  # fmt: skip
    _selinux(machine, sheet, "name=selinux" in options)
    if os.geteuid() != 0 and not machine.files_hidden:
        sheet.warning(
            "", _("This user is not root."),
            _("prepare works for members of the group docker; docker compose then may not read the files it made."),
            _("Run the host worker, or ./install.sh, as root."),
        )  # fmt: skip


def _selinux(machine: Machine, sheet: Sheet, engine_labels: bool) -> None:
    try:
        enforcing = Path("/sys/fs/selinux/enforce").read_text().strip() == "1"
    except OSError:
        return
    if not enforcing:
        sheet.fine("", _("SELinux is there, but does not enforce."))
        return
    if not engine_labels:
        text = _("SELinux enforces its rules, and the engine does not label containers: it lets Harbor through.")
        sheet.fine("", text)
        return
    volume = machine.wishes.data_volume
    if volume.rstrip("/") in {"", "/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr", "/var"}:  # noqa: S108
        sheet.warning(
            "data_volume", _("SELinux enforces its rules, and data_volume is %(path)s itself.") % {"path": volume},
            _("docker relabels the folders it mounts for Harbor; other programs would lose them."),
            _("Choose a folder below it that is Harbor’s alone."),
        )  # fmt: skip
    else:
        text = _("SELinux enforces its rules; docker labels the folders that it mounts for Harbor (:z).")
        sheet.fine("", text)


def _images(machine: Machine, sheet: Sheet, root: Path) -> None:
    if machine.files_hidden:
        return
    try:
        disk = os.statvfs(root)
    except OSError:
        return
    free = disk.f_bavail * disk.f_frsize
    if free < LEAST_FOR_IMAGES:
        sheet.warning(
            "", _("%(path)s has %(free).1f GiB left for images.") % {"path": root, "free": free / GIB},
            _("Harbor’s own images take about 3 GiB, and an upgrade holds them twice."), _("Make room on that disk."),
        )  # fmt: skip


def docker_compose(_machine: Machine, sheet: Sheet) -> None:
    """The compose plugin or program, new enough."""
    try:
        found = compose.find()
    except process.TimedOut:
        sheet.warning("", _("docker compose does not answer."), "", _("Type “docker compose version” on that machine."))
        return
    if found is None:
        problem = sentences.no_compose()
        sheet.error("", problem.message, _("Harbor is started with it."), problem.advice)
    elif compose.version_numbers(found.version) < compose.LEAST_COMPOSE:
        _warn(sheet, sentences.no_compose(found.version))
    else:
        sheet.fine("", _("docker compose %(version)s.") % {"version": found.version})
