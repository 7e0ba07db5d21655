"""One digest: looked at, signed natively, and read back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.registry.client import Client, Manifest, NotFound, RegistryError
from harborweb.signing import looking, words
from harborweb.signing.formats import Format
from harborweb.signing.native import writing
from harborweb.signing.native.opening import OpenKey
from harborweb.verification.keys import PublicKey
from harborweb.verification.manifest import read_manifest
from harborweb.verification.strict import Malformed


@dataclass(frozen=True)
class Order:
    """What is to be looked at or signed; `tag`, unless it is empty, has to point to `digest`."""

    repository: str
    digest: str
    tag: str = ""


@dataclass
class Seen:
    """What the registry has: the manifest, the formats in which the key has signed it, and what an index lists.

    `problem` says why it cannot be signed; with `moved` because the tag points elsewhere.
    """

    manifest: Manifest | None = None
    formats: set[str] = field(default_factory=set)
    children: tuple[str, ...] = ()
    problem: Problem | None = None
    moved: bool = False


async def see(client: Client, order: Order, key: PublicKey) -> Seen:
    """Look at one digest; what goes wrong is its `problem`, nothing is raised."""
    try:
        return await _see(client, order, key)
    except (RegistryError, Problem) as problem:
        return Seen(problem=problem)


async def _see(client: Client, order: Order, key: PublicKey) -> Seen:
    if not order.digest.startswith("sha256:"):
        return Seen(problem=Problem(_("cosign signs SHA-256 digests only."), _("Push the image again.")))
    try:
        manifest = await client.manifest(order.repository, order.tag or order.digest)
    except NotFound:
        return Seen(problem=await _gone(client, order))
    if manifest.digest != order.digest:
        return Seen(problem=words.tag_moved(order.tag, order.digest, manifest.digest), moved=True)
    mine = await looking.signatures_by(client, order.repository, order.digest, key)
    return Seen(manifest, {looking.format_of(one) for one in mine}, _children(manifest))


async def _gone(client: Client, order: Order) -> Problem:
    if order.tag:
        try:
            await client.manifest(order.repository, order.digest)
        except NotFound:
            pass
        else:
            return words.tag_gone(order.tag, order.digest)
    return words.image_gone(f"{order.repository}@{order.digest}")


def _children(manifest: Manifest) -> tuple[str, ...]:
    """What an index lists; nothing for an image, and for what cannot be read."""
    if not manifest.is_index:
        return ()
    try:
        return tuple(dict.fromkeys(one.digest for one in read_manifest(manifest.body).children))
    except Malformed:
        return ()


async def sign(
    client: Client, order: Order, seen: Seen, signer: OpenKey, formats: list[str], annotations: Mapping[str, str],
    made: datetime,
) -> dict[str, str]:  # fmt: skip
    """Write those of `formats` that are missing; by format the manifest that holds it now.

    What was written is read back and verified with the public key before it counts. Raises RegistryError or Problem.
    """
    if seen.manifest is None:
        raise seen.problem or words.image_gone(order.repository)
    target = writing.Target(order.repository, seen.manifest)
    written = {}
    for one in formats:
        if one in seen.formats:
            continue
        if one == Format.SIMPLE:
            written[one] = await writing.write_simple(client, target, signer, annotations)
        else:
            written[one] = await writing.write_bundle(client, target, signer, annotations, made)
    mine = await looking.signatures_by(client, order.repository, order.digest, signer.public)
    if missing := [one for one in formats if one not in {looking.format_of(each) for each in mine}]:
        raise Problem(
            _("The registry took the signature and does not give it back: %s.") % ", ".join(missing),
            _("Look at the registry’s storage and at who else writes there, then sign again."),
        )
    return written
