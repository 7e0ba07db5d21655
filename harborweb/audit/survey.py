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
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from harborweb.audit.badges import badge_of
from harborweb.audit.collect import Options
from harborweb.registry import names
from harborweb.registry.client import Client, Manifest, NotFound, RegistryError
from harborweb.registry.harbor import browsing
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.reading import Artifact
from harborweb.verification.manifest import read_manifest
from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed

COSIGN_TAG = re.compile(r"sha256-[0-9a-f]{64}\.(?:sig|att|sbom)")
REFERRERS_TAG = re.compile(r"sha256-[0-9a-f]{64}")
WITHHELD = 412  # by a policy of Harbor's: content trust, or vulnerabilities
# Where a Harbor's own lists are closed to us, what every registry lists is asked instead.
CLOSED = {"forbidden", "unauthorized"}


@dataclass
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
    withheld: bool = False  # a policy of Harbor's keeps its manifest from us; its children are Harbor's word alone
    badge: str = ""  # what Harbor's list shows (audit.badges)
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
    client: Client, repository: str, options: Options, only: Sequence[str] | None = None
) -> dict[str, Row]:
    """Every row of `repository` by digest (by "tag <name>" where a tag cannot be read).

    With `only`, tags and digests, those alone and what they list. Raises RegistryError when the tags cannot be
    listed.
    """
    rows = None
    if only is not None:
        rows = await _named(client, repository, only, options)
    elif await client.is_harbor():
        rows = await _listed_by_harbor(client, repository, options)
    if rows is None:
        rows = await _tagged(client, repository, options)
    for row in rows.values():
        row.tags.sort()
    await _follow(client, repository, rows, options)
    return rows


async def _tagged(client: Client, repository: str, options: Options) -> dict[str, Row]:
    """What every registry lists: the tags, each asked where it points."""
    tags = [tag async for tag in client.tags(repository) if not COSIGN_TAG.fullmatch(tag)]
    return await _named(client, repository, tags, options)


async def _named(client: Client, repository: str, references: Sequence[str], options: Options) -> dict[str, Row]:
    """Where tags point, with them, and what stands at digests."""
    rows: dict[str, Row] = {}
    for name, row in zip(references, await _all(client, repository, references, options), strict=True):
        if REFERRERS_TAG.fullmatch(name) and row.may_list_referrers:
            continue
        known = rows.setdefault(row.digest, row)
        if ":" not in name:
            known.tags.append(name)
    return rows


async def _listed_by_harbor(client: Client, repository: str, options: Options) -> dict[str, Row] | None:
    """What Harbor lists, artifacts without a tag too; None where its list is closed to us."""
    harbor = Harbor(client.endpoint, client.limits, client.transport)
    try:
        listed = [one async for one in browsing.every_artifact(harbor, repository)]
    except RegistryError as error:
        if error.kind not in CLOSED:
            raise
        return None
    artifacts = {one.digest: one for one in listed if not _made_by_cosign(one)}
    rows = await _all(client, repository, list(artifacts), options)
    for row, artifact in zip(rows, artifacts.values(), strict=True):
        row.tags = [tag.name for tag in artifact.tags]
        row.badge, row.pulled = badge_of(artifact.signatures), artifact.pulled
    return {row.digest: row for row in rows if not (row.may_list_referrers and _lists_referrers(row))}


def _lists_referrers(row: Row) -> bool:
    """Whether it is what a client keeps where a registry has no referrers API; a tag of its own makes it a row."""
    row.tags, kept = [tag for tag in row.tags if not REFERRERS_TAG.fullmatch(tag)], row.tags
    return bool(kept) and not row.tags


def _made_by_cosign(artifact: Artifact) -> bool:
    """Whether every tag of it is one of cosign's: Harbor lists an attestation of cosign 2 like an image."""
    return bool(artifact.tags) and all(COSIGN_TAG.fullmatch(tag.name) for tag in artifact.tags)


async def _follow(client: Client, repository: str, rows: dict[str, Row], options: Options) -> None:
    """Add the children of the indexes in `rows`, level by level."""
    level = [row for row in rows.values() if row.children]
    for depth in range(options.depth + 1):
        fresh: dict[str, str] = {}
        for row in level:
            for position, child in enumerate(row.children):
                if child not in rows:
                    fresh.setdefault(child, _beyond(row, position, depth, options))
        readable = [child for child, problem in fresh.items() if not problem]
        for found in await _all(client, repository, readable, options):
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


async def _all(client: Client, repository: str, references: Sequence[str], options: Options) -> list[Row]:
    """The rows of many tags or digests, in order."""
    slots = asyncio.Semaphore(options.concurrency)

    async def one(reference: str) -> Row:
        async with slots:
            return await fetched(client, repository, reference)

    return list(await asyncio.gather(*(one(reference) for reference in references)))


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
    try:
        children = read_manifest(manifest.body).children
        row.children = list(dict.fromkeys(child.digest for child in children))
        row.platforms = {child.digest: child.platform for child in children if child.platform}
    except Malformed as error:
        if row.is_index:  # what it lists would fall out of the table unseen
            row.problem = error.reason
        return row
    listed = manifest.content["manifests"] if manifest.is_index else [{"platform": {}}]
    row.may_list_referrers = not any("platform" in one for one in listed)
    return row
