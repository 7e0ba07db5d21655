"""Perform a job in this process, as a worker would."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from harborweb.jobs.models import Job
from harborweb.jobs.run import perform


def done(job: Job, work: Callable[..., Any]) -> Job:
    """Do the job's work; the row as it is settled."""
    perform(job.pk, work)
    job.refresh_from_db()
    assert job.settled
    return job


def log(job: Job) -> str:
    """Everything in the job's log."""
    return "\n".join(job.log.values_list("text", flat=True))


def elsewhere(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call `work` in another thread: Playwright keeps an event loop in this one."""

    def call() -> Any:
        try:
            return work(*arguments, **named)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()
