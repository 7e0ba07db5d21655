"""The corridor: everything here needs Harbor's host, so all of it is for the queue `host`."""

from celery import shared_task

from harborweb.deployment import deploying, installing, looking
from harborweb.jobs.run import perform


@shared_task(queue="host")
def install(job_id: int) -> None:
    """Get an installer."""
    perform(job_id, installing.install)


@shared_task(queue="host")
def deploy(job_id: int) -> None:
    """Deploy a revision."""
    perform(job_id, deploying.deploy)


@shared_task(queue="host")
def stop(job_id: int) -> None:
    """Stop what runs."""
    perform(job_id, deploying.stop)


@shared_task(queue="host")
def start(job_id: int) -> None:
    """Start what was stopped."""
    perform(job_id, deploying.start)


@shared_task(queue="host")
def look() -> None:
    """Look at the host; no job, since it changes nothing and nobody waits for it."""
    looking.look()
