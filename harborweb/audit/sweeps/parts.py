"""The parts of a sweep: written when the registry has listed its repositories, taken by whichever worker is free.

A part is taken by a conditional UPDATE, held by a heartbeat, and given up for the next one to take when that stops.
Whoever keeps results says so in the same transaction, and only while the part is still theirs.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Case, Count, F, Max, Q, QuerySet, Sum, When
from django.utils import timezone
from django.utils.translation import gettext as _

from harborweb.audit.models import ArtifactVerdict, Part, Sweep
from harborweb.jobs.models import Job

logger = logging.getLogger(__name__)

State = Part.State
Result = TypeVar("Result")
MOST_TRIES = 5  # workers that may die of one part
HELP_AGAIN = timedelta(seconds=15)
PAUSE = 0.2  # between two looks for a part while others hold them all


class Lost(Exception):
    """The part is somebody else's by now: what was judged of it is not kept."""


def write(this: Sweep, names: Sequence[str], asked: datetime) -> None:
    """The parts of a sweep, once: a repository each, with as many artifacts as were known of it."""
    known = ArtifactVerdict.objects.filter(registry=this.registry).order_by()
    known = known.filter(project=this.project) if this.project else known
    counts = dict(known.values_list("repository").annotate(n=Count("pk")))
    rows = [Part(sweep=this, repository=name, expected=counts.get(name, 0)) for name in dict.fromkeys(names)]
    with transaction.atomic():
        if Sweep.objects.filter(pk=this.pk, asked=None).update(asked=asked):
            Part.objects.bulk_create(rows, batch_size=500)
    this.refresh_from_db(fields=["asked"])


def silent() -> Q:
    """Parts whose worker has not been heard of for as long as a job may be silent."""
    before = timezone.now() - timedelta(seconds=settings.JOB_LOST_SECONDS)
    return Q(state=State.TAKEN, beat__lt=before)


def take(this: Sweep) -> Part | None:
    """The largest part that waits, or one whose worker died, now ours; None where there is none."""
    free = Part.objects.filter(Q(state=State.WAITING) | silent(), sweep=this)
    while part := free.order_by("-expected", "pk").first():
        claim, now = uuid.uuid4().hex, timezone.now()
        worker = f"{socket.gethostname()}:{os.getpid()}"
        ours = Part.objects.filter(pk=part.pk, state=part.state, claim=part.claim, beat=part.beat)
        if part.tries >= MOST_TRIES:
            ours.update(state=State.UNREAD, problem=_("%d workers ended while they judged it.") % part.tries)
        elif ours.update(state=State.TAKEN, claim=claim, beat=now, worker=worker, tries=F("tries") + 1,
                         listed=Case(When(listed=None, then=now), default=F("listed"))):  # fmt: skip
            return Part.objects.get(pk=part.pk)
    return None


def mine(part: Part) -> "QuerySet[Part]":
    """The part's row while it is ours."""
    return Part.objects.filter(pk=part.pk, claim=part.claim, state=State.TAKEN)


def held(part: Part, **columns: object) -> None:
    """Write `columns` and a heartbeat on a part that is ours; raises Lost when it is not, which undoes the
    transaction around it."""
    if not mine(part).update(beat=timezone.now(), **columns):
        raise Lost


def split(part: Part, tags: Sequence[str], size: int) -> None:
    """Make of a whole repository, which is ours, slices of `size` of its `tags`."""
    pieces = [list(tags[start : start + size]) for start in range(0, len(tags), size)]
    with transaction.atomic():
        if not mine(part).delete()[0]:
            raise Lost
        Part.objects.bulk_create(
            Part(sweep_id=part.sweep_id, repository=part.repository, number=number, tags=piece, listed=part.listed,
                 expected=len(piece))
            for number, piece in enumerate(pieces, 1)
        )  # fmt: skip


def let_go(part: Part) -> None:
    """Give back a part that was not finished, for somebody else; nobody died of it."""
    mine(part).update(state=State.WAITING, claim="", beat=None, tries=F("tries") - 1)


def open_ones(this: Sweep) -> "QuerySet[Part]":
    """The parts that are not judged yet."""
    return Part.objects.filter(sweep=this, state__in=[State.WAITING, State.TAKEN])


def wanted(this: Sweep) -> bool:
    """Whether the sweep goes on: nobody has stopped it. A job whose worker died is continued by another."""
    row = Sweep.objects.filter(pk=this.pk, finished=None).select_related("job").first()
    if row is None or row.job is None:
        return False
    return row.job.state in {*Job.ACTIVE, Job.State.LOST} and not row.job.stop_requested_by


@contextmanager
def beating(part: Part, this: Sweep) -> Iterator[Callable[[], bool]]:
    """Keep the part's heart beating in a thread; gives a function that tells whether to go on."""
    over, stopped = threading.Event(), threading.Event()

    def beat() -> None:
        while not over.wait(min(1.0, settings.JOB_HEARTBEAT_SECONDS)):
            try:
                if not mine(part).update(beat=timezone.now()) or not wanted(this):
                    stopped.set()
            except Exception:  # a busy database must not end the heartbeat
                logger.exception("part %s: the heartbeat stumbled", part.pk)
        connection.close()

    thread = threading.Thread(target=beat, name=f"part-{part.pk}", daemon=True)
    thread.start()
    try:
        yield lambda: not stopped.is_set()
    finally:
        over.set()
        thread.join(timeout=30)


def patiently(write: Callable[[], Result]) -> Result:
    """Do `write`, which is one transaction, again where the database was busy for all of its patience."""
    for attempt in range(3):
        try:
            return write()
        except OperationalError:
            if attempt == 2:
                raise
            time.sleep(1 + attempt)
    raise AssertionError("unreachable: the last attempt returns or raises")


@dataclass(frozen=True)
class Progress:
    """How far a sweep has come."""

    judged: int
    expected: int  # artifacts, as many as were known before; 0 where nothing was
    done: int  # parts
    parts: int
    workers: int
    seconds: float

    @property
    def rate(self) -> float:
        """Artifacts a second."""
        return self.judged / self.seconds if self.seconds > 0 else 0.0

    @property
    def share(self) -> float:
        """From 0 to 1: by artifacts where their number was known, else by parts."""
        by_parts = self.done / self.parts if self.parts else 0.0
        return min(1.0, max(by_parts, self.judged / self.expected)) if self.expected else by_parts

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take at this pace; None before anything can be said."""
        return self.seconds * (1 - self.share) / self.share if self.share > 0.02 and self.seconds > 1 else None


def progress(this: Sweep) -> Progress:
    """How far `this` has come, read from its parts."""
    over = Q(state__in=[State.DONE, State.UNREAD])
    counted = Part.objects.filter(sweep=this).aggregate(
        judged=Sum("judged", default=0), expected=Sum("expected", default=0), parts=Count("pk"),
        done=Count("pk", filter=over), workers=Count("worker", distinct=True, filter=Q(state=State.TAKEN)),
        last=Max("beat"),
    )  # fmt: skip
    # artifacts that are new in a part that is done count as expected
    more = Part.objects.filter(over, sweep=this).aggregate(n=Sum(F("judged") - F("expected"), default=0))["n"]
    until = this.finished or timezone.now()
    seconds = (until - this.asked).total_seconds() if this.asked else 0.0
    first = counted["expected"] == 0
    return Progress(
        counted["judged"], 0 if first else max(counted["expected"] + more, counted["judged"]), counted["done"],
        counted["parts"], counted["workers"], seconds,
    )  # fmt: skip
