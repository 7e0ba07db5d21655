"""The job that brings all rows of a registry up to date with its policy."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.audit.policies.restanding import restand_all
from harborweb.jobs.run import Run
from harborweb.registry.models import Registry


def apply(run: Run) -> dict[str, Any]:
    """Say of each artifact how it stands.

    1 Compare the policy that holds with each artifact, repository by repository
    """
    run.make_way()
    registry = Registry.objects.get(pk=run.arguments["registry"])
    run.step(1, 1, _("Compare"))
    changed = restand_all(registry, on_repository=run.progress)
    message = ngettext("%(n)d artifact stands otherwise.", "%(n)d artifacts stand otherwise.", changed)
    return {"message": message % {"n": changed}, "url": f"{reverse('audit:home')}?registry={registry.pk}"}
