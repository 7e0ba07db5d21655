"""The policies of a registry over time: read, saved, gone back to."""

from dataclasses import dataclass

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.audit import tasks
from harborweb.audit.models import PolicyRevision
from harborweb.audit.policies.impact import worth_a_job
from harborweb.audit.policies.restanding import restand_all
from harborweb.audit.policies.standings import latest, number_of
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.services import request as request_job
from harborweb.registry.models import Registry
from harborweb.verification.policy import Policy, read_policy, write_policy

AT_ONCE = 2000  # rows that are brought up to date while somebody waits


@dataclass(frozen=True)
class Saved:
    """A new revision, and the job that applies it where there is much to apply it to."""

    revision: PolicyRevision
    job: Job | None


@transaction.atomic
def save(
    request: HttpRequest | None, registry: Registry, policy: Policy, *, base: int, note: str = "", restored: int = 0
) -> Saved:
    """Make `policy` the one that holds; `base` is the number of the revision that it was made from.

    Raises Problem where somebody saved another one meanwhile, or nothing would change.
    """
    now, document = latest(registry), write_policy(policy)
    if (now.number if now else 0) != base:
        raise _moved(registry)
    if document == (write_policy(read_policy(now.document)) if now else write_policy(Policy())):
        raise Problem(
            _("Nothing was saved: this is the policy that holds already."), _("Change a rule or an exemption first.")
        )
    by = request.user.get_username() if request is not None else _("harborweb")
    revision = PolicyRevision.objects.create(
        registry=registry, number=base + 1, document=document, note=note.strip()[:300], restored=restored or None, by=by
    )
    action = "restore policy" if restored else "save policy"
    record(request, action, registry.name, f"{revision.number}: {revision.note}" if revision.note else str(base + 1))
    if worth_a_job(registry, AT_ONCE):
        return Saved(revision, _applied(request, registry))
    restand_all(registry)
    return Saved(revision, None)


def _moved(registry: Registry) -> Problem:
    number = number_of(registry)
    return Problem(
        _("Nothing was saved: somebody saved revision %(n)d meanwhile.") % {"n": number},
        _("Look at it, and make the change again from there."),
    )


def _applied(request: HttpRequest | None, registry: Registry) -> Job:
    """The job that applies the policy that holds to everything that is kept."""
    return request_job(
        tasks.apply_policy, kind="apply_policy", title=_("Apply the policy of %s") % registry.name,
        subject=registry.name, by=request, arguments={"registry": registry.pk}, exclusive=f"policy:{registry.pk}",
    )  # fmt: skip
