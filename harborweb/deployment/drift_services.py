"""The door of drift and of installations that were there: ask the host worker to look, or to take one over."""

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.deployment import looking, tasks
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job

KIND = "import"


@transaction.atomic
def look(request: HttpRequest) -> Job:
    """Have the host worker look for drift now; raises Problem when nothing was deployed yet."""
    if looking.running() is None:
        raise Problem(_("Nothing was deployed yet."), _("Deploy a saved revision first."))
    job = jobs.request(
        tasks.look_for_drift,
        kind="drift",
        title=_("Look for drift"),
        subject="harbor.yml",
        by=request,
        exclusive="drift",
    )
    record(request, "look for drift", "harbor.yml")
    return job


@transaction.atomic
def take_over(request: HttpRequest, folder: str) -> Job:
    """Have the host worker import the installation in `folder`; raises Problem for a path that is not absolute."""
    folder = folder.strip()
    if not folder.startswith("/") or "\x00" in folder:
        raise Problem(
            _("The folder has to be given as an absolute path."), _("Begin it with a slash, like /opt/harbor."),
            field="folder",
        )  # fmt: skip
    title = _("Import the installation in %(folder)s") % {"folder": folder}
    job = jobs.request(
        tasks.take_over, kind=KIND, title=title, subject=folder, by=request, arguments={"folder": folder},
        exclusive=KIND,
    )  # fmt: skip
    if job.arguments.get("folder") != folder:
        raise Problem(
            _("Nothing was started: “%(title)s” is still going on.") % {"title": job.title},
            _("Wait until it is finished, or stop it on its page."),
        )
    record(request, "import installation", folder)
    return job


def last_import() -> Job | None:
    """The newest import, whatever became of it."""
    return Job.objects.filter(kind=KIND).order_by("-pk").first()
