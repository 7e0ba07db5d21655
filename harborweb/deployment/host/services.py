"""The door of “Check this machine”."""

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.configuration import services as configuration
from harborweb.configuration.models import Revision
from harborweb.deployment import tasks
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job

KIND = "host_check"


def last() -> Job | None:
    """The newest check, whatever became of it."""
    return Job.objects.filter(kind=KIND).order_by("-pk").first()


@transaction.atomic
def request(by: HttpRequest, number: int | None = None) -> Job:
    """Have the host worker hold revision `number`, else the draft, else the newest revision, against its machine.

    One check at a time; a second click gets the one that runs. Raises Problem when there is nothing to check.
    """
    draft = configuration.current_draft() if number is None else None
    revision = Revision.objects.filter(number=number).first() if number else None
    if draft is None and revision is None:
        revision = configuration.latest_revision() if number is None else None
        if revision is None:
            raise Problem(_("There is nothing to hold against the machine."), _("Answer the wizard’s questions first."))
    subject = f"revision {revision.number}" if revision else "draft"
    words = {"number": revision.number} if revision else {}
    title = _("Check the machine for revision %(number)d") % words if revision else _("Check the machine for the draft")
    arguments = {"revision": revision.number} if revision else {"draft": draft.version if draft else 0}
    job = jobs.request(
        tasks.check_host, kind=KIND, title=title, subject=subject, by=by, arguments=arguments, exclusive=KIND
    )  # fmt: skip
    record(by, "check machine", subject)
    return job
