"""Addresses of Harbor's API v2.0, made of names that were checked."""

from urllib.parse import quote

from django.utils.translation import gettext as _

from harborweb.registry import names
from harborweb.registry.errors import RegistryError, plain

API = "/api/v2.0"
MAX_PAGE = 100  # 101 is answered with 422 (facts: Harbor 2.15.2)


def project(name: str) -> str:
    """The address of a project; raises RegistryError "invalid" for what is no project's name."""
    if "/" in name or not names.is_repository(name):
        raise RegistryError(
            "invalid",
            _("“%(name)s” is no project name.") % {"name": plain(name)},
            _("A project's name has small letters, digits and . _ -, for example team."),
            field="project",
        )
    return f"{API}/projects/{name}"


def split(repository: str) -> tuple[str, str]:
    """Project and the rest of a full repository name; raises RegistryError where it has no project."""
    first, slash, rest = names.check_repository(repository).partition("/")
    if not slash:
        raise RegistryError(
            "invalid",
            _("“%(name)s” is no repository of Harbor's: it has no project.") % {"name": plain(repository)},
            _("A repository in Harbor is named project/name, for example team/app."),
            field="repository",
        )
    return first, rest


def repository(name: str) -> str:
    """The address of a repository by its full name; a slash inside is encoded twice (once gives 404)."""
    first, rest = split(name)
    return f"{project(first)}/repositories/{quote(quote(rest, safe=''), safe='')}"


def artifact(name: str, reference: str) -> str:
    """The address of an artifact by tag or digest."""
    return f"{repository(name)}/artifacts/{names.check_reference(reference)}"
