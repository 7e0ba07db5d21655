"""An installation as it was read, and what is to be said of it: what was found, and what is missing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.configuration.faults import Fault
from harborweb.configuration.rules import check
from harborweb.deployment import checks, wanted
from harborweb.deployment.place import CONFIG, Place
from harborweb.tools import compose, engine, prepare

MOST_FAULTS = 5
HARBOR_IMAGE = re.compile(r"(?:^|/)goharbor/harbor-[\w.-]+:(v?\d[\w.+-]*)$")


@dataclass(frozen=True)
class Item:
    """One line of what was found: good, warn (look at it), off (missing), info."""

    state: str
    name: str
    words: str


@dataclass
class Installation:
    """What was read in the folder and from the engine."""

    folder: Path
    text: str
    mode: int
    place: Place
    services: list[str]
    installer: prepare.Found | None
    lacking: str  # why it is no complete installer
    template: str
    containers: list[engine.Container]
    mended: str = ""  # what kept it from being read, and is not in the revision

    @property
    def version(self) -> str:
        """Of the installer's prepare, else of the containers."""
        return (self.installer.version if self.installer else "") or next(iter(self.running_versions), "")

    @property
    def running_versions(self) -> list[str]:
        """The versions of Harbor's images that run; normally one."""
        found = {match.group(1) for one in self.containers if (match := HARBOR_IMAGE.search(one.image))}
        return sorted(found)

    @property
    def with_trivy(self) -> bool:
        """Whether the scanner belongs to it, so that the next deployment keeps it."""
        return "trivy-adapter" in {*self.services, *(one.service for one in self.containers)}


def items(found: Installation) -> Iterator[Item]:
    """What was found, and what is missing."""
    yield _configuration(found)
    yield from _faults(found)
    if found.mode & 0o077:
        words = {"mode": f"{found.mode:04o}", "path": found.folder / prepare.CONFIGURATION}
        yield Item(
            "warn", _("Who may read it"),
            _("Its mode is %(mode)s, so others on the host may read the passwords in it. Type: chmod 600 %(path)s")
            % words,
        )  # fmt: skip
    if found.installer:
        words = {"version": found.installer.version or "?"}
        yield Item("good", _("Installer"), _("version %(version)s, with its template and prepare") % words)
    else:
        advice = _("It can be stopped and started. To deploy from here, put back what the installer had brought.")
        yield Item("off", _("Installer"), f"{found.lacking} {advice}")
    yield _compose(found)
    yield _rendered(found)
    yield from _data(found)
    yield from _running(found)
    leftover = found.folder / "input" / prepare.CONFIGURATION
    if leftover.exists():
        yield Item(
            "warn", "input/harbor.yml",
            _("A prepare that failed has left the passwords there. The next deployment removes it."),
        )  # fmt: skip


def _configuration(found: Installation) -> Item:
    lines = len(found.text.splitlines())
    words = ngettext("%(n)d line", "%(n)d lines", lines) % {"n": lines}
    if found.mended:
        said = _("The revision holds it once, as prepare reads it; the file on the host stays as it is.")
        return Item("warn", prepare.CONFIGURATION, f"{words}. {found.mended} {said}")
    return Item("good", prepare.CONFIGURATION, words)


def _faults(found: Installation) -> Iterator[Item]:
    verdict = check(found.text, template=found.template if found.installer else None)
    errors = [fault for fault in verdict.faults if fault.severity == "error"]
    others = [fault for fault in verdict.faults if fault.severity != "error"]
    name = _("What the rules say")
    if errors:
        words = ngettext("%(n)d problem.", "%(n)d problems.", len(errors)) % {"n": len(errors)}
        yield Item("bad", name, f"{words} {_first(errors)}")
    if others:
        words = ngettext("%(n)d warning.", "%(n)d warnings.", len(others)) % {"n": len(others)}
        yield Item("warn", name, f"{words} {_first(others)}")


def _first(faults: list[Fault]) -> str:
    """The first sentences, with their lines; the review page of a draft has all of them."""
    said = [
        _("Line %(line)d: %(message)s") % {"line": fault.line, "message": fault.message}
        if fault.line
        else fault.message
        for fault in faults[:MOST_FAULTS]
    ]
    return " ".join([*said, "…"] if len(faults) > MOST_FAULTS else said)


def _compose(found: Installation) -> Item:
    if compose.FILE not in found.place.stats:
        return Item("off", compose.FILE, _("prepare has not run here, so nothing can be stopped or started"))
    n = len(found.services)
    return Item("good", compose.FILE, ngettext("%(n)d service", "%(n)d services", n) % {"n": n})


def _rendered(found: Installation) -> Item:
    config = [name for name in found.place.stats if name.startswith(CONFIG)]
    if found.place.unreadable:
        words = {"n": len(found.place.unreadable), "all": len(config)}
        return Item(
            "unsure", CONFIG,
            _("%(n)d of %(all)d files may not be read by this worker; it has to run as root to see hand edits") % words,
        )  # fmt: skip
    if not config:
        return Item("off", CONFIG, _("the containers have no configuration to start from"))
    words = {"n": len(config)}
    return Item(
        "good", CONFIG,
        _("%(n)d files are there. Edits made by hand before now are not known; later ones will be shown.") % words,
    )  # fmt: skip


def _data(found: Installation) -> Iterator[Item]:
    """data_volume, as far as this worker sees it."""
    volume = wanted.read(found.text).data_volume
    if not volume or checks.hidden():
        return
    if Path(volume).is_dir():
        yield Item("good", "data_volume", volume)
    else:
        yield Item("off", "data_volume", _("there is no folder %(path)s: Harbor would start empty") % {"path": volume})


def _running(found: Installation) -> Iterator[Item]:
    name = _("Containers")
    if not found.containers:
        yield Item("off", name, _("none runs from this folder"))
        return
    well = sum(one.well for one in found.containers)
    words = {"well": well, "n": len(found.containers)}
    state = "good" if well == len(found.containers) else "warn"
    yield Item(state, name, _("%(well)d of %(n)d are well") % words)
    absent = sorted(set(found.services) - {one.service for one in found.containers})
    if absent:
        yield Item("off", name, _("no container of: %(names)s") % {"names": ", ".join(absent)})
    project = compose.project_name(found.folder)
    others = sorted({one.project for one in found.containers} - {project})
    if others:
        named = {"project": others[0], "ours": project}
        yield Item(
            "warn", _("Compose project"),
            _("The containers run as project %(project)s; docker compose in this folder means %(ours)s. Put "
              "COMPOSE_PROJECT_NAME=%(project)s into .env there, else they are not found.") % named,
        )  # fmt: skip
    versions = found.running_versions
    prepared = found.installer.version.removeprefix("v") if found.installer else ""
    if prepared and versions and {one.removeprefix("v") for one in versions} != {prepared}:
        other = {"running": ", ".join(versions), "prepared": prepared}
        yield Item(
            "warn", _("Version"),
            _("Containers of %(running)s run, and the folder's prepare is of %(prepared)s: a deployment would change "
              "the version.") % other,
        )  # fmt: skip
