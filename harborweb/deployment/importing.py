"""Take over a Harbor that runs already, without touching it: its folder and its containers are only read."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils.translation import gettext as _

from harborweb.configuration import services as configuration
from harborweb.configuration.models import Revision
from harborweb.configuration.text.document import Document
from harborweb.configuration.text.reading import TextProblem
from harborweb.configuration.text.repairs import DUPLICATE, repair
from harborweb.deployment import checks, drift, looking, rendered, sentences, wanted
from harborweb.deployment.installation import Installation, items
from harborweb.deployment.models import Deployment, Installer
from harborweb.deployment.place import Place, services, stats
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run
from harborweb.sealing import seal
from harborweb.tools import compose, engine, prepare

STEPS = 4


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
    _readable(found)
    for secret in wanted.secrets(found.text):
        run.secret(secret)
    run.step(3, STEPS, _("Look at the containers"))
    _look_at_containers(found)
    said = list(items(found))
    for item in said:
        run.line(f"{item.name}: {item.words}")
    run.step(4, STEPS, _("Take it over"))
    revision, deployment = _record(run, found)
    drift.look(looking.look(), force=True)
    return {
        "items": [asdict(item) for item in said], "revision": revision.number, "folder": str(folder),
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


def _readable(found: Installation) -> None:
    """Raise the sentence that names the line, unless it is a key that stands there twice: prepare reads past that."""
    try:
        Document(found.text)
    except TextProblem as problem:
        try:
            found.text = repair(found.text, (DUPLICATE,))
            Document(found.text)
        except TextProblem:
            raise problem from None
        found.mended = str(problem)


def _look_at_containers(found: Installation) -> None:
    try:
        with engine.connect() as client:  # of every project: somebody may have named another with -p
            found.containers = looking.here(engine.containers(client), found.folder)
    except engine.EngineError as error:
        raise sentences.engine(error) from error


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
        run.line(_("Revision %(number)d holds its harbor.yml.") % {"number": revision.number})
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
