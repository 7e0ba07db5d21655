"""The corridor: jobs of the audit."""

from celery import shared_task

from harborweb.audit import workshop
from harborweb.audit.again import judge_again
from harborweb.audit.hooks import looking, making, queueing
from harborweb.jobs.run import perform
from harborweb.signing.signals import signed

signed.connect(judge_again, dispatch_uid="audit.judge_again")


@shared_task
def sweep(job_id: int) -> None:
    """Judge every artifact of a registry."""
    perform(job_id, workshop.sweep)


@shared_task
def look(job_id: int) -> None:
    """Look at what a Harbor told of one repository."""
    perform(job_id, looking.look)


@shared_task
def make_hooks(job_id: int) -> None:
    """Make, change or remove the webhook policies of a Harbor."""
    perform(job_id, making.make)


@shared_task(expires=30)
def look_after() -> None:
    """Have looked at what waits, and at what a dead job had taken."""
    queueing.look_after(look)
