"""Whether a registry can be worked with: does it answer, does it know us, does it list its repositories."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.registry import errors
from harborweb.registry.auth import CATALOG, basic
from harborweb.registry.client import Client
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import system
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.running import run

QUICK = Limits(seconds=10, connect_seconds=5, retries=1, wait_seconds=2)
# What a registry says that has no catalog or keeps it from us; anything else is a fault.
NO_CATALOG = {401, 403, 404, 405}


@dataclass(frozen=True)
class Check:
    """What a test of a registry found.

    `asked` is "basic", "bearer" or "" (nothing asked for). `known` says whether our user name and password were
    seen to be accepted; None where the registry never looked at them. `catalog` says whether it lists repositories.
    """

    host: str
    asked: str
    known: bool | None
    catalog: bool
    harbor: bool


def check(endpoint: Endpoint) -> Check:
    """Test a registry; raises RegistryError with the sentence that says what is wrong."""
    return run(_check(endpoint))


async def _check(endpoint: Endpoint) -> Check:
    async with Client(endpoint, QUICK) as client:
        harbor = await client.is_harbor()
        if endpoint.username and harbor:
            await _ask_harbor(client)
        if endpoint.username or not harbor:  # nobody gets in at this door of a Harbor, whose public projects are open
            await client.ping()
        try:
            await client.ask("GET", "/v2/_catalog?n=1", scope=CATALOG, what=_("its list of repositories"))
            catalog = True
        except RegistryError as error:
            if not withheld(error):
                raise
            catalog = False
        known = True if endpoint.username and client.auth.scheme else None
        return Check(endpoint.host, client.auth.scheme, known, catalog, harbor)


def withheld(error: RegistryError) -> bool:
    """Whether a registry said that it has no catalog or keeps it from us; a refused password is something else."""
    return (error.status in NO_CATALOG and error.field != "password") or error.kind == "forbidden"


async def _ask_harbor(client: Client) -> None:
    """Harbor takes a wrong password for nobody and still gives a token; /users/current tells.

    401 is a wrong password, or the CLI secret of who signs in by OIDC; robots get 412, which means known (observed on
    Harbor 2.15.2).
    """
    endpoint = client.endpoint
    headers = {"Authorization": basic(endpoint.username, endpoint.password), "Accept": "application/json"}
    url = endpoint.base.with_path("/api/v2.0/users/current")
    answer = await client.transport.fetch("GET", url, headers=headers, limit=client.limits.error_bytes)
    if answer.status == 401 and not await system.knows_cli_secret(Harbor(endpoint, QUICK, client.transport)):
        raise errors.wrong_password(endpoint.host, endpoint.username)
