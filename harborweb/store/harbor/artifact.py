"""Everything the page of one artifact shows of a Harbor: its bytes, Harbor's record of it, and our verdict."""

from harborweb.audit import services as audit
from harborweb.registry import artifact as reading
from harborweb.registry import names
from harborweb.registry.client import Client
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor, Page
from harborweb.registry.harbor.reading import Artifact as Record
from harborweb.registry.models import Registry
from harborweb.store.harbor import artifacts
from harborweb.store.harbor.asking import asking, or_trouble, together
from harborweb.store.shown import Shown

POLICY = 412  # Harbor's answer for an image that its content-trust policy holds back
# One more request than a robot that only lists may make; that it is refused is no trouble of the page.
QUIET = frozenset({"forbidden", "unauthorized", "not_found"})


def shown(registry: Registry, repository: str, digest: str, tag: str) -> Shown:
    """The artifact; raises RegistryError where neither its bytes nor Harbor's record can be had."""
    names.check_digest(digest)
    troubles: list[RegistryError] = []
    unread: list[RegistryError] = []
    none: Page[Record] = Page([], None)

    async def ask(harbor: Harbor, client: Client) -> tuple[reading.Artifact | None, Record | None, Page[Record]]:
        bytes_of, record, beside = await together(
            or_trouble(reading.read_artifact(client, repository, digest, tag), unread, None),
            or_trouble(_record(harbor, repository, digest, troubles), troubles, None),
            or_trouble(browsing.artifacts(harbor, repository, size=artifacts.BESIDE), troubles, none),
        )
        return bytes_of, record, beside

    found, record, beside = asking(registry, ask)
    if found is None and record is None:
        raise unread[0]
    held_back = any(error.status == POLICY for error in unread)
    if not held_back:
        troubles += unread
    troubles += found.troubles if found else []
    verdict = audit.verdict_for(registry, repository, digest)
    return Shown(
        digest, found, record, artifacts.rows(registry, repository, beside.items), verdict, held_back,
        list({error.message: error for error in troubles}.values()),
    )  # fmt: skip


async def _record(harbor: Harbor, repository: str, digest: str, troubles: list[RegistryError]) -> Record | None:
    """Harbor's record by its list, which a robot may read; a child of an index is in no list and needs one more."""
    page = await browsing.artifacts(harbor, repository, digests=[digest], size=1)
    found = next((one for one in page.items if one.digest == digest), None)
    if found is not None:
        return found
    try:
        found = await browsing.artifact(harbor, repository, digest)
        return found if found.digest == digest else None
    except RegistryError as error:
        if error.kind not in QUIET:
            troubles.append(error)
        return None
