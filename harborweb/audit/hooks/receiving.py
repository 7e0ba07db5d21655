"""The door for what a Harbor tells us: who speaks, what is new in it, and the job that looks.

Nothing here asks a registry: it answers at once. An event is a row before it is a job, so that a lost Redis, a
killed worker or a registry that is down loses nothing: `queueing.look_after` finds what waits.
"""

import logging
import secrets

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from harborweb.audit import tasks
from harborweb.audit.hooks import queueing
from harborweb.audit.hooks.hashing import hashed
from harborweb.audit.hooks.payload import Junk, Told, read
from harborweb.audit.models import Hook, HookEvent

logger = logging.getLogger(__name__)

LARGEST = 2**63 - 1  # number that SQLite takes
MOST_HEADER = 500
MOST_WAITING = 5_000  # of one registry; what comes beyond is the next sweep's
NOBODY = "0" * 64  # what a stranger's secret is compared with

State = HookEvent.State
QUOTAS = (HookEvent.Kind.QUOTA_EXCEEDED, HookEvent.Kind.QUOTA_WARNING)


class Full(Exception):
    """More waits already than will be kept."""


def speaker(registry: int, authorization: str) -> Hook | None:
    """The hook whose secret the header Authorization carries, or None.

    The same work is done for a registry that is not there as for a wrong secret: one look-up by the hash, one
    comparison in constant time.
    """
    given = hashed(authorization[:MOST_HEADER])
    known = Q(secret_hash=given) | Q(former_hash=given)
    number = min(registry, LARGEST)
    hook = Hook.objects.filter(known, registry=number, enabled=True).select_related("registry").first()
    expected = (hook.secret_hash, hook.former_hash or NOBODY) if hook else (NOBODY, NOBODY)
    same = [secrets.compare_digest(given, one) for one in expected]
    return hook if any(same) and authorization else None


def take(hook: Hook, body: bytes, content_type: str) -> int:
    """Keep what `body` tells, and have it looked at; how many new things there were.

    Raises Junk for what is no event of this project, and Full.
    """
    now = timezone.now()
    try:
        told = read(body, content_type, hook.project)
    except Junk as junk:
        sentence = str(junk)[:500]
        logger.warning("a webhook of %s at %s was refused: %s", hook.project, hook.registry, sentence)
        Hook.objects.filter(pk=hook.pk).update(problem=sentence, problem_at=now)
        raise
    with transaction.atomic():
        Hook.objects.filter(pk=hook.pk).update(last_event=now, events=F("events") + 1)
        fresh = [event for one in told if (event := _event(hook, one))]
        waiting = HookEvent.objects.filter(registry=hook.registry, state=State.WAITING)
        if fresh and len(fresh) + waiting[:MOST_WAITING].count() > MOST_WAITING:
            raise Full
        HookEvent.objects.bulk_create(fresh)
        for repository in dict.fromkeys(one.repository for one in fresh if one.state == State.WAITING):
            queueing.have_looked_at(tasks.look, hook.registry, repository)
    return len(fresh)


def _event(hook: Hook, told: Told) -> HookEvent | None:
    """A row for what is new; what waits already, or was delivered before, is counted there instead."""
    same = HookEvent.objects.filter(
        hook=hook, kind=told.kind, repository=told.repository, tag=told.tag, digest=told.digest
    )
    waiting = same.filter(state=State.WAITING, tries=0).first()
    of_it = HookEvent.objects.filter(hook=hook, repository=told.repository, tag=told.tag)
    # Another event of the same tag in between means that it came back: pushed, moved away, pushed again.
    before = of_it.exclude(state=State.LEFT).first()
    again = waiting or (before if before and before.identity == told.identity else None)
    if again is not None:
        HookEvent.objects.filter(pk=again.pk).update(repeats=F("repeats") + 1)
        return None
    quota = told.kind in QUOTAS
    return HookEvent(
        registry=hook.registry, hook=hook, kind=told.kind, repository=told.repository, tag=told.tag,
        digest=told.digest, detail=told.detail[:300], identity=told.identity,
        state=State.DONE if quota else State.WAITING,
    )  # fmt: skip
