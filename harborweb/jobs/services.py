"""The door of jobs: request one, stop one, look after those that nobody works on."""

from datetime import timedelta
from typing import Any

from celery import Task, current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.jobs.models import Job


def request(
    task: "Task[Any, Any]",
    *,
    kind: str,
    title: str,
    subject: str,
    by: HttpRequest | None = None,
    arguments: dict[str, Any] | None = None,
    exclusive: str | None = None,
) -> Job:
    """Write a job and queue its task when the transaction commits.

    `arguments` holds ids and names, never a secret or a document. With `exclusive`
    an active job of the same key is returned instead of a second one, so that a
    double click does nothing.
    """
    user = by.user if by is not None and by.user.is_authenticated else None
    job = Job(
        task=task.name, queue=task.queue or settings.CELERY_TASK_DEFAULT_QUEUE, kind=kind, title=title, subject=subject,
        arguments=arguments or {}, exclusive=exclusive,
        who_id=user.pk if user else None, who_name=user.get_username() if user else _("harborweb"),
        source=(by.META.get("REMOTE_ADDR") or "") if by else "",
    )  # fmt: skip
    try:
        with transaction.atomic():
            job.save()
    except IntegrityError:
        return Job.objects.get(exclusive=exclusive, state__in=Job.ACTIVE)
    transaction.on_commit(lambda: _queue(job))
    return job


def _queue(job: Job) -> None:
    """Send the job's id to its queue; a broker that refuses settles the job as failed."""
    try:
        current_app.send_task(job.task, args=[job.pk], queue=job.queue, retry=False)
    except Exception as error:  # kombu passes on whatever its transport raises
        Job.objects.filter(pk=job.pk, state=Job.State.REQUESTED).update(
            state=Job.State.FAILED,
            finished=timezone.now(),
            error=_("The job could not be queued: Redis did not take it (%s).") % type(error).__name__,
            advice=_("Start Redis, then start this again."),
        )


def stop(job: Job, who: str) -> bool:
    """Ask that `job` stops; a job that nobody has claimed stops at once. False when it had settled before."""
    stopped = Job.objects.filter(pk=job.pk, state=Job.State.REQUESTED).update(
        state=Job.State.STOPPED, finished=timezone.now(), stop_requested_by=who
    )
    return bool(stopped or Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(stop_requested_by=who))


def look_after() -> int:
    """Mark running jobs without a heartbeat as lost and send waiting ones again; returns how many were lost."""
    now = timezone.now()
    lost = Job.objects.filter(
        state=Job.State.RUNNING, heartbeat__lt=now - timedelta(seconds=settings.JOB_LOST_SECONDS)
    ).update(
        state=Job.State.LOST,
        finished=now,
        error=_("The worker stopped answering, so it was probably killed or its machine went down."),
        advice=_("Look at the log for how far it came, see that a worker runs, then start it again."),
    )
    waiting = Job.objects.filter(state=Job.State.REQUESTED, created__lt=now - timedelta(minutes=1))
    for job in waiting.filter(Q(heartbeat=None) | Q(heartbeat__lt=now - timedelta(minutes=1))):
        Job.objects.filter(pk=job.pk, state=Job.State.REQUESTED).update(heartbeat=now)  # when it was last sent
        _queue(job)
    return lost
