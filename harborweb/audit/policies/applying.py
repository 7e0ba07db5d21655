"""The job that brings all rows of a registry up to date with its policy."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit.policies.restanding import restand_all
from harborweb.audit.policies.standings import Standings, number_of
from harborweb.jobs.run import Run
from harborweb.registry.models import Registry


def apply(run: Run) -> dict[str, Any]:
    """Say of each artifact how it stands.

    1 Read the policy that holds
    2 Compare it with each artifact, repository by repository; from 1 again where another one was saved meanwhile
    """
    registry = Registry.objects.get(pk=run.arguments["registry"])
    changed, used = 0, None
    while used is None or used != number_of(registry):
        run.step(1, 2, _("Read the policy"))
        used = number_of(registry)
        standings = Standings.of(registry)
        run.step(2, 2, _("Compare"))
        changed += restand_all(registry, standings, on_repository=lambda done, total: _tell(run, done, total))
    message = ngettext("%(n)d artifact stands otherwise.", "%(n)d artifacts stand otherwise.", changed)
    return {"message": message % {"n": changed}, "url": f"{reverse('audit:home')}?registry={registry.pk}"}


def _tell(run: Run, done: int, total: int) -> None:
    run.check()
    run.progress(done, total)
