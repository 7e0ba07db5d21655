"""What the pages of the store show: the registry's own answers beside the verdicts of the last sweep."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.audit import services as audit
from harborweb.audit.counts import by_digest
from harborweb.audit.models import ArtifactVerdict
from harborweb.registry import artifact as reading
from harborweb.registry import names
from harborweb.registry.client import Client
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.models import Registry
from harborweb.registry.services import Check, asking
from harborweb.signing.limits import is_over
from harborweb.signing.models import Key
from harborweb.store.shown import Shown

PAGE = 100  # tags on a repository's page: one request for the list, one for each tag
BESIDE = 12  # tags beside an artifact
SEARCHED = 20_000  # tags that a search looks at
FOUND = 50  # tags that a search shows


@dataclass(frozen=True)
class Line:
    """One row of a list of artifacts."""

    row: reading.Row
    verdict: ArtifactVerdict | None


@dataclass(frozen=True)
class Listing:
    """One page of a repository."""

    lines: list[Line]
    count: int
    folded: int
    last: str | None


@dataclass(frozen=True)
class Found:
    """What a search in a repository found: `digest` (and `tag`) when it is exactly one, else `lines`."""

    digest: str = ""
    tag: str = ""
    lines: tuple[Line, ...] = ()
    more: bool = False


@dataclass(frozen=True)
class Command:
    """A command to copy, with the whole digest."""

    name: str
    text: str


def check_words(found: Check) -> list[str]:
    """What a test of a registry found, in sentences."""
    words = [_("%s answers as a registry.") % found.host]
    if found.known:
        words.append(_("It accepted the user name and password."))
    elif found.known is None and found.asked == "":
        words.append(_("It asked for no password, so none was checked."))
    elif found.known is None:
        words.append(_("It lets everybody in to look."))
    if not found.catalog and not found.harbor:
        words.append(_("It does not list its repositories to us: type their names to open them."))
    return words


def listing(registry: Registry, repository: str, last: str, *, unfold: bool) -> Listing:
    """One page of tags after `last`, with digests and verdicts; raises RegistryError."""

    async def ask(client: Client) -> reading.Tags:
        return await reading.read_page(
            client, repository, await client.tags_page(repository, last, PAGE), unfold=unfold
        )

    tags = asking(registry, ask)
    return Listing(_lines(registry, repository, tags.rows), tags.count, tags.folded, tags.last)


def search(registry: Registry, repository: str, text: str) -> Found:
    """The tag or digest `text` when there is exactly that, else the tags that contain it; raises RegistryError."""

    async def ask(client: Client) -> tuple[str, list[reading.Row], bool]:
        if names.is_tag(text) or names.is_digest(text):
            try:
                return (await client.manifest(repository, text)).digest, [], False
            except NotFound:
                if names.is_digest(text):
                    raise
        tags, more = await reading.find_tags(client, repository, text, FOUND, SEARCHED)
        return "", await reading.read_rows(client, repository, tags), more

    digest, rows, more = asking(registry, ask)
    if digest:
        return Found(digest, "" if ":" in text else text)
    return Found(lines=tuple(_lines(registry, repository, rows)), more=more)


def shown(registry: Registry, repository: str, digest: str, tag: str) -> Shown:
    """The artifact, the tags around it, and its verdict; raises RegistryError."""

    names.check_digest(digest)  # never a tag: what is shown and signed here is named by its bytes

    async def beside(client: Client) -> reading.Tags | None:
        try:
            page = await client.tags_page(repository, n=BESIDE)
            if page.last and tag and tag not in page.tags:
                # Registries list tags in order: what comes after all but its last letter holds the tag itself.
                page = await client.tags_page(repository, tag[:-1], BESIDE)
            return await reading.read_page(client, repository, page)
        except RegistryError:
            return None

    async def ask(client: Client) -> tuple[reading.Artifact, reading.Tags | None]:
        return await asyncio.gather(reading.read_artifact(client, repository, digest, tag), beside(client))

    found, tags = asking(registry, ask)
    around = None
    if tags is not None:
        around = Listing(_lines(registry, repository, tags.rows), tags.count, tags.folded, tags.last)
    verdict = audit.verdict_for(registry, repository, digest)
    return Shown(digest, found, None, around, verdict, troubles=found.troubles)


def verifying_key(verdict: ArtifactVerdict | None) -> Key | None:
    """The key that a command verifies with: the one that the verdict rests on, else the first that counts now."""
    signer = audit.key_named(verdict.key) if verdict else None
    return signer or next((key for key in audit.trusted_public_keys() if not is_over(key)), None)


def _lines(registry: Registry, repository: str, rows: Iterable[reading.Row]) -> list[Line]:
    """`rows` with the verdicts of the last sweep, looked up at once."""
    rows = list(rows)
    digests = [row.digest for row in rows if row.digest]
    verdicts = by_digest(registry, repository, digests)
    return [Line(row, verdicts.get(row.digest)) for row in rows]


def commands(registry: Registry, repository: str, digest: str) -> list[Command]:
    """Pull and run by digest, as one types them."""
    reference = f"{registry.host}/{repository}@{digest}"
    return [Command(_("Pull"), f"docker pull {reference}"), Command(_("Run"), f"docker run --rm {reference}")]
