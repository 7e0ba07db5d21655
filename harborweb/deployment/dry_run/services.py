"""The door of dry runs."""

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.configuration import services as configuration
from harborweb.configuration.models import Revision
from harborweb.deployment import services, tasks
from harborweb.deployment.dry_run import workshop
from harborweb.deployment.models import DryRun, Installer
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.sealing import seal

KEPT = 20


@transaction.atomic
def request(
    request: HttpRequest, revision: Revision | None, installer: Installer, *, with_trivy: bool = False
) -> DryRun:
    """Request a dry run of a revision, or of the draft; raises Problem when something else is done to the host."""
    if not installer.ready:
        raise Problem(_("This installer is not ready."), _("Wait for its job, or choose another one."))
    subject, title = f"revision {revision.number}" if revision else "draft", _("Dry run of the draft")
    if revision:
        title = _("Dry run of revision %(number)d") % {"number": revision.number}
    row = DryRun.objects.create(
        revision=revision, installer=installer, with_trivy=with_trivy, who=request.user.get_username(),
        text_sealed=seal(revision.text() if revision else _draft(), workshop.PURPOSE),
    )  # fmt: skip
    job = jobs.request(
        tasks.dry_run, kind="dry_run", title=title, subject=subject, by=request, exclusive=services.EXCLUSIVE,
        arguments={"dry_run": row.pk, "steps": workshop.step_names()},
    )  # fmt: skip
    if job.arguments.get("dry_run") != row.pk:
        raise Problem(
            _("Nothing was started: “%(title)s” is still going on.") % {"title": job.title},
            _("Wait until it is finished, or stop it on its page."),
        )
    row.job = job
    row.save()
    DryRun.objects.exclude(pk__in=DryRun.objects.values_list("pk", flat=True)[:KEPT]).delete()
    record(request, "dry run", subject, installer.path)
    return row


def _draft() -> str:
    draft = configuration.current_draft()
    if draft is None:
        raise Problem(_("There is no draft."), _("Begin one, or choose a saved revision."))
    return draft.text()
