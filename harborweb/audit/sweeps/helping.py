"""A worker that helps with a sweep: it takes parts for a moment, then lets other jobs through and comes again."""

import logging
import time

from celery import Task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from harborweb.audit.models import Part, Sweep
from harborweb.audit.sweeps import parts
from harborweb.audit.sweeps.walking import walking
from harborweb.celery import app
from harborweb.errors import Problem
from harborweb.jobs.models import LogLine
from harborweb.tools.process import Stopped

logger = logging.getLogger(__name__)

EXPIRES = 60  # seconds after which nobody waits for this help any more


def ask(task: Task, this: Sweep, *, again: bool = False) -> None:
    """Have one more worker help `this` sweep, where parts wait; `again` only where nobody was asked for a while.

    It asks for the next one when it begins: so at most one of these waits in the queue before other jobs. A broker
    that refuses means that nobody helps.
    """
    if not Part.objects.filter(sweep=this, state=Part.State.WAITING).exists():
        return
    recently = Q(helped=None) | Q(helped__lt=timezone.now() - parts.HELP_AGAIN) if again else Q()
    if not Sweep.objects.filter(recently, pk=this.pk).update(helped=timezone.now()):
        return
    try:
        with app.connection_for_write(settings.CELERY_BROKER_URL) as connection:
            task.apply_async(args=[this.pk], connection=connection, retry=False, expires=EXPIRES)
    except Exception:  # noqa: BLE001 - kombu passes on whatever its transport raises
        logger.warning("nobody could be asked to help with sweep %s", this.pk)


def help_with(task: Task, number: int) -> int:
    """Judge parts of sweep `number` for SWEEP_HELP_SECONDS, then step behind the jobs that wait. Returns how many."""
    this = Sweep.objects.select_related("registry").filter(pk=number, finished=None).first()
    if this is None or not parts.wanted(this):
        return 0
    part = parts.take(this)
    if part is None:
        return 0
    ask(task, this)
    done, until = 0, time.monotonic() + settings.SWEEP_HELP_SECONDS
    try:
        with walking(this, _say) as walk:
            while part is not None:
                walk.part(part, lambda: None)
                done += 1
                part = parts.take(this) if time.monotonic() < until and parts.wanted(this) else None
    except (Stopped, parts.Lost):
        return done
    except Problem as problem:  # the password is sealed with another secret here, …
        parts.let_go(part) if part else None
        logger.warning("sweep %s: %s", number, problem)
        return done
    if time.monotonic() >= until:
        ask(task, this)
    return done


def _say(text: str, stream: str) -> None:
    """What a helper finds is read from its part; the log is the job's own."""
    if stream == LogLine.Stream.ERR:
        logger.info("%s", text)
