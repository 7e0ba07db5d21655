"""Take over a Harbor that runs already, without touching it: its folder and its containers are only read."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.configuration import services as configuration
from harborweb.configuration.document import Document
from harborweb.configuration.models import Revision
from harborweb.configuration.rules import check
from harborweb.deployment import checks, drift, looking, rendered, sentences, wanted
from harborweb.deployment.models import Deployment, Installer
from harborweb.deployment.place import CONFIG, Place, services, stats
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run
from harborweb.sealing import seal
from harborweb.tools import compose, engine, prepare

STEPS = 4
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


def take_over(run: Run) -> dict[str, Any]:
    """Make an installer, a revision and a deployment out of an installation that is there.

    1 Read the folder: harbor.yml, template, prepare, docker-compose.yml, common/config
    2 Read harbor.yml: what the rules say of it
    3 Look at the containers
    4 Take it over. Nothing is written on the host: no file, no container, no process
    """
    run.step(1, STEPS, _("Read the folder"))
    folder = _folder(Path(run.arguments["folder"]))
    known = _known(folder)
    if known is not None:
        run.line(
            _("Deployment %(number)d runs from this folder already: nothing to import.") % {"number": known.number}
        )
        return {"known": known.number, "url": reverse("deployment:detail", args=[known.number])}
    try:
        found = _read(run, folder)
    except OSError as error:
        raise sentences.disk(error) from error
    run.step(2, STEPS, _("Read harbor.yml"))
    Document(found.text)  # raises the sentence that names the line
    for secret in wanted.secrets(found.text):
        run.secret(secret)
    run.step(3, STEPS, _("Look at the containers"))
    _look_at_containers(found)
    items = list(_items(found))
    for item in items:
        run.line(f"{item.name}: {item.words}")
    run.step(4, STEPS, _("Take it over"))
    revision, deployment = _record(run, found)
    drift.look(looking.look(), force=True)
    return {
        "items": [asdict(item) for item in items], "revision": revision.number, "folder": str(folder),
        "deployment": deployment.number if deployment else None,
        "url": reverse("deployment:home") if deployment else reverse("configuration:revision", args=[revision.number]),
    }  # fmt: skip


def _folder(folder: Path) -> Path:
    """The folder, links resolved; raises Problem when it holds no harbor.yml."""
    words = {"path": folder}
    if not folder.is_dir():
        if checks.hidden():
            raise Problem(
                _("This worker runs in a container and cannot see %(path)s.") % words,
                _("Mount the folder into the worker under the same path, or run the host worker on the host itself."),
                field="folder",
            )
        raise Problem(
            _("There is no folder %(path)s on the worker's host.") % words,
            _("Give the folder that holds harbor.yml and docker-compose.yml."),
            field="folder",
        )
    if not (folder / prepare.CONFIGURATION).is_file():
        inside = folder / "harbor" / prepare.CONFIGURATION
        advice = _("Give %(path)s.") % {"path": inside.parent} if inside.is_file() else ""
        raise Problem(
            _("There is no harbor.yml in %(path)s.") % words,
            advice or _("Give the folder in which prepare was run: it holds harbor.yml and docker-compose.yml."),
            field="folder",
        )
    return folder.resolve()


def _known(folder: Path) -> Deployment | None:
    """The deployment that runs from this folder already; raises Problem when another folder's containers run."""
    last = looking.running()
    if last is None:
        return None
    if Path(last.installer.path).resolve() == folder:
        return last
    other = Path(last.installer.path)
    if _containers(other):
        raise Problem(
            _("harborweb runs deployment %(number)d from %(path)s.") % {"number": last.number, "path": other},
            _("Harbor's containers have fixed names, so one engine runs one Harbor. Stop that one first."),
            field="folder",
        )
    return None


def _containers(folder: Path) -> list[engine.Container]:
    try:
        with engine.connect() as client:
            return looking.here(engine.containers(client, compose.project_name(folder)), folder)
    except engine.EngineError as error:
        raise sentences.engine(error) from error


def _read(run: Run, folder: Path) -> Installation:
    path = folder / prepare.CONFIGURATION
    if path.stat().st_size > configuration.LARGEST:
        raise Problem(_("%(path)s is larger than 1 MB.") % {"path": path}, _("A harbor.yml has some 10 KB."))
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise Problem(
            _("%(path)s is no text in UTF-8.") % {"path": path}, _("Save it as UTF-8, then import it again.")
        ) from error
    place = Place.read(folder, stats(folder) or {})
    installer, lacking = None, ""
    try:
        installer = prepare.look(folder)
    except prepare.NoInstaller as error:
        lacking = sentences.installer(error).message
    named = list(services(place))
    run.line(_("%(n)d files read in %(path)s") % {"n": len(place.contents), "path": folder})
    template = installer.template if installer else text
    return Installation(folder, text, path.stat().st_mode & 0o7777, place, named, installer, lacking, template, [])


def _look_at_containers(found: Installation) -> None:
    try:
        with engine.connect() as client:  # of every project: somebody may have named another with -p
            found.containers = looking.here(engine.containers(client), found.folder)
    except engine.EngineError as error:
        raise sentences.engine(error) from error


def _items(found: Installation) -> Iterator[Item]:
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
    return Item("good", prepare.CONFIGURATION, words)


def _faults(found: Installation) -> Iterator[Item]:
    verdict = check(found.text, template=found.template if found.installer else None)
    errors = sum(fault.severity == "error" for fault in verdict.faults)
    others = len(verdict.faults) - errors
    if errors:
        words = ngettext("%(n)d problem that prepare would refuse", "%(n)d problems that prepare would refuse", errors)
        yield Item("bad", _("What the rules say"), words % {"n": errors})
    if others:
        words = ngettext("%(n)d warning", "%(n)d warnings", others)
        yield Item("warn", _("What the rules say"), words % {"n": others})


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
        _("%(n)d files. Edits made by hand before now are not known; later ones will be shown.") % words,
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


@transaction.atomic
def _record(run: Run, found: Installation) -> tuple[Revision, Deployment | None]:
    """Installer, revision and, where prepare has run, a deployment that counts as running."""
    job = Job.objects.select_related("who").get(pk=run.job.pk)
    latest = configuration.latest_revision()
    if latest is not None and latest.text() == found.text:
        revision = latest
        run.line(_("harbor.yml says what revision %(number)d says.") % {"number": revision.number})
    else:
        revision = configuration.write_revision(
            found.text, found.template, found.installer is not None,
            _("%(path)s, an installation that was there") % {"path": found.folder / prepare.CONFIGURATION},
            _("Imported"), who=job.who, who_name=job.who_name, source=job.source,
        )  # fmt: skip
        run.line(_("Revision %(number)d holds its harbor.yml, byte for byte.") % {"number": revision.number})
    installer = _installer(found, job)
    if compose.FILE not in found.place.stats and not found.containers:
        return revision, None
    number = (Deployment.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    deployment = Deployment.objects.create(
        number=number, revision=revision, installer=installer, job=job, with_trivy=found.with_trivy, who=job.who_name,
        began=True, found_running=True, outcome=Deployment.Outcome.DEPLOYED,
        note=_("It ran already when it was imported."),
    )  # fmt: skip
    if not found.place.unreadable:
        rendered.keep(deployment, found.place.rendered)
    run.line(_("Deployment %(number)d stands for what runs.") % {"number": number})
    return revision, deployment


def _installer(found: Installation, job: Job) -> Installer:
    known = Installer.objects.filter(path=str(found.folder), ready=True).first()
    if known is not None and found.installer:
        return known
    return Installer.objects.create(
        source=Installer.Source.FOLDER, name=str(found.folder), path=str(found.folder), who=job.who_name, job=job,
        ready=found.installer is not None, version=found.version[:60],
        template_sealed=seal(found.template, "installer"),
        tree=[asdict(entry) for entry in found.installer.tree] if found.installer else [],
        more=found.installer.more if found.installer else 0,
    )  # fmt: skip
