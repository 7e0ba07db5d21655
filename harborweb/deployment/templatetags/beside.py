"""What the page of deployment shows of backups and upgrades: {% load beside %}."""

from django import template

from harborweb.deployment import looking
from harborweb.deployment.backup import services as backups
from harborweb.deployment.models import Backup, Installer
from harborweb.deployment.upgrade import services as upgrades
from harborweb.deployment.upgrade.versions import way

register = template.Library()


@register.simple_tag
def backup_age() -> backups.Age:
    """How good the last backup still is."""
    return backups.age()


@register.simple_tag
def last_backup() -> Backup | None:
    """The newest checked backup."""
    return backups.latest()


@register.simple_tag
def newer_installer() -> Installer | None:
    """The newest installer of a later version than what runs, beside it."""
    running = looking.running()
    for one in upgrades.candidates():
        if running and way(running.installer.version, one.version).kind in {"upgrade", "patch", "far"}:
            return one
    return None
