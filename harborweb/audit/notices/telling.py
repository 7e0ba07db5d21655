"""When a channel is told, and the work of telling it."""

from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from celery import Task
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.audit.models import Channel, Happening, Message, Sweep
from harborweb.audit.notices import sending, wording
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run
from harborweb.jobs.services import request as request_job

AT_ONCE = 5000  # happenings that one message sums up
SETTLED = timedelta(seconds=10)  # whatever has a lower number is committed by then
PATIENCE = timedelta(minutes=10)  # with a sweep that is on its way: its findings belong into one message
AGAIN_AFTER = (1, 5, 15, 60, 240)  # minutes after a failure
KEPT_MESSAGES = 100


def look_after(task: Task) -> int:
    """Ask for a job (of `task`) for each channel that has something to tell now; returns how many.

    The scheduler has it called.
    """
    now, asked = timezone.now(), 0
    for channel in Channel.objects.filter(enabled=True, due__lte=now):
        if channel.told and now < channel.told + timedelta(minutes=channel.minutes):
            continue
        if not (rows := pending(channel)):
            continue
        sweeping = Sweep.objects.filter(job__state__in=Job.ACTIVE, registry__in={row.registry_id for row in rows})
        if now < rows[0].written + PATIENCE and sweeping.exists():
            continue
        with transaction.atomic():
            request_tell(task, channel)
        asked += 1
    return asked


def request_tell(task: Task, channel: Channel, *, by: Any = None, test: bool = False) -> Job:
    """The job that tells `channel`, or with `test` sends it a trial message."""
    title = _("Send %s a test notice") if test else _("Tell %s")
    return request_job(
        task, kind="notice", title=title % channel.name, subject=channel.name, by=by,
        arguments={"channel": channel.pk, "test": test, "who": by.user.get_username() if by else ""},
        exclusive=f"notice:{channel.pk}:{'test' if test else 'tell'}",
    )  # fmt: skip


def pending(channel: Channel) -> list[Happening]:
    """What the channel has not been told and wants to know, oldest first, at most AT_ONCE.

    Where there is only what it does not want, the cursor passes by.
    """
    rows = Happening.objects.filter(pk__gt=channel.cursor, written__lt=timezone.now() - SETTLED)
    if channel.registry_id:
        rows = rows.filter(registry=channel.registry_id)
    if channel.kinds:
        rows = rows.filter(kind__in=channel.kinds)
    read = list(rows.select_related("registry").order_by("pk")[:AT_ONCE])
    wanted = [row for row in read if _is_of(channel.projects, row.project)]
    if len(read) == AT_ONCE and not wanted:
        Channel.objects.filter(pk=channel.pk).update(cursor=read[-1].pk)
    return wanted


def _is_of(patterns: Sequence[str], project: str) -> bool:
    """Whether the project is one of them; what is about a whole registry is everybody's."""
    return not patterns or not project or any(fnmatchcase(project, one) for one in patterns)


def tell(run: Run) -> dict[str, Any]:
    """Tell a channel what has happened since it was last told.

    1 Sum up
    2 Send
    """
    channel = Channel.objects.filter(pk=run.arguments["channel"]).first()
    if channel is None:
        raise Problem(_("The channel was deleted before the job began."), _("Nothing was sent."))
    run.step(1, 2, _("Sum up"))
    test = bool(run.arguments["test"])
    rows = [] if test else pending(channel)
    if not rows and not test:
        return {"message": _("There was nothing left to tell.")}
    told = wording.trial(_link(channel), run.arguments["who"]) if test else wording.told(rows, _link(channel))
    gone = channel.messages.filter(state=Message.State.SENDING).exclude(job__state__in=Job.ACTIVE)
    gone.update(state=Message.State.FAILED, problem=_("Its worker ended before it was known whether it arrived."))
    message = Message.objects.create(
        channel=channel, job=run.job, test=test, happenings=len(rows), title=told.title[:300]
    )
    run.line(told.as_text())
    run.step(2, 2, _("Send"))
    # The same happenings bear the same name when they are sent again, so that the other side can tell.
    identity = f"msg_test_{message.pk}" if test else f"msg_{channel.pk}_{channel.cursor}_{rows[-1].pk}"
    try:
        run.secret(sealing.unseal(channel.address_sealed, sending.PURPOSE).decode())
        sending.send(channel, told, identity, timezone.now())
    except Problem as problem:
        _failed(channel, message, problem)
        raise
    _sent(channel, message, channel.cursor if test else rows[-1].pk)
    return {"message": told.title, "url": reverse("audit:notices")}


def _link(channel: Channel) -> str:
    return channel.base + reverse("audit:home") + (f"?registry={channel.registry_id}" if channel.registry_id else "")


def _failed(channel: Channel, message: Message, problem: Problem) -> None:
    now = timezone.now()
    Message.objects.filter(pk=message.pk).update(state=Message.State.FAILED, problem=str(problem)[:500])
    wait = AGAIN_AFTER[min(channel.failures, len(AGAIN_AFTER) - 1)]
    Channel.objects.filter(pk=channel.pk).update(
        failures=channel.failures + 1, problem=str(problem)[:500], problem_at=now, due=now + timedelta(minutes=wait)
    )


def _sent(channel: Channel, message: Message, cursor: int) -> None:
    now = timezone.now()
    with transaction.atomic():
        Message.objects.filter(pk=message.pk).update(state=Message.State.SENT)
        changed: dict[str, Any] = {} if message.test else {"told": now, "cursor": cursor}
        Channel.objects.filter(pk=channel.pk).update(failures=0, problem="", problem_at=None, due=now, **changed)
        old = channel.messages.order_by("-pk").values_list("pk", flat=True)[KEPT_MESSAGES : KEPT_MESSAGES + 1].first()
        if old:
            channel.messages.filter(pk__lte=old).delete()
