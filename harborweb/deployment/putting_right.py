"""The door to recovery: put right what was interrupted, put back what was there before a deployment."""

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.deployment import looking, tasks
from harborweb.deployment.models import Deployment
from harborweb.deployment.transaction import recovery
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job

Outcome = Deployment.Outcome


def can_recover(deployment: Deployment) -> bool:
    """Whether it waits for somebody to put it right: it was interrupted, or its rollback failed."""
    stuck = deployment.outcome == Outcome.NEEDS_YOU and deployment.phase == "stuck"
    return deployment.outcome == Outcome.INTERRUPTED or stuck


def can_put_back(deployment: Deployment) -> bool:
    """Whether it stands, nothing of another installer came after it, and the host still has what was there before."""
    stands = deployment.outcome in {Outcome.DEPLOYED, Outcome.NEEDS_YOU} and not can_recover(deployment)
    running = looking.running()
    same = running is not None and running.installer_id == deployment.installer_id
    return deployment.snapshot and stands and same


@transaction.atomic
def put_right(by: HttpRequest, deployment: Deployment, *, leave: bool = False) -> Job:
    """Request that what was interrupted is put back, or, with `leave`, left as it is; raises Problem."""
    if not can_recover(deployment):
        raise Problem(_("There is nothing to put right any more."), _("Look at the page of deployment."))
    job = recovery.request(tasks.recover, deployment.installer, deployment, by, leave=leave)
    return _taken(by, deployment, job, "leave as it is" if leave else "put right")


@transaction.atomic
def put_back(by: HttpRequest, deployment: Deployment) -> Job:
    """Request that what was there before `deployment` is put back; raises Problem."""
    if not can_put_back(deployment):
        raise Problem(
            _("There is no snapshot of what was there before this deployment any more."),
            _("Deploy the revision that shall run instead."),
        )
    job = jobs.request(
        tasks.put_back, kind="put_back", by=by, exclusive=recovery.EXCLUSIVE,
        title=_("Put back what was there before deployment %(number)d") % {"number": deployment.number},
        subject=deployment.installer.path[:512], arguments={"deployment": deployment.pk},
    )  # fmt: skip
    if job.kind == "put_back":
        Deployment.objects.filter(pk=deployment.pk).update(recovery=job)
    return _taken(by, deployment, job, "put back")


def _taken(by: HttpRequest, deployment: Deployment, job: Job, action: str) -> Job:
    """`job`, or the sentence that another one is going on."""
    if job.arguments.get("deployment") != deployment.pk or job.kind not in {"recover", "put_back"}:
        raise Problem(
            _("Nothing was started: “%(title)s” is still going on.") % {"title": job.title},
            _("Wait until it is finished, or stop it on its page."),
        )
    record(by, action, f"deployment {deployment.number}")
    return job
