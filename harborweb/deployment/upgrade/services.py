"""The door of upgrades: prepare one, decide, do it, go back."""

from collections.abc import Mapping

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.configuration import rules
from harborweb.configuration import services as configuration
from harborweb.configuration.models import Revision
from harborweb.configuration.text.merging import Merged, three_way
from harborweb.deployment import looking, services, tasks
from harborweb.deployment.backup import services as backups
from harborweb.deployment.models import Deployment, Installer, Upgrade
from harborweb.deployment.upgrade import workshop
from harborweb.deployment.upgrade.versions import Way, way
from harborweb.errors import Problem
from harborweb.jobs import services as jobs

BACKUP_HOURS = 1


def candidates() -> list[Installer]:
    """The installers that could take over from what runs."""
    running = looking.running()
    if running is None:
        return []
    return list(Installer.objects.filter(ready=True).exclude(path=running.installer.path)[:20])


@transaction.atomic
def plan(request: HttpRequest, installer: Installer) -> Upgrade:
    """Request that an upgrade to `installer` is prepared; raises Problem where there is nothing to upgrade."""
    running = looking.running()
    if running is None:
        raise Problem(_("Nothing was deployed yet."), _("Deploy a revision with the new installer instead."))
    if not installer.ready or installer.path == running.installer.path:
        raise Problem(
            _("This installer is what runs, or is not ready."),
            _("Add the new version's installer; it lies in a folder of its own."),
        )
    row = Upgrade.objects.create(before=running, installer=installer, who=request.user.get_username())
    title = _("Prepare the upgrade to %(version)s") % {"version": installer.version}
    job = jobs.request(
        tasks.plan_upgrade, kind="upgrade", title=title,
        subject=installer.version or installer.path, by=request, exclusive=services.EXCLUSIVE,
        arguments={"upgrade": row.pk, "steps": workshop.step_names()},
    )  # fmt: skip
    if job.arguments.get("upgrade") != row.pk:
        raise Problem(
            _("Nothing was started: “%(title)s” is still going on.") % {"title": job.title},
            _("Wait until it is finished, or stop it on its page."),
        )
    row.job = job
    row.save()
    record(request, "prepare upgrade", f"{running.installer.version} → {installer.version}", installer.path)
    return row


def merged(row: Upgrade) -> Merged | None:
    """The merge with what was decided; None while the job is not done."""
    found = workshop.texts(row)
    if not found:
        return None
    return three_way(found["base"], found["ours"], found["theirs"], migrated=found["migrated"], decisions=row.decisions)


def judged(row: Upgrade) -> Way:
    """What Harbor says of this way."""
    return way(row.before.installer.version, row.installer.version)


def decide(request: HttpRequest, row: Upgrade, decisions: Mapping[str, str]) -> None:
    """Keep what a person decided; only keys and sides that can be decided count."""
    _refuse_done(row)
    current = merged(row)
    if current is None:
        raise Problem(_("This upgrade is not prepared yet."), _("Wait for its job."))
    known = {item.key: item.choices for item in current.items if item.choices}
    row.decisions = {key: side for key, side in decisions.items() if side in known.get(key, ())}
    row.save()
    record(request, "decide upgrade", str(row), ", ".join(sorted(row.decisions)))


def is_open(row: Upgrade) -> bool:
    """Whether it can still be done: not yet, or what was done was taken back."""
    return row.deployment is None or row.deployment.outcome in {
        *Deployment.TAKEN_BACK, Deployment.Outcome.UNDISTURBED,
    }  # fmt: skip


def _refuse_done(row: Upgrade) -> None:
    if not is_open(row):
        raise Problem(_("This upgrade was done already."), _("Look at its deployment."))


@transaction.atomic
def go(request: HttpRequest, row: Upgrade, *, without_backup: bool = False, all_the_same: bool = False) -> Deployment:
    """Save the merged text as a revision and deploy it with the new installer.

    Raises Problem: without a young backup, on a way that Harbor does not support, while the merged text has problems,
    when what runs is not what it was when the upgrade was prepared.
    """
    _refuse_done(row)
    running = looking.running()
    if running is None or running.pk != row.before.pk:
        raise Problem(
            _("Something else was deployed since this upgrade was prepared."), _("Prepare the upgrade again.")
        )
    if judged(row).asks and not all_the_same:
        raise Problem(judged(row).title, _("To go on all the same, tick the box that says so."), field="all_the_same")
    if not without_backup and backups.young(BACKUP_HOURS) is None:
        raise Problem(
            _("There is no backup of what runs that is younger than an hour."),
            _("Make one first, or tick the box to go on without."),
            field="without_backup",
        )
    revision = save(request, row)
    deployment = services.deploy(request, revision, row.installer, with_trivy=row.before.with_trivy)
    row.deployment = deployment
    row.save()
    record(
        request,
        "upgrade",
        f"{row.before.installer.version} → {row.installer.version}",
        f"deployment {deployment.number}",
    )
    return deployment


def save(request: HttpRequest, row: Upgrade) -> Revision:
    """The merged text as a revision; the latest one when that says the same. Raises Problem while it has errors."""
    current, found = merged(row), workshop.texts(row)
    if current is None:
        raise Problem(_("This upgrade is not prepared yet."), _("Wait for its job."))
    errors = [
        fault for fault in rules.check(current.text, template=found["theirs"]).faults if fault.severity == "error"
    ]
    if errors:
        raise Problem(
            _("The merged harbor.yml has a problem: %(problem)s") % {"problem": errors[0].message},
            _("Save another revision that solves it in the wizard, deploy that, and prepare the upgrade again."),
        )
    latest = configuration.latest_revision()
    if latest is not None and latest.text() == current.text:
        return latest
    words = {"old": row.before.installer.version or "?", "new": row.installer.version or "?"}
    return configuration.add_revision(
        current.text, found["theirs"], True, _("upgrade from %(old)s to %(new)s") % words,
        _("Upgrade to %(new)s") % words, request,
    )  # fmt: skip


def go_back(request: HttpRequest, row: Upgrade) -> Deployment:
    """Deploy what ran before from the old folder, which was never touched."""
    if row.deployment is None or not row.deployment.began:
        raise Problem(_("This upgrade has not touched anything."), _("There is nothing to go back from."))
    deployment = services.deploy(request, row.before.revision, row.before.installer, with_trivy=row.before.with_trivy)
    record(request, "go back", f"{row.installer.version} → {row.before.installer.version}", row.before.installer.path)
    return deployment
