"""The door of jobs: request one, stop one, look after those that nobody works on."""

from datetime import timedelta
from typing import Any

from celery import Task
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.accounts.models import User
from harborweb.accounts.roles import Role
from harborweb.celery import app
from harborweb.jobs.models import Job, LogLine

_ONE_RETRY = {"max_retries": 1, "interval_start": 0}  # kombu's own patience is 6 s, with a person waiting
SEND_AGAIN = timedelta(minutes=1)


def request(
    task: Task,
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
    double click does nothing. A broker that refuses settles the job as failed,
    which the job's page tells; nothing is raised.
    """
    user = by.user if by is not None and isinstance(by.user, User) else None
    job = Job(
        task=str(task.name), queue=app.amqp.router.route({}, task.name)["queue"].name,
        kind=kind, title=title[:300], subject=subject[:512], arguments=arguments or {}, exclusive=exclusive,
        who=user, who_name=user.get_username() if user else _("harborweb"),
        source=(by.META.get("REMOTE_ADDR") or "")[:64] if by else "",
    )  # fmt: skip
    try:
        _insert(job)
    except IntegrityError:
        if exclusive is None:
            raise
        active = Job.objects.filter(exclusive=exclusive, state__in=Job.ACTIVE).first()
        if active:
            return active
        _insert(job)  # the one in the way has settled between the two queries
    transaction.on_commit(lambda: _queue(job))
    return job


def _insert(job: Job) -> None:
    with transaction.atomic():
        job.save(force_insert=True)


def _queue(job: Job) -> None:
    """Send the job's id to its queue; a broker that refuses settles the job as failed."""
    try:
        with app.connection_for_write(settings.CELERY_BROKER_URL, transport_options=_ONE_RETRY) as connection:
            app.send_task(job.task, args=[job.pk], queue=job.queue, connection=connection, retry=False)
    except Exception as error:  # noqa: BLE001 - kombu passes on whatever its transport raises
        Job.objects.filter(pk=job.pk, state=Job.State.REQUESTED).update(
            state=Job.State.FAILED,
            finished=timezone.now(),
            error=_("The job could not be queued: Redis did not take it (%s).") % type(error).__name__,
            advice=_("Start Redis, then start this again."),
        )


def may_stop(user: User | AnonymousUser, job: Job) -> bool:
    """Whether this person may stop this job: a signer those of any worker, an operator those of Harbor's host."""
    needed = Role.OPERATOR if job.queue == "host" else Role.SIGNER
    return isinstance(user, User) and user.may(needed)


def stop(job: Job, who: str) -> bool:
    """Ask that `job` stops; a job that nobody has claimed stops at once. False when it had settled before."""
    stopped = Job.objects.filter(pk=job.pk, state=Job.State.REQUESTED).update(
        state=Job.State.STOPPED, finished=timezone.now(), stop_requested_by=who,
        error=_("Stopped by %s before it began.") % who, advice=_("Nothing was done."),
    )  # fmt: skip
    asked = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, stop_requested_by="").update(stop_requested_by=who)
    return bool(stopped or asked)


def mark_lost() -> int:
    """Mark running jobs without a heartbeat for JOB_LOST_SECONDS as lost; returns how many.

    The scheduler asks for it, and every page of jobs, because the worker that the
    scheduler would ask may be the dead one.
    """
    silent = Q(state=Job.State.RUNNING, heartbeat__lt=timezone.now() - timedelta(seconds=settings.JOB_LOST_SECONDS))
    return sum(_lose(job, silent) for job in Job.objects.filter(silent))


def give_up(claim: str) -> bool:
    """Mark the job that was claimed as `claim` lost: somebody has proof that its worker is gone."""
    gone = Q(state=Job.State.RUNNING, claim=claim)
    job = Job.objects.filter(gone).first() if claim else None
    return job is not None and _lose(job, gone)


def _lose(job: Job, silent: Q) -> bool:
    if job.total:
        error = _("Lost: the worker was killed at %(done)d of %(total)d.") % {"done": job.done, "total": job.total}
    elif job.step:
        error = _("Lost: the worker was killed at step %(step)d of %(steps)d, %(name)s.") % {
            "step": job.step, "steps": job.steps, "name": job.step_name,
        }  # fmt: skip
    else:
        error = _("Lost: the worker was killed.")
    now = timezone.now()
    with transaction.atomic():
        lost = Job.objects.filter(silent, pk=job.pk).update(
            state=Job.State.LOST, finished=now, error=error,
            advice=_("What came after is not known, and a program it had started may still run. "
                     "See in the log how far it came and that a worker is there, then start it again."),
        )  # fmt: skip
        if lost:
            number = Job.objects.values_list("lines", flat=True).get(pk=job.pk) + 1
            LogLine.objects.create(job=job, number=number, at=now, stream=LogLine.Stream.ERROR, text=error)
            Job.objects.filter(pk=job.pk).update(lines=number)
    return bool(lost)


def look_after() -> int:
    """Mark lost jobs, and send again those that wait since Redis may have lost them; returns how many were lost."""
    lost = mark_lost()
    before = timezone.now() - SEND_AGAIN
    waiting = Job.objects.filter(state=Job.State.REQUESTED, created__lt=before)
    for job in waiting.filter(Q(heartbeat=None) | Q(heartbeat__lt=before)):
        # of a job that waits, the heartbeat is when it was last sent
        if Job.objects.filter(pk=job.pk, state=Job.State.REQUESTED).update(heartbeat=timezone.now()):
            _queue(job)
    return lost
