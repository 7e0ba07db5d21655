"""The corridor: jobs about our robots in a Harbor."""

from celery import shared_task

from harborweb.jobs.run import perform
from harborweb.registry import robots


@shared_task
def make_robots(job_id: int) -> None:
    """Make robots."""
    perform(job_id, robots.make)


@shared_task
def renew_robots(job_id: int) -> None:
    """Renew robots."""
    perform(job_id, robots.rotate)


@shared_task
def remove_robots(job_id: int) -> None:
    """Remove robots."""
    perform(job_id, robots.remove)
