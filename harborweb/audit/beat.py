"""What the scheduler asks of the audit, all of it together."""

from celery import Task

from harborweb.audit.changes import pruning
from harborweb.audit.findings import lifecycle
from harborweb.audit.handing import making as handouts
from harborweb.audit.hooks import queueing
from harborweb.audit.notices import telling
from harborweb.audit.sweeps import sweeping


def look_after(look: Task, sweep: Task, tell: Task) -> None:
    """Queue what waits: events of a Harbor, sweeps whose worker died, notices."""
    queueing.look_after(look)
    sweeping.look_after(sweep)
    telling.look_after(tell)


def forget_old() -> None:
    """Forget what is beyond its bounds: changes and tags, solved findings, what was made for others."""
    pruning.forget_old()
    lifecycle.forget_old()
    handouts.forget()
