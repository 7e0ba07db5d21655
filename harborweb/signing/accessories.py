"""Whether Harbor lists as an accessory what was signed: its badge and its content trust go by that alone."""

from typing import Any

from django.utils.translation import gettext as _

from harborweb.jobs.run import Run
from harborweb.registry import running
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.models import Registry


def listed(run: Run, registry: Registry, repository: str, digest: str, stored: list[dict[str, str]]) -> dict[str, Any]:
    """What Harbor says of the signatures stored at `stored`: `seen` their types, `missing` those that it does not list.

    Empty for a registry that is no Harbor, or whose signatures lie in another repository. `fault` says why Harbor
    could not be asked, which is no failure: the signature is made and verified.
    """
    if not registry.is_harbor or registry.signatures_repository:
        return {}

    async def ask() -> dict[str, str]:
        async with Harbor(registry.endpoint()) as harbor:
            found = await browsing.artifact(harbor, repository, digest)
            return {one.digest: one.type for one in found.accessories}

    try:
        known = running.run(ask())
    except RegistryError as error:
        run.line(str(error))
        return {"fault": error.message}
    places = [one["digest"] for one in stored]
    seen = {one: known[one] for one in places if one in known}
    for one, kind in seen.items():
        run.line(_("Harbor lists %(digest)s as %(type)s") % {"digest": one, "type": kind})
    missing = [one for one in places if one not in known]
    if missing:
        run.line(_("Harbor does not list %s as an accessory") % ", ".join(missing))
    return {"seen": list(dict.fromkeys(seen.values())), "missing": missing}
