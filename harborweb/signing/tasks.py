"""The corridor: jobs of signing, and the look for cosign when a worker starts."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.db import connections

from harborweb.jobs.run import perform
from harborweb.signing import exporting, found, keysmith, workshop
from harborweb.signing.many import queueing
from harborweb.signing.many import workshop as many


@shared_task
def make_key(job_id: int) -> None:
    """Make a key pair."""
    perform(job_id, keysmith.make_key)


@shared_task
def import_key(job_id: int) -> None:
    """Take in a private key."""
    perform(job_id, keysmith.import_key)


@shared_task
def connect_kms(job_id: int) -> None:
    """Fetch the public half of a KMS key."""
    perform(job_id, keysmith.connect_kms)


@shared_task
def export_key(job_id: int) -> None:
    """Lay a private key ready for who asked for it."""
    perform(job_id, exporting.export)


@shared_task
def sign(job_id: int) -> None:
    """Sign a digest."""
    perform(job_id, workshop.sign)


@shared_task
def verify(job_id: int) -> None:
    """Verify a digest."""
    perform(job_id, workshop.verify)


@shared_task
def look_many(job_id: int) -> None:
    """See what of a list there is to sign."""
    perform(job_id, many.look_many)


@shared_task
def sign_many(job_id: int) -> None:
    """Sign what is left of a list."""
    perform(job_id, many.sign_many)


@shared_task(expires=30)
def look_after() -> None:
    """Go on with lists whose worker was killed."""
    queueing.go_on(sign_many)


@shared_task
def look(job_id: int) -> None:
    """Look for cosign."""
    perform(job_id, found.look)


@worker_ready.connect
def remember_cosign(sender: Any, **_kwargs: Any) -> None:
    """A worker that signs notes which cosign its machine has, so that the pages can say it."""
    if "default" in sender.app.amqp.queues.consume_from:
        found.remember()
        connections.close_all()  # the worker's main process forks children later; they make their own
