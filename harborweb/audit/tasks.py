"""The corridor: jobs of the audit."""

from celery import shared_task

from harborweb.audit import workshop
from harborweb.audit.again import judge_again
from harborweb.audit.changes import pruning
from harborweb.audit.changes import writing as changes
from harborweb.audit.hooks import looking, making, queueing
from harborweb.audit.kept import kept
from harborweb.jobs.run import perform
from harborweb.signing.signals import signed

signed.connect(judge_again, dispatch_uid="audit.judge_again")
kept.connect(changes.write, dispatch_uid="audit.changes")


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


@shared_task(expires=3600)
def forget_old() -> None:
    """Forget changes and the history of tags beyond their bounds."""
    pruning.forget_old()
