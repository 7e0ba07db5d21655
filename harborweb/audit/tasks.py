"""The corridor: jobs of the audit."""

from celery import shared_task

from harborweb.audit import workshop
from harborweb.audit.again import judge_again
from harborweb.jobs.run import perform
from harborweb.signing.signals import signed

signed.connect(judge_again, dispatch_uid="audit.judge_again")


@shared_task
def sweep(job_id: int) -> None:
    """Judge every artifact of a registry."""
    perform(job_id, workshop.sweep)
