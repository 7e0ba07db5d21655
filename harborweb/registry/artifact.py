"""What a page shows of one artifact, and of one page of tags; each part fails alone."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from harborweb.registry import names
from harborweb.registry.client import Client, Manifest, TagPage
from harborweb.registry.errors import NotFound, RegistryError
from harborweb.registry.image import Config, config_of, count, mapping, platform_of, text

CONFIG_TYPES = frozenset({"application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"})
CONFIG_BYTES = 1024 * 1024
CHILDREN = 200
COSIGN_KINDS = ("sig", "att", "sbom")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Child:
    """One manifest of an index."""

    digest: str
    platform: str
    media_type: str
    size: int | None


@dataclass(frozen=True)
class Referrer:
    """Something that refers to the artifact: a referrer, or one of cosign's tags (`tag` is set then)."""

    digest: str
    artifact_type: str
    size: int | None
    tag: str = ""
    kind: str = ""  # what is at the tag: "sig", "att" or "sbom"


@dataclass(frozen=True)
class Artifact:
    """One artifact as the registry holds it now.

    `tag_digest` is where the tag points now ("" when no tag was asked for, None when the tag is gone);
    `troubles` are the parts that could not be read.
    """

    manifest: Manifest
    size: int | None
    children: list[Child]
    more_children: int
    config: Config | None
    referrers: list[Referrer]
    tag_digest: str | None = ""
    troubles: list[RegistryError] = field(default_factory=list)

    @property
    def pretty(self) -> str:
        """The manifest's JSON, indented; its digest is of the bytes, not of this."""
        return json.dumps(self.manifest.content, indent=2, ensure_ascii=False)


@dataclass(frozen=True)
class Row:
    """Tags of one page that point to the same digest; `digest` is empty where it could not be read."""

    tags: list[str]
    digest: str
    media_type: str = ""
    is_index: bool = False
    size: int | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Tags:
    """One page of a repository's tags, cosign's own folded away (`folded` is how many)."""

    rows: list[Row]
    count: int
    folded: int
    last: str | None


async def read_artifact(client: Client, repository: str, digest: str, tag: str = "") -> Artifact:
    """Everything the artifact page shows, asked at once; raises RegistryError without the manifest itself."""
    manifest = await client.manifest(repository, digest)
    troubles: list[RegistryError] = []

    async def guarded(part: Coroutine[Any, Any, Value], without: Value) -> Value:
        try:
            return await part
        except RegistryError as error:
            troubles.append(error)
            return without

    config, referrers, tagged, tag_digest = await asyncio.gather(
        guarded(_config(client, repository, manifest), None),
        guarded(_referrers(client, repository, digest), []),
        guarded(_cosign_tags(client, repository, digest), []),
        guarded(_points_to(client, repository, tag), ""),
    )
    children = _children(manifest)
    return Artifact(
        manifest, _size(manifest), children[:CHILDREN], max(0, len(children) - CHILDREN), config, referrers + tagged,
        tag_digest, troubles,
    )  # fmt: skip


async def read_page(client: Client, repository: str, page: TagPage, *, unfold: bool = False) -> Tags:
    """A page of tags with their digests: one request for each tag shown."""
    shown = page.tags if unfold else [tag for tag in page.tags if not names.COSIGN_TAG.fullmatch(tag)]
    rows = await read_rows(client, repository, shown)
    return Tags(rows, len(shown), len(page.tags) - len(shown), page.last)


async def read_rows(client: Client, repository: str, tags: list[str]) -> list[Row]:
    """Where each of `tags` points, tags of one digest together, in the order of their first tag."""
    manifests = await asyncio.gather(*(_or_trouble(client, repository, tag) for tag in tags))
    rows: dict[str, Row] = {}
    for tag, found in zip(tags, manifests, strict=True):
        if isinstance(found, RegistryError):
            rows[f"tag {tag}"] = Row([tag], "", trouble=found.message)
        elif found.digest in rows:
            rows[found.digest].tags.append(tag)
        else:
            rows[found.digest] = Row(
                [tag], found.digest, found.media_type, found.is_index, _size(found)
            )  # fmt: skip
    return list(rows.values())


async def find_tags(client: Client, repository: str, text: str, limit: int, most: int) -> tuple[list[str], bool]:
    """Up to `limit` tags that contain `text`; the flag says that not every tag was looked at or shown."""
    found: list[str] = []
    looked = 0
    async for tag in client.tags(repository):
        looked += 1
        if text.lower() in tag.lower() and not names.COSIGN_TAG.fullmatch(tag):
            found.append(tag)
        if len(found) > limit or looked >= most:
            return found[:limit], True
    return found, False


async def _or_trouble(client: Client, repository: str, tag: str) -> Manifest | RegistryError:
    try:
        return await client.manifest(repository, tag)
    except RegistryError as error:
        return error


async def _points_to(client: Client, repository: str, tag: str) -> str | None:
    if not tag:
        return ""
    try:
        return (await client.manifest(repository, tag)).digest
    except NotFound:
        return None


async def _cosign_tags(client: Client, repository: str, digest: str) -> list[Referrer]:
    found = await asyncio.gather(*(_cosign_tag(client, repository, digest, kind) for kind in COSIGN_KINDS))
    return [one for some in found for one in some]


async def _cosign_tag(client: Client, repository: str, digest: str, kind: str) -> list[Referrer]:
    tag = f"{names.fallback_tag(digest)}.{kind}"
    try:
        manifest = await client.manifest(repository, tag)
    except NotFound:
        return []
    return [Referrer(manifest.digest, manifest.media_type, len(manifest.body), tag, kind)]


async def _referrers(client: Client, repository: str, digest: str) -> list[Referrer]:
    found = await client.referrers(repository, digest)
    return [
        Referrer(str(one["digest"]), str(one.get("artifactType") or one.get("mediaType") or ""), count(one.get("size")))
        for one in found.descriptors
    ]


async def _config(client: Client, repository: str, manifest: Manifest) -> Config | None:
    """The image's configuration; None for an index and for what is no image."""
    descriptor = manifest.content.get("config")
    if not isinstance(descriptor, dict) or descriptor.get("mediaType") not in CONFIG_TYPES:
        return None
    body = await client.blob(repository, str(descriptor.get("digest")), CONFIG_BYTES)
    try:
        content = json.loads(body.decode())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise RegistryError(
            "server",
            _("The configuration of this image is no JSON object."),
            _("The image was pushed like this; look at what builds it."),
        )
    return config_of(content)


def _children(manifest: Manifest) -> list[Child]:
    listed = manifest.content.get("manifests") if manifest.is_index else None
    return [
        Child(one["digest"], platform_of(one.get("platform")), text(one.get("mediaType")), count(one.get("size")))
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and names.is_digest(text(one.get("digest")))
    ]


def _size(manifest: Manifest) -> int | None:
    """What a pull moves: configuration and layers; None for an index, whose children have their own."""
    if manifest.is_index:
        return None
    layers = manifest.content.get("layers")
    parts = [manifest.content.get("config"), *(layers if isinstance(layers, list) else [])]
    return sum(count(mapping(part).get("size")) or 0 for part in parts)
