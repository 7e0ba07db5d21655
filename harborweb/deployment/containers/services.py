"""The door: have one container restarted, started or stopped."""

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from harborweb.accounts.services import record
from harborweb.deployment import looking, services, tasks
from harborweb.errors import Problem
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job

ACTIONS = ("restart", "start", "stop")


@transaction.atomic
def act(request: HttpRequest, name: str, action: str) -> Job:
    """Request that `action` is done to the container `name`; raises Problem while something else changes the host.

    Only names are passed on: the host worker looks whether it is one of Harbor's.
    """
    if action not in ACTIONS:
        raise Problem(_("There is no such action."), _("Restart, start or stop it."))
    running = looking.running()
    if running is None:
        raise Problem(_("Nothing was deployed yet."), _("Deploy a saved revision first."))
    title = {"restart": _("Restart %(name)s"), "start": _("Start %(name)s"), "stop": _("Stop %(name)s")}[action]
    job = jobs.request(
        tasks.container,
        kind="container",
        title=title % {"name": name},
        subject=name,
        by=request,
        arguments={"name": name, "action": action},
        exclusive=services.EXCLUSIVE,
    )
    if job.arguments != {"name": name, "action": action}:
        raise Problem(
            _("Nothing was done: “%(title)s” is still going on.") % {"title": job.title},
            _("Wait until it is finished, or stop it on its page."),
        )
    record(request, f"{action} container", name, f"#{job.pk}")
    return job
