"""May we write there? Asked before anything is written."""

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.errors import Problem
from harborweb.registry import names
from harborweb.registry.client import Client
from harborweb.registry.errors import RegistryError
from harborweb.registry.paths import push
from harborweb.registry.probing import REFUSED, actions_of


async def check_push(client: Client, repository: str) -> None:
    """Return when the client's account may push to `repository`; nothing is left there.

    A token says it in its own claims, as Harbor's do. Where there are none an upload is begun and given up, which
    stores nothing. Raises Problem that says what is missing, and RegistryError where the registry cannot be asked.
    """
    names.check_repository(repository)
    try:
        await client.ping()
        header = await client.auth.header(push(repository))
        actions = actions_of(header, repository)
        if actions is None:
            await _try(client, repository)
        elif "push" not in actions:
            raise missing(client, repository)
    except RegistryError as error:
        if error.kind in REFUSED:
            raise missing(client, repository, error.message) from error
        raise


async def _try(client: Client, repository: str) -> None:
    begun = await client.ask(
        "POST", f"/v2/{repository}/blobs/uploads/", scope=push(repository), what=repository, data=b"", expected=202
    )
    target = client.endpoint.base.join(URL(begun.headers.get("Location", ""), encoded=True))
    if target.origin() == client.endpoint.base:
        await client.send("DELETE", target, scope=push(repository))  # what it answers does not matter


def missing(client: Client, repository: str, said: str = "") -> Problem:
    """The refusal that says which right is missing, and who has not got it."""
    words = {"who": client.endpoint.username or _("whoever does not sign in"), "repository": repository}
    return Problem(
        _("Nothing was signed: %(who)s may not push to %(repository)s.") % words,
        " ".join(
            filter(
                None,
                [
                    said,
                    _("A signature is pushed beside the image. Give that account the right to push in this project, or "
                      "make robots for harborweb on the registry’s connection page."),
                ],
            )
        ),
    )  # fmt: skip
