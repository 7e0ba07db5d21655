"""The door of deployment: get an installer, deploy a revision, stop and start what runs."""

import hashlib
import re
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.configuration import services as configuration
from harborweb.configuration.models import Revision
from harborweb.deployment import deploying, installing, sentences, tasks
from harborweb.deployment.models import Deployment, Installer, InstallerPiece
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.tools import download

PIECE_BYTES = 256 * 1024
EXCLUSIVE = Deployment.EXCLUSIVE


def latest_installer() -> Installer | None:
    """The newest installer that is ready to deploy."""
    return Installer.objects.filter(ready=True).first()


@transaction.atomic
def add_folder(request: HttpRequest, folder: str) -> Installer:
    """Have the host worker read the installer in `folder`; raises Problem for a path that is not absolute."""
    folder = folder.strip()
    if not folder.startswith("/") or "\x00" in folder:
        raise Problem(
            _("The folder has to be given as an absolute path."),
            _("Begin it with a slash, like /opt/harbor."),
            field="folder",
        )
    return _request(
        request, Installer(source=Installer.Source.FOLDER, name=folder), _("Read the installer in %(name)s")
    )


@transaction.atomic
def add_upload(request: HttpRequest, file: IO[bytes], name: str, expected_sha256: str = "") -> Installer:
    """Lay an uploaded archive into the database, piece by piece, for the host worker."""
    installer = Installer(
        source=Installer.Source.UPLOAD, name=name.rsplit("/", maxsplit=1)[-1][:200], expected_sha256=expected_sha256
    )
    installer.save()
    size, number, digest = 0, 0, hashlib.sha256()
    while data := file.read(PIECE_BYTES):
        size += len(data)
        digest.update(data)
        if size > settings.INSTALLER_MAX_BYTES:
            raise too_large()
        InstallerPiece.objects.create(installer=installer, number=number, data=data)
        number += 1
    if size == 0:
        raise Problem(_("The file is empty."), _("Choose the installer's archive."), field="archive")
    installer.size, installer.sha256 = size, digest.hexdigest()
    return _request(request, installer, _("Unpack %(name)s"))


@transaction.atomic
def add_url(request: HttpRequest, url: str, expected_sha256: str = "") -> Installer:
    """Have the host worker fetch an archive; raises Problem for an address that it must not ask."""
    try:
        download.check(url.strip())
    except download.DownloadError as error:
        raise sentences.download(error) from error
    installer = Installer(source=Installer.Source.URL, name=url.strip(), expected_sha256=expected_sha256)
    return _request(request, installer, _("Fetch %(name)s"))


def too_large() -> Problem:
    """An upload beyond INSTALLER_MAX_BYTES."""
    return Problem(
        _("The file is larger than %(megabytes)d MB.") % {"megabytes": settings.INSTALLER_MAX_BYTES // 1_000_000},
        _(
            "Take the online installer: it is a few kilobytes. The offline one carries the images; unpack that on "
            "the host and give its folder."
        ),
        field="archive",
    )


def clean_sha256(text: str) -> str:
    """A SHA-256 as people paste it, in lower case; raises Problem when it is none."""
    cleaned = text.strip().lower().removeprefix("sha256:")
    if cleaned and not re.fullmatch(r"[0-9a-f]{64}", cleaned):
        raise Problem(
            _("A SHA-256 has 64 digits from 0 to f."), _("Copy it whole, or leave it empty."), field="expected_sha256"
        )
    return cleaned


def _request(request: HttpRequest, installer: Installer, title: str) -> Installer:
    installer.who = request.user.get_username()
    installer.save()
    installer.job = jobs.request(
        tasks.install,
        kind="installer",
        title=title % {"name": installer.name},
        subject=installer.name,
        by=request,
        arguments={"installer": installer.pk},
        exclusive=f"installer:{installer.pk}",
    )
    installer.save()
    record(request, "add installer", installer.name, installer.get_source_display())
    return installer


def begin_draft(request: HttpRequest, installer: Installer) -> None:
    """Replace the wizard's draft by one from this installer's template."""
    configuration.start_draft(installer.template(), origin=installing.origin(installer), request=request)


@transaction.atomic
def deploy(
    request: HttpRequest, revision: Revision, installer: Installer, *, with_trivy: bool = False, roll_back: bool = True
) -> Deployment:
    """Request a deployment; raises Problem when something else is being done to the host, or has to be put right."""
    if not installer.ready:
        raise Problem(_("This installer is not ready."), _("Wait for its job, or choose another one."))
    if broken := Deployment.objects.filter(outcome=Deployment.Outcome.INTERRUPTED).first():
        raise Problem(
            _("Nothing was started: deployment %(number)d was interrupted and is not put right yet.")
            % {"number": broken.number},
            _("Look at its page: the host worker puts it right, or asks you there."),
        )
    number = (Deployment.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    deployment = Deployment.objects.create(
        number=number, revision=revision, installer=installer, with_trivy=with_trivy, roll_back=roll_back,
        who=request.user.get_username(),
    )  # fmt: skip
    title = _("Deploy revision %(number)d") % {"number": revision.number}
    job = jobs.request(
        tasks.deploy,
        kind="deploy",
        title=title,
        subject=f"revision {revision.number}",
        by=request,
        arguments={"deployment": deployment.pk, "steps": deploying.step_names()},
        exclusive=EXCLUSIVE,
    )
    _refuse_other(job, "deployment", deployment.pk)
    deployment.job = job
    deployment.save()
    record(request, "deploy", f"revision {revision.number}", f"deployment {number}, {installer.path}"[:1024])
    return deployment


def _refuse_other(job: Job, key: str, value: int) -> None:
    """`exclusive` gave back a job that somebody else had requested: say so, and roll back."""
    if job.arguments.get(key) != value:
        raise Problem(
            _("Nothing was started: “%(title)s” is still going on.") % {"title": job.title},
            _("Wait until it is finished, or stop it on its page."),
        )


@transaction.atomic
def stop(request: HttpRequest) -> Job:
    """Request that what runs is stopped."""
    return _request_stack(request, tasks.stop, "stop", _("Stop the registry"))


@transaction.atomic
def start(request: HttpRequest) -> Job:
    """Request that what was stopped is started again."""
    return _request_stack(request, tasks.start, "start", _("Start the registry"))


def _request_stack(request: HttpRequest, task: Any, kind: str, title: str) -> Job:
    running = Deployment.objects.filter(began=True).first()
    if running is None:
        raise Problem(_("Nothing was deployed yet."), _("Deploy a saved revision first."))
    job = jobs.request(
        task,
        kind=kind,
        title=title,
        subject=f"revision {running.revision.number}",
        by=request,
        arguments={"deployment": running.pk},
        exclusive=EXCLUSIVE,
    )
    if job.kind != kind:
        _refuse_other(job, "kind", running.pk)
    record(request, kind, f"revision {running.revision.number}")
    return job
