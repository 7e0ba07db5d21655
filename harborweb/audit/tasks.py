"""The corridor: jobs of the audit."""

from celery import shared_task

from harborweb.audit import beat, checking
from harborweb.audit.again import judge_again, judge_many_again
from harborweb.audit.changes import writing as changes
from harborweb.audit.findings import lifecycle
from harborweb.audit.handing import making as handouts
from harborweb.audit.hooks import looking, making
from harborweb.audit.kept import kept
from harborweb.audit.keyless import judging as identities
from harborweb.audit.keys import ending, judging
from harborweb.audit.notices import noting, telling
from harborweb.audit.policies import applying, restanding
from harborweb.audit.sweeps import helping, sweeping, workshop
from harborweb.jobs.run import perform
from harborweb.signing.signals import signed, signed_many

signed.connect(judge_again, dispatch_uid="audit.judge_again")
signed_many.connect(judge_many_again, dispatch_uid="audit.judge_many_again")
kept.connect(lifecycle.follow, dispatch_uid="audit.findings")
kept.connect(changes.write, dispatch_uid="audit.changes")
kept.connect(noting.note, dispatch_uid="audit.note")  # the last one: it reads what `changes` has just written


@shared_task
def sweep(job_id: int) -> None:
    """Judge every artifact of a registry or a project."""
    perform(job_id, lambda run: workshop.sweep(run, sweep_part))


@shared_task
def sweep_part(sweep_id: int) -> None:
    """Help with a sweep."""
    helping.help_with(sweep_part, sweep_id)


@shared_task
def judge_key(job_id: int) -> None:
    """Judge again what a key has signed."""
    perform(job_id, judging.judge_key)


@shared_task
def judge_identities(job_id: int) -> None:
    """Judge again what a certificate's identity had made trusted."""
    perform(job_id, identities.judge_identities)


@shared_task
def sweep_by_schedule(schedule_id: int) -> None:
    """Begin the sweep that a schedule asks for."""
    sweeping.by_schedule(sweep, schedule_id)


@shared_task
def check(job_id: int) -> None:
    """Check one artifact again."""
    perform(job_id, checking.check)


@shared_task
def look(job_id: int) -> None:
    """Look at what a Harbor told of one repository."""
    perform(job_id, looking.look)


@shared_task
def make_hooks(job_id: int) -> None:
    """Make, change or remove the webhook policies of a Harbor."""
    perform(job_id, making.make)


@shared_task
def tell(job_id: int) -> None:
    """Tell a channel what has happened."""
    perform(job_id, telling.tell)


@shared_task
def apply_policy(job_id: int) -> None:
    """Say of each artifact of a registry how it stands now."""
    perform(job_id, applying.apply)


@shared_task(expires=30)
def restand_due() -> None:
    """Say of whatever time alone has changed how it stands now."""
    restanding.restand_due()


@shared_task(expires=30)
def look_after() -> None:
    """Queue what waits."""
    beat.look_after(look, sweep, tell)


@shared_task
def make_report(job_id: int) -> None:
    """Make a report, and sign it."""
    perform(job_id, handouts.report)


@shared_task
def make_evidence(job_id: int) -> None:
    """Make an archive of evidence."""
    perform(job_id, handouts.evidence)


@shared_task(expires=3600)
def note_ending() -> None:
    """Tell of keys that end soon."""
    ending.note_ending()


@shared_task(expires=3600)
def forget_old() -> None:
    """Forget what is beyond its bounds."""
    beat.forget_old()
