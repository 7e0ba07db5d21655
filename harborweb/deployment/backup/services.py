"""The door of backups: ask for one, restore one, and say how old the last one is."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.accounts.services import record
from harborweb.deployment import looking, services, tasks
from harborweb.deployment.backup import making
from harborweb.deployment.models import Backup, Deployment, Installer
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job

OLD = timedelta(days=7)


@dataclass(frozen=True)
class Age:
    """How good the last backup still is: state and sentence for a notice."""

    state: str  # good, warn, bad
    title: str
    text: str


def source() -> Installer | None:
    """The installation that a backup is made of: what runs, else the newest installer."""
    running = looking.running()
    return running.installer if running else services.latest_installer()


def latest() -> Backup | None:
    """The newest backup that was written and checked."""
    return Backup.objects.exclude(ready=None).order_by("-ready").first()


def age() -> Age:
    """Whether the last backup is old, or older than what was deployed since."""
    last = latest()
    if last is None or last.ready is None:
        return Age(
            "warn", _("There is no backup yet."),
            _("Without one, a lost disk or an upgrade that goes wrong cannot be taken back."),
        )  # fmt: skip
    passed = timezone.now() - last.ready
    if passed > OLD:
        return Age(
            "warn", _("The last backup is %(n)d days old.") % {"n": passed.days},
            _("Whatever was configured, or pushed and recorded in the database since, is not in it."),
        )  # fmt: skip
    if Deployment.objects.filter(began=True, created__gt=last.ready).exists():
        return Age(
            "warn", _("Something was deployed after the last backup."),
            _("The backup holds the configuration from before."),
        )  # fmt: skip
    return Age("good", _("The last backup is recent."), "")


def young(hours: float = 1) -> Backup | None:
    """A checked backup of what runs, with its database, that is younger than so many hours."""
    since = timezone.now() - timedelta(hours=hours)
    return Backup.objects.filter(ready__gte=since, with_database=True, installer=source()).order_by("-ready").first()


@transaction.atomic
def back_up(request: HttpRequest, passphrase: str, *, with_database: bool = True) -> Backup:
    """Request a backup; raises Problem for a weak passphrase, or when something else is done to the host."""
    making.refuse_weak(passphrase)
    installer = source()
    if installer is None:
        raise Problem(_("There is nothing to back up yet."), _("Import an installation, or deploy one first."))
    backup = Backup.objects.create(installer=installer, with_database=with_database, who=request.user.get_username())
    job = _request(
        request, tasks.back_up, "backup", _("Back up %(path)s") % {"path": installer.path}, installer.path,
        {"backup": backup.pk, "steps": making.step_names()}, passphrase,
    )  # fmt: skip
    backup.job = job
    backup.save()
    record(request, "back up", installer.path)
    return backup


def restore(request: HttpRequest, path: str, folder: str, passphrase: str) -> Job:
    """Request that the backup at `path` is restored into the empty `folder`, both on the host."""
    for field, value in (("path", path), ("folder", folder)):
        if not value.startswith("/") or "\x00" in value:
            raise Problem(_("This has to be an absolute path."), _("Begin it with a slash."), field=field)
    title = _("Restore into %(folder)s") % {"folder": folder}
    with transaction.atomic():
        job = _request(request, tasks.restore, "restore", title, folder, {"path": path, "folder": folder}, passphrase)
        record(request, "restore", folder, path)
    return job


def restore_database(request: HttpRequest, folder: str) -> Job:
    """Request that the dumps in a restored `folder` are brought into the database of the Harbor there."""
    title = _("Restore the database from %(folder)s") % {"folder": folder}
    with transaction.atomic():
        job = _request(request, tasks.restore_database, "restore_database", title, folder, {"folder": folder}, "")
        record(request, "restore database", folder)
    return job


def _request(
    request: HttpRequest, task: object, kind: str, title: str, subject: str, arguments: dict[str, object],
    passphrase: str,
) -> Job:  # fmt: skip
    slot = sealing.put_once(passphrase) if passphrase else ""
    job = jobs.request(
        task, kind=kind, title=title, subject=subject, by=request, arguments={**arguments, "slot": slot},  # type: ignore[arg-type]
        exclusive=services.EXCLUSIVE,
    )  # fmt: skip
    if job.arguments.get("slot") != slot or job.kind != kind:
        sealing.drop([slot] if slot else [])
        raise Problem(
            _("Nothing was started: “%(title)s” is still going on.") % {"title": job.title},
            _("Wait until it is finished, or stop it on its page."),
        )
    return job
