"""What pages of other rooms and results of jobs show of deployment: {% load deployment %}."""

from typing import Any

from django import template

from harborweb.configuration import services as configuration
from harborweb.configuration.models import Draft
from harborweb.deployment import drift_pages
from harborweb.deployment.models import Installer

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
