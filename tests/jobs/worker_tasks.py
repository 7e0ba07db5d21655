"""Tasks for tests with a real worker (`celery … --include tests.jobs.worker_tasks`)."""

from pathlib import Path
from typing import Any

from celery import shared_task

from harborweb.jobs.run import Run, perform

STUBBORN = (
    "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > child; while :; do sleep 0.2; done' & "
    "echo $$ > leader; while :; do sleep 0.2; done"
)


def quick(run: Run) -> dict[str, Any]:
    """Two steps and a line in a file, which tells how often this ran."""
    run.step(1, 2, "First")
    with Path(run.arguments["file"]).open("a") as file:
        file.write("ran\n")
    run.step(2, 2, "Second")
    run.execute(["sh", "-c", "echo hello; echo careful >&2"])
    return {"message": "All of it.", "url": "/jobs/"}


def stubborn(run: Run) -> dict[str, Any]:
    """A program whose child ignores TERM, in `folder`."""
    run.step(1, 2, "Wait")
    run.execute(["sh", "-c", STUBBORN], cwd=run.arguments["folder"])
    return {}


@shared_task
def do_quick(job_id: int) -> None:
    """See quick."""
    perform(job_id, quick)


@shared_task
def do_stubborn(job_id: int) -> None:
    """See stubborn."""
    perform(job_id, stubborn)


@shared_task
def do_on_host(job_id: int) -> None:
    """For the rights that the queue decides."""
    perform(job_id, quick)
