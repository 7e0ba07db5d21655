"""The corridor: what the scheduler asks of a worker."""

from celery import shared_task

from harborweb.jobs import services


@shared_task(expires=30)
def look_after() -> None:
    """Find lost jobs and send waiting ones again."""
    services.look_after()
