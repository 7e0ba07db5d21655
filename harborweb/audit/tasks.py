"""The corridor: jobs of the audit."""

from celery import shared_task

from harborweb.audit import workshop
from harborweb.jobs.run import perform


@shared_task(queue="default")
def sweep(job_id: int) -> None:
    """Judge every artifact of a registry."""
    perform(job_id, workshop.sweep)
