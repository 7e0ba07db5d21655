"""Which rows there are: the artifacts of a repository, and the repositories of a registry.

One row for each tagged manifest (tags of one digest joined) and for each child of an index, followed through
nested indexes. Tags that cosign makes (`sha256-<hex>.sig`, `.att`, `.sbom`) are no rows, nor is the tag
`sha256-<hex>` where it holds a list of referrers: an index without the platforms that those of images name. What
is listed and cannot be read is a row too, `unchecked`: nothing may fall out of the table unseen.

Harbor is asked by its own API: robots may not read its catalog, artifacts without a tag are in no list of tags, and
a project that enforces content trust answers 412 for the manifest of an unsigned image, while its lists and the
places of signatures stay open. Signatures are judged by digest, which needs no manifest; what an index lists is
proven by its bytes alone.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from harborweb.audit.badge.harbor import badge_of
from harborweb.audit.judging.collect import WITHHELD, Options
from harborweb.audit.judging.remembered import Memory, same_manifest
from harborweb.registry import names
from harborweb.registry.client import (
    DOCKER_MANIFEST,
    OCI_MANIFEST,
    Client,
    Manifest,
    NotFound,
    RegistryError,
)
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.reading import Artifact
from harborweb.registry.paths import manifest_path
from harborweb.registry.plain import AS_BEFORE
from harborweb.verification.manifest import read_manifest
from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed

REFERRERS_TAG = re.compile(r"sha256-[0-9a-f]{64}")
BUNCH = 256  # artifacts that are asked for side by side
PLAIN_TYPES = {OCI_MANIFEST, DOCKER_MANIFEST}
HELD_BYTES = 32 * 1024 * 1024  # of the manifests of one repository
# Where a Harbor's own lists are closed to us, what every registry lists is asked instead.
CLOSED = {"forbidden", "unauthorized"}


@dataclass(slots=True)
class Row:
    """One artifact to be judged; `problem` says why it cannot be."""

    digest: str
    tags: list[str] = field(default_factory=list)
    body: bytes = b""
    children: list[str] = field(default_factory=list)
    parents: list[str] = field(default_factory=list)
    problem: str = ""
    is_index: bool = False
    may_list_referrers: bool = False
    media_type: str = ""  # of a manifest that is no index, as the registry named it
    # What Harbor lists at the places of its signatures: (digest, what Harbor calls it, or the tag); None elsewhere
    listed: tuple[tuple[str, str], ...] | None = None
    unread: bool = False  # its bytes were read and hashed, and are not kept here
    withheld: bool = False  # a policy of Harbor's keeps its manifest from us; its children are Harbor's word alone
    badge: str = ""  # what Harbor's list shows (audit.badge.harbor)
    pulled: datetime | None = None
    platforms: dict[str, str] = field(default_factory=dict)  # of the children, as far as the index says
    platform: str = ""


async def repositories_of(client: Client) -> list[str]:
    """Every repository we may see; raises RegistryError where there is no list, or not all of it can be read."""
    if not await client.is_harbor():
        return [name async for name in client.repositories()]
    harbor = Harbor(client.endpoint, client.limits, client.transport)
    try:
        return [one.name async for one in browsing.every_repository(harbor)]
    except RegistryError as error:
        if error.kind not in CLOSED:
            raise
        closed = error
    try:
        return [name async for name in client.repositories()]
    except RegistryError:
        raise closed from None  # that right is easier to give than Harbor's catalog, which only people may read


async def survey(
    client: Client, repository: str, options: Options, only: Sequence[str] | None = None, memory: Memory | None = None
) -> dict[str, Row]:
    """Every row of `repository` by digest (by "tag <name>" where a tag cannot be read).

    With `only`, tags and digests, those alone and what they list. Manifests that are in `memory` are read again, and
    not taken to pieces again where their bytes are the same. Raises RegistryError when the tags cannot be
    listed.
    """
    read = _Reading(client, repository, options, memory or {})
    client.forget()
    rows = None
    if only is not None:
        rows = await _named(read, only)
    elif await client.is_harbor():
        rows = await _listed_by_harbor(read)
    if rows is None:
        rows = await _tagged(read)
    for row in rows.values():
        row.tags.sort()
    await _follow(read, rows)
    return rows


async def _tagged(read: "_Reading") -> dict[str, Row]:
    """What every registry lists: the tags, each asked where it points."""
    tags = [tag async for tag in read.client.tags(read.repository) if not names.ACCESSORY_TAG.fullmatch(tag)]
    return await _named(read, tags)


async def _named(read: "_Reading", references: Sequence[str]) -> dict[str, Row]:
    """Where tags point, with them, and what stands at digests."""
    rows: dict[str, Row] = {}
    for name, row in zip(references, await read.all(references), strict=True):
        if REFERRERS_TAG.fullmatch(name) and row.may_list_referrers:
            continue
        known = rows.setdefault(row.digest, row)
        if ":" not in name:
            known.tags.append(name)
    return rows


async def _listed_by_harbor(read: "_Reading") -> dict[str, Row] | None:
    """What Harbor lists, artifacts without a tag too; None where its list is closed to us.

    Of a proxy cache that is refused: its tags are the upstream's, and to read them all would fetch and keep them all.
    """
    client, repository = read.client, read.repository
    harbor = Harbor(client.endpoint, client.limits, client.transport)
    try:
        listed = [one async for one in browsing.every_artifact(harbor, repository)]
    except RegistryError as error:
        if error.kind not in CLOSED or await _is_cache(harbor, repository):
            raise
        return None
    artifacts = {one.digest: one for one in listed if not _made_by_cosign(one)}
    told = _places_told(listed)
    known = {one.digest: one for one in artifacts.values() if one.media_type in PLAIN_TYPES and not one.references}
    found = {row.digest: row for row in await read.all([digest for digest in artifacts if digest not in known])}
    found |= {digest: Row(digest, media_type=one.media_type, unread=True) for digest, one in known.items()}
    rows = [found[digest] for digest in artifacts if digest in found]
    for row in rows:
        artifact = artifacts[row.digest]
        row.listed = (*told.get(row.digest, ()), *sorted((one.digest, one.type) for one in artifact.accessories))
        row.tags = [tag.name for tag in artifact.tags if not names.ACCESSORY_TAG.fullmatch(tag.name)]
        row.badge, row.pulled = badge_of(artifact.signatures), artifact.pulled
    return {row.digest: row for row in rows if not (row.may_list_referrers and _lists_referrers(row))}


async def _is_cache(harbor: Harbor, repository: str) -> bool:
    """Whether Harbor fetches what is asked for there from an upstream, as far as its list of projects says."""
    project = repository.partition("/")[0]
    page = await browsing.projects(harbor, named=[project], size=1)
    return any(one.proxies is not None for one in page.items if one.name == project)


def _places_told(listed: Sequence[Artifact]) -> dict[str, list[tuple[str, str]]]:
    """By digest, the tags of cosign's that Harbor lists as artifacts of their own: (digest, tag)."""
    told: dict[str, list[tuple[str, str]]] = {}
    for artifact in listed:
        for tag in artifact.tags:
            if names.COSIGN_TAG.fullmatch(tag.name):
                about = tag.name.partition(".")[0].replace("-", ":", 1)
                told.setdefault(about, []).append((artifact.digest, tag.name))
    return {digest: sorted(ones) for digest, ones in told.items()}


def _lists_referrers(row: Row) -> bool:
    """Whether it is what a client keeps where a registry has no referrers API; a tag of its own makes it a row."""
    row.tags, kept = [tag for tag in row.tags if not REFERRERS_TAG.fullmatch(tag)], row.tags
    return bool(kept) and not row.tags


def _made_by_cosign(artifact: Artifact) -> bool:
    """Whether every tag of it is one of cosign's: Harbor lists an attestation of cosign 2 like an image."""
    return bool(artifact.tags) and all(names.ACCESSORY_TAG.fullmatch(tag.name) for tag in artifact.tags)


async def _follow(read: "_Reading", rows: dict[str, Row]) -> None:
    """Add the children of the indexes in `rows`, level by level."""
    options = read.options
    level = [row for row in rows.values() if row.children]
    for depth in range(options.depth + 1):
        fresh: dict[str, str] = {}
        for row in level:
            for position, child in enumerate(row.children):
                if child not in rows:
                    fresh.setdefault(child, _beyond(row, position, depth, options))
        readable = [child for child, problem in fresh.items() if not problem]
        for found in await read.all(readable):
            rows[found.digest] = found
        for child, problem in fresh.items():
            rows.setdefault(child, Row(child, problem=problem))
        level = [rows[child] for child in readable if rows[child].children]
    for digest, row in rows.items():
        for child in row.children:
            if child in rows and digest not in rows[child].parents:
                rows[child].platform = agreed(rows[child], row)
                rows[child].parents.append(digest)


def agreed(child: Row, index: Row) -> str:
    """The platform of `child`, which `index` lists too: nothing where two indexes say different things."""
    said = index.platforms.get(child.digest, "")
    return said if said == child.platform or not child.parents else ""


def _beyond(index: Row, position: int, depth: int, options: Options) -> str:
    """Why a child of `index` is not followed, or nothing."""
    if depth >= options.depth:
        return _("Indexes are nested deeper than %(limit)s; this one is not followed.", limit=options.depth)
    if position >= options.children:
        return _(
            "The index %(digest)s lists %(n)s manifests; only the first %(limit)s are followed.",
            digest=index.digest, n=len(index.children), limit=options.children,
        )  # fmt: skip
    return ""


class _Reading:
    """Reads manifests, many side by side."""

    def __init__(self, client: Client, repository: str, options: Options, memory: Memory) -> None:
        self.client, self.repository, self.options, self.memory = client, repository, options, memory
        self.slots = asyncio.Semaphore(options.concurrency)
        self.held = 0  # bytes
        plain = [(digest, one) for digest, one in memory.items() if one.media_type and names.is_digest(digest)]
        self.before = {tag: digest for digest, one in plain for tag in one.tags}  # where tags pointed

    async def all(self, references: Sequence[str]) -> list[Row]:
        """The rows of many tags or digests, in order."""
        found: dict[str, Row] = {}
        for some in bunches(references):
            paths = {one: manifest_path(self.repository, one) for one in some}
            known = {paths[one]: self.before[one] for one in some if one in self.before}
            await self.client.ahead(self.repository, list(paths.values()), known=known)
            there = [one for one in some if self.client.kept_ahead(manifest_path(self.repository, one))]
            for reference in filter(REFERRERS_TAG.fullmatch, there):  # a place of signatures, asked about again soon
                self.client.spare(paths[reference])
            for reference in there:  # no waiting: the answer is here
                found[reference] = self._as_before(reference) or await self.one(reference)
            rest = [reference for reference in some if reference not in found]
            found |= zip(rest, await asyncio.gather(*(self.one(reference) for reference in rest)), strict=True)
        return [found[reference] for reference in references]

    def _as_before(self, reference: str) -> Row | None:
        answer = self.client.kept_ahead(manifest_path(self.repository, reference)) if self.memory else None
        if answer and answer.status == AS_BEFORE:
            digest = self.before[reference]
            return Row(digest, media_type=self.memory[digest].media_type, unread=True)
        digest = same_manifest(answer, self.memory) if answer else ""
        if not digest or reference not in {digest, reference.replace(":", "")}:
            return None
        return Row(digest, media_type=self.memory[digest].media_type, unread=True)

    async def one(self, reference: str) -> Row:
        """The row of a tag or digest; of very many, the bytes are let go and read again when they are needed."""
        async with self.slots:
            row = await fetched(self.client, self.repository, reference)
        self.held += len(row.body)
        if self.held > HELD_BYTES and not row.is_index and row.body:
            row.body, row.unread = b"", True
        return row


def bunches(items: Sequence[str]) -> Iterator[Sequence[str]]:
    """`items` in pieces that are asked for together."""
    return (items[start : start + BUNCH] for start in range(0, len(items), BUNCH))


async def cosign_tags(client: Client, repository: str) -> frozenset[str] | None:
    """All tags of cosign's that `repository` lists now; None where its list does not tell.

    A list that names one of them shows such tags; one that names none might be of a registry that hides them.
    """
    try:
        tags = frozenset([tag async for tag in client.tags(repository) if names.COSIGN_TAG.fullmatch(tag)])
    except RegistryError:
        return None  # the places themselves say what is wrong
    return tags or None


async def fetched(client: Client, repository: str, reference: str) -> Row:
    """The row of a tag or digest; where it cannot be read, one with the problem."""
    name = reference if ":" in reference else f"tag {reference}"
    try:
        return await present(client, repository, reference)
    except NotFound:
        return Row(name, problem=_("The registry lists %(name)s but has no such manifest.", name=name))
    except RegistryError as error:
        return Row(name, problem=error.message)


async def present(client: Client, repository: str, reference: str) -> Row:
    """The row of a tag or digest; raises NotFound where the registry says that it is not there, RegistryError."""
    try:
        return _row(await client.manifest(repository, reference))
    except RegistryError as error:
        if error.status != WITHHELD or not await client.is_harbor():
            raise
        return await _withheld(client, repository, reference, error)


async def _withheld(client: Client, repository: str, reference: str, error: RegistryError) -> Row:
    """The row of a manifest that a policy of Harbor's keeps from everybody, as Harbor's own API tells of it.

    Raises `error`, which leaves it unchecked, where Harbor tells of another artifact or of a child without a digest.
    """
    try:
        harbor = Harbor(client.endpoint, client.limits, client.transport)
        artifact = await browsing.artifact(harbor, repository, reference)
    except RegistryError as closed:
        raise error from closed
    children = list(dict.fromkeys(one.digest for one in artifact.references))
    asked = reference if ":" in reference else artifact.digest
    if artifact.digest != asked or not all(map(names.is_digest, [artifact.digest, *children])):
        raise error
    listing = bool(children) and not any(one.platform for one in artifact.references)
    return Row(
        artifact.digest, children=children, is_index=bool(children), may_list_referrers=listing, withheld=True
    )  # fmt: skip


def _row(manifest: Manifest) -> Row:
    row = Row(manifest.digest, body=manifest.body, is_index="manifests" in manifest.content)
    if not row.is_index:
        row.media_type = "" if manifest.is_index else manifest.media_type
        return row
    try:
        children = read_manifest(manifest.body).children
        row.children = list(dict.fromkeys(child.digest for child in children))
        row.platforms = {child.digest: child.platform for child in children if child.platform}
    except Malformed as error:
        row.problem = error.reason  # what it lists would fall out of the table unseen
        return row
    listed = manifest.content["manifests"] if manifest.is_index else [{"platform": {}}]
    row.may_list_referrers = not any("platform" in one for one in listed)
    return row
