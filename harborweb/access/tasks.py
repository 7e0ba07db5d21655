"""The corridor: the doctor asks from any worker; what the name means is for the worker on Harbor's machine to say
(settings.CELERY_TASK_ROUTES)."""

from celery import shared_task

from harborweb.access.board import workshop as board
from harborweb.access.doctor import workshop as doctor
from harborweb.jobs.run import perform


@shared_task
def examine(job_id: int) -> None:
    """Ask Harbor through its public address what docker asks."""
    perform(job_id, doctor.examine)


@shared_task
def look_at_name(job_id: int) -> None:
    """Look at the name from Harbor's machine and from a container of it."""
    perform(job_id, board.look)
