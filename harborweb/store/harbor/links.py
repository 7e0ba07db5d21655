"""Addresses of Harbor's own pages, for what is Harbor's affair."""

from urllib.parse import quote

from harborweb.registry.models import Registry


def home(registry: Registry) -> str:
    """Harbor's list of projects."""
    return f"{registry.url.rstrip('/')}/harbor/projects"


def project(registry: Registry, number: int, part: str = "repositories") -> str:
    """A project by its number; `part` is a tab of Harbor's: repositories, members, webhook, …"""
    return f"{home(registry)}/{number}/{part}" if number else home(registry)


def repository(registry: Registry, number: int, name: str) -> str:
    """A repository by its full name, in project `number`."""
    if not number:
        return home(registry)
    return f"{home(registry)}/{number}/repositories/{quote(name.partition('/')[2], safe='')}/artifacts-tab"


def artifact(registry: Registry, number: int, name: str, digest: str) -> str:
    """One artifact."""
    return f"{repository(registry, number, name)}/artifacts/{digest}" if number else home(registry)
