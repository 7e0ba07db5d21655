"""Events that wait, and the jobs that look at them."""

import hashlib
from datetime import datetime, timedelta

from celery import Task
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.models import Hook, HookEvent
from harborweb.jobs.models import Job
from harborweb.jobs.services import request as request_job
from harborweb.registry.models import Registry

AT_ONCE = 50  # events that one round looks at
AGAIN_AFTER = (10, 30, 90, 300)  # seconds; a registry that has not answered by then has the next sweep ask
KEPT = 500  # events of one project that are over
KEPT_DAYS = 30

State = HookEvent.State


def have_looked_at(task: Task, registry: Registry, repository: str) -> Job:
    """The job (of `task`) that looks at what waits of `repository`: one at a time, however many events."""
    key = hashlib.sha256(repository.encode()).hexdigest()[:32]
    return request_job(
        task, kind="hook", title=_("Look at %s, of which Harbor told") % repository, subject=repository,
        arguments={"registry": registry.pk, "repository": repository}, exclusive=f"hook:{registry.pk}:{key}",
    )  # fmt: skip


def look_after(task: Task) -> int:
    """Queue what waits and nobody looks at, and take back what a dead job had taken; how many jobs were asked for.

    The scheduler has it called.
    """
    _take_back()
    active = Job.objects.filter(
        kind="hook", state__in=Job.ACTIVE, exclusive__isnull=False, subject=OuterRef("repository"),
        arguments__registry=OuterRef("registry"),
    )  # fmt: skip
    due = HookEvent.objects.filter(state=State.WAITING, due__lte=timezone.now()).exclude(Exists(active))
    asked = list(due.order_by().values_list("registry", "repository").distinct()[:100])
    registries = Registry.objects.in_bulk({registry for registry, _repository in asked})
    for registry, repository in asked:
        with transaction.atomic():
            have_looked_at(task, registries[registry], repository)
    return len(asked)


def _take_back() -> None:
    """Events of jobs that have settled without them: stopped by a person, they are the sweep's; else once more."""
    taken = HookEvent.objects.filter(state=State.TAKEN).exclude(job__state__in=Job.ACTIVE)
    taken.filter(Q(job__state=Job.State.STOPPED) | Q(tries__gte=len(AGAIN_AFTER))).update(state=State.LEFT)
    taken.update(state=State.WAITING, tries=F("tries") + 1, due=timezone.now())


def forget_old() -> None:
    """Of each project keep the newest KEPT events that are over, and none older than KEPT_DAYS."""
    for hook in Hook.objects.all():
        over = HookEvent.objects.filter(hook=hook, state__in=[State.DONE, State.LEFT])
        last = over.order_by("-pk").values_list("pk", flat=True)[KEPT : KEPT + 1].first()
        old = Q(received__lt=timezone.now() - timedelta(days=KEPT_DAYS))
        over.filter(old | Q(pk__lte=last) if last else old).delete()


def take(job: Job, registry: Registry, repository: str) -> list[HookEvent]:
    """The events of `repository` that are due, at most AT_ONCE, which are this job's alone from now on."""
    waiting = HookEvent.objects.filter(registry=registry, repository=repository, state=State.WAITING)
    numbers = list(waiting.filter(due__lte=timezone.now()).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    waiting.filter(pk__in=numbers).update(state=State.TAKEN, job=job)
    return list(HookEvent.objects.filter(pk__in=numbers, job=job, state=State.TAKEN).select_related("hook"))


def done(events: list[HookEvent]) -> None:
    """They have been looked at."""
    HookEvent.objects.filter(pk__in=[one.pk for one in events]).update(state=State.DONE, problem="")


def again(events: list[HookEvent], problem: str) -> datetime | None:
    """The registry did not answer: ask once more later; when that will be, None where all are left for the sweep."""
    now = timezone.now()
    soonest = None
    for event in events:
        left = event.tries >= len(AGAIN_AFTER)
        due = now if left else now + timedelta(seconds=AGAIN_AFTER[event.tries])
        HookEvent.objects.filter(pk=event.pk).update(
            state=State.LEFT if left else State.WAITING, tries=F("tries") + 1, due=due, problem=problem[:500]
        )
        if not left:
            soonest = min(due, soonest or due)
    return soonest
