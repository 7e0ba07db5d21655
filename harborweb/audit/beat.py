"""What the scheduler asks of the audit, all of it together."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from celery import Task
from django.utils import timezone

from harborweb.audit.changes import pruning
from harborweb.audit.findings import lifecycle
from harborweb.audit.handing import making as handouts
from harborweb.audit.hooks import queueing
from harborweb.audit.notices import noting, telling
from harborweb.audit.sweeps import sweeping
from harborweb.celery import app
from harborweb.jobs.models import Job
from harborweb.jobs.services import request as request_job

logger = logging.getLogger(__name__)

# What brings verdicts up to date: without it they go by keys, identities and policies that hold no more.
OWED = ("judge_key", "judge_identities", "apply_policy")
MOST_TIMES = 3  # that workers may die of one in a day before a person has to look
DAY = timedelta(days=1)


def look_after(look: Task, sweep: Task, tell: Task) -> None:
    """Queue what waits: events of a Harbor, sweeps whose worker died, what is owed, notices.

    One that stumbles does not keep the others from theirs.
    """
    _each([
        lambda: queueing.look_after(look), lambda: sweeping.look_after(sweep), ask_again,
        lambda: telling.look_after(tell),
    ])  # fmt: skip


def _each(steps: Sequence[Callable[[], object]]) -> None:
    for step in steps:
        try:
            step()
        except Exception:  # whatever it is, the others have to have their turn
            logger.exception("the scheduler's round stumbled; what else is due in it goes on")


def ask_again() -> int:
    """Ask again for what is owed by jobs whose worker was killed, unless somebody has; returns for how many."""
    lately = Job.objects.filter(kind__in=OWED, state=Job.State.LOST, finished__gte=timezone.now() - DAY)
    count = 0
    for job in lately.order_by("pk"):
        same = Job.objects.filter(kind=job.kind, arguments=job.arguments)
        if same.filter(pk__gt=job.pk).exists() or lately.filter(pk__in=same).count() > MOST_TIMES:
            continue
        request_job(
            app.tasks[job.task], kind=job.kind, title=job.title, subject=job.subject, arguments=dict(job.arguments)
        )
        count += 1
    return count


def forget_old() -> None:
    """Forget what is beyond its bounds: changes and tags, solved findings, events that are over, what was made for
    others, what was told."""
    _each([
        pruning.forget_old, lifecycle.forget_old, queueing.forget_old, handouts.forget, noting.forget_old,
    ])  # fmt: skip
