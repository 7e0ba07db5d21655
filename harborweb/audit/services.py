"""The door of the audit: start a sweep, look things up."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from harborweb.accounts.services import record
from harborweb.audit import tasks
from harborweb.audit.counts import ProjectCount, Summary, last_sweep, summary, verdicts
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.sweeps import scheduling, sweeping
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from harborweb.signing.models import Key

__all__ = ["ProjectCount", "Summary", "last_sweep", "summary", "verdicts"]


def request_sweep(request: HttpRequest, registry: Registry, project: str = "", *, every_byte: bool = False) -> Job:
    """Start a sweep of `registry` or of one project; while one of the registry is on its way, that one is returned."""
    with transaction.atomic():
        job, new = sweeping.begin(tasks.sweep, registry, by=request, project=project, every_byte=every_byte)
        if new:
            record(request, "sweep", registry.name, project)
    return job


def continue_sweep(request: HttpRequest, sweep: Sweep) -> Job:
    """Go on with a sweep that came to no end; raises Problem where it cannot be."""
    job = sweeping.go_on(tasks.sweep, sweep, request)
    record(request, "continue sweep", sweep.registry.name, f"#{sweep.pk}")
    return job


def request_check(request: HttpRequest, row: ArtifactVerdict) -> Job:
    """Check one artifact again now; while that is on its way, its job is returned."""
    job = sweeping.check(tasks.check, row, request)
    record(request, "check", f"{row.repository}@{row.digest}")
    return job


def set_sweeps(
    request: HttpRequest, registry: Registry, wanted: Mapping[str, scheduling.Wanted], at_once: int | None,
    per_second: int | None,
) -> None:  # fmt: skip
    """Save when `registry` is swept, by kind, and how much of it all workers together may ask."""
    with transaction.atomic():
        for kind, one in wanted.items():
            scheduling.put(registry, kind, one)
        limits = {"at_once": at_once or 0, "per_second": per_second or 0}
        Registry.objects.filter(pk=registry.pk).update(**limits)
        when = ", ".join(f"{kind} {one.cadence}" for kind, one in wanted.items())
        record(request, "schedule sweeps", registry.name, f"{when}; {limits['at_once']}, {limits['per_second']}/s")


def verdict_for(registry: Registry, repository: str, digest: str) -> ArtifactVerdict | None:
    """What the last sweep said of this artifact, or None when no sweep saw it."""
    return ArtifactVerdict.objects.filter(registry=registry, repository=repository, digest=digest).first()


def trusted_public_keys() -> QuerySet[Key]:
    """The keys whose signatures count."""
    return Key.objects.filter(trusted=True, state=Key.State.READY).order_by("name")


def key_named(fingerprint: str) -> Key | None:
    """The key with this fingerprint, if it is in the keyring."""
    return Key.objects.filter(fingerprint=fingerprint).first() if fingerprint else None
