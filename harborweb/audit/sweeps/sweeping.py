"""Beginning sweeps, and going on with those whose worker died."""

import hashlib

from celery import Task
from django.db import transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.models import ArtifactVerdict, Schedule, Sweep
from harborweb.audit.sweeps import scheduling
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.services import request as request_job
from harborweb.registry.models import Registry

MOST_ATTEMPTS = 5  # jobs that may die of one sweep before a person has to look
GOES_ON = (Job.State.LOST, Job.State.STOPPED, Job.State.TIMED_OUT, Job.State.FAILED)


def begin(
    task: Task, registry: Registry, *, by: HttpRequest | None = None, project: str = "", every_byte: bool = False,
    schedule: Schedule | None = None,
) -> tuple[Job, bool]:  # fmt: skip
    """The job of a sweep of `registry`, or of one project, and whether it is new: one at a time for a registry."""
    with transaction.atomic():
        job = request_job(
            task, kind="sweep", title=_title(registry, project), subject=registry.name, by=by,
            arguments={"registry": registry.pk}, exclusive=f"sweep:{registry.pk}",
        )  # fmt: skip
        if Sweep.objects.filter(job=job).exists():
            return job, False
        Sweep.objects.filter(registry=registry, repository="", finished=None).update(finished=timezone.now())
        Sweep.objects.create(registry=registry, job=job, project=project, every_byte=every_byte, schedule=schedule)
    return job, True


def _title(registry: Registry, project: str) -> str:
    words = _("Sweep %(project)s of %(name)s") if project else _("Sweep %(name)s")
    return words % {"name": registry.name, "project": project}


def may_continue(this: Sweep) -> bool:
    """Whether a sweep that came to no end can go on: nobody works at it, and no later one has begun."""
    if this.complete or this.repository or this.job is None or this.job.state not in GOES_ON:
        return False
    return not Sweep.objects.filter(registry=this.registry_id, repository="", pk__gt=this.pk).exists()


def by_schedule(task: Task, number: int) -> Job | None:
    """Begin what a schedule asks for; None where there is no such schedule any more. While a sweep of the registry is
    on its way, that one has to do."""
    row = Schedule.objects.filter(pk=number).select_related("registry").first()
    if row is None:
        scheduling.forget(number)
        return None
    return begin(task, row.registry, every_byte=row.kind == Schedule.Kind.EVERYTHING, schedule=row)[0]


def check(task: Task, row: ArtifactVerdict, by: HttpRequest) -> Job:
    """The job that checks one artifact again."""
    key = hashlib.sha256(f"{row.repository}@{row.digest}".encode()).hexdigest()[:32]
    with transaction.atomic():
        job = request_job(
            task, kind="check", title=_("Check %s again") % f"{row.repository}@{row.digest[:15]}…", by=by,
            subject=f"{row.repository}@{row.digest}", arguments={"registry": row.registry_id},
            exclusive=f"check:{row.registry_id}:{key}",
        )  # fmt: skip
        if not Sweep.objects.filter(job=job).exists():
            Sweep.objects.create(registry=row.registry, job=job, repository=row.repository, digest=row.digest)
    return job


def go_on(task: Task, this: Sweep, by: HttpRequest | None = None) -> Job:
    """A new job for a sweep that came to no end: what was judged is not judged again. Raises Problem."""
    with transaction.atomic():
        if not may_continue(this):
            raise Problem(
                _("This sweep cannot be continued."),
                _("It came to its end, somebody works at it, or a later sweep has begun. Sweep again instead."),
            )
        job = request_job(
            task, kind="sweep", title=_title(this.registry, this.project), subject=this.registry.name, by=by,
            arguments={"registry": this.registry_id}, exclusive=f"sweep:{this.registry_id}",
        )  # fmt: skip
        this.parts.filter(state="unread").update(state="waiting", tries=0, problem="", claim="", beat=None)
        Sweep.objects.filter(pk=this.pk).update(job=job, finished=None, attempts=F("attempts") + 1)
    return job


def look_after(task: Task) -> int:
    """Continue sweeps whose worker died, and end those that nobody will continue; returns how many are continued.

    The scheduler has it called.
    """
    open_ones = Sweep.objects.filter(finished=None).select_related("job")
    over = open_ones.filter(Q(job=None) | ~Q(job__state__in=Job.ACTIVE))
    continued = 0
    for this in over:
        if _goes_on(task, this):
            continued += 1
        else:
            Sweep.objects.filter(pk=this.pk, finished=None).update(finished=timezone.now())
    return continued


def _goes_on(task: Task, this: Sweep) -> bool:
    """Whether a sweep is continued here; not where its worker did not die, or dies of it, or another has begun."""
    if this.job is None or this.job.state != Job.State.LOST or this.attempts >= MOST_ATTEMPTS:
        return False
    try:
        go_on(task, this)
    except Problem:
        return False
    return True
