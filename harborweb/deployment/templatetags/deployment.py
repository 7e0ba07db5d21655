"""What pages of other rooms and results of jobs show of deployment: {% load deployment %}."""

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from harborweb.configuration import services as configuration
from harborweb.configuration.models import Draft, Revision
from harborweb.deployment import drift_pages
from harborweb.deployment.host import services as host_services
from harborweb.deployment.models import Installer
from harborweb.jobs.models import Job

register = template.Library()


@register.simple_tag
def installer_of(result: dict[str, Any]) -> Installer | None:
    """The installer that a job's result names."""
    return Installer.objects.filter(pk=result.get("installer") or 0).first()


@register.simple_tag
def current_draft() -> Draft | None:
    """The draft that the wizard holds."""
    return configuration.current_draft()


@register.simple_tag
def draft_from(draft: Draft | None, installer: Installer) -> bool:
    """Whether the wizard's draft was begun from this installer."""
    return draft is not None and draft.template() == installer.template()


@register.simple_tag
def drift_report() -> drift_pages.Report:
    """Where the host differs from what was deployed; without notes when all is well."""
    return drift_pages.report()


@register.simple_tag
def machine_groups(result: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The findings of a check of the machine: what to look at, what cannot be known, what is fine."""
    groups: dict[str, list[dict[str, Any]]] = {"bad": [], "unknown": [], "fine": []}
    for one in result.get("findings") or ():
        groups["bad" if one["state"] in {"error", "warning"} else one["state"]].append(one)
    return groups


@register.simple_tag
def machine_check(revision: Revision | str | None = None) -> dict[str, str] | None:
    """How the newest check of the machine for this revision, else for the draft as it stands, came out."""
    draft = None if revision else configuration.current_draft()
    subject = (
        {"revision": revision.number} if isinstance(revision, Revision) else {"draft": draft.version if draft else 0}
    )
    job = Job.objects.filter(kind=host_services.KIND, arguments=subject).order_by("-pk").first()
    if job is None:
        return None
    if job.state != Job.State.SUCCEEDED:
        return {"state": job.state, "words": str(job.words)}
    bad = machine_groups(job.result)["bad"]
    errors = sum(one["state"] == "error" for one in bad)
    if errors:
        return {"state": "bad", "words": ngettext("%(n)d error", "%(n)d errors", errors) % {"n": errors}}
    if bad:
        return {"state": "warn", "words": ngettext("%(n)d warning", "%(n)d warnings", len(bad)) % {"n": len(bad)}}
    return {"state": "good", "words": _("it fits")}
