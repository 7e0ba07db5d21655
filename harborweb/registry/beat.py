"""What the scheduler asks of a worker."""

from celery import shared_task

from harborweb.registry import robot_services, seeing


@shared_task(expires=1800)
def look_after() -> None:
    """Look at every registry, then renew the robots that are due."""
    seeing.look_at_all()
    robot_services.renew_due()
