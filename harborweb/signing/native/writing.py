"""Lay signatures beside an image, without losing anybody else's.

Where a list has to be read, lengthened and written back (a `.sig` manifest; the fallback index of a registry without
referrers API), two writers at once would lose one of the two. harborweb's own take turns (`turns.of`); for strangers,
such as a cosign in somebody's pipeline, the list is read again after it was written, and lengthened once more where
the new entry is gone.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from harborweb.errors import Problem
from harborweb.registry import names
from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST, Client, Manifest, NotFound
from harborweb.registry.paths import push
from harborweb.signing.native import forms
from harborweb.signing.native.opening import OpenKey
from harborweb.signing.places import sig_tag
from harborweb.verification.manifest import read_manifest
from harborweb.verification.strict import Malformed

ATTEMPTS = 5
MOST_LAYERS = 1000  # cosign's own bound


@dataclass(frozen=True)
class Target:
    """What is signed: a manifest (its bytes' digest, type and length) in a repository."""

    repository: str
    manifest: Manifest

    @property
    def subject(self) -> dict[str, Any]:
        """The descriptor that a referrer points with."""
        one = self.manifest
        return {"mediaType": one.media_type, "size": len(one.body), "digest": one.digest}


async def write_simple(client: Client, target: Target, signer: OpenKey, annotations: Mapping[str, str]) -> str:
    """Add a simple-signing layer to the `.sig` manifest of `target`; that manifest's digest.

    Raises RegistryError, and Problem where the tag holds something that is no list of signatures.
    """
    digest = target.manifest.digest
    signed = forms.payload(f"{client.endpoint.host}/{target.repository}", digest, annotations)
    client, repository = client.signatures_of(target.repository)
    layer = forms.simple_layer(signer, signed)
    await client.put_blob(repository, signed)
    tag = sig_tag(digest)
    for attempt in range(ATTEMPTS):
        layers = await _layers(client, repository, tag)
        if layer in layers:
            return (await client.manifest(repository, tag)).digest
        if len(layers) >= MOST_LAYERS:
            raise _no_list(tag, _("it is full"))
        layers.append(layer)
        config = forms.simple_config(layers)
        await client.put_blob(repository, config)
        body = forms.simple_manifest(config, layers)
        await client.put_manifest(repository, tag, body, OCI_MANIFEST)
        if layer in await _layers(client, repository, tag):
            return names.digest_of(body)
        await _aside(attempt)
    raise _never_still(tag)


async def _layers(client: Client, repository: str, tag: str) -> list[dict[str, Any]]:
    """The signatures at a `.sig` tag as they stand there, none where there is no such tag."""
    try:
        manifest = await client.manifest(repository, tag)
    except NotFound:
        return []
    try:
        read = read_manifest(manifest.body)
    except Malformed as error:
        raise _no_list(tag, str(error)) from error
    if read.is_index:
        raise _no_list(tag, _("it holds an index"))
    return list(manifest.content["layers"])


async def write_bundle(
    client: Client, target: Target, signer: OpenKey, annotations: Mapping[str, str], made: datetime
) -> str:
    """Add a bundle that refers to `target`, listed where the registry has no referrers API; its manifest's digest.

    Written again with the same time and annotations it is the same bytes, so that what a killed worker had half done
    is done once. Raises RegistryError, and Problem where the fallback tag holds no list.
    """
    client, repository = client.signatures_of(target.repository)
    held = forms.bundle_of(signer, target.manifest.digest, annotations)
    body = forms.bundle_manifest(held, target.subject, made)
    await asyncio.gather(client.put_blob(repository, held), client.put_blob(repository, forms.NOTHING))
    digest = names.digest_of(body)
    answer = await client.ask(
        "PUT", f"/v2/{repository}/manifests/{digest}", scope=push(repository), what=f"{repository}@{digest}",
        data=body, headers={"Content-Type": OCI_MANIFEST}, expected=201,
    )  # fmt: skip
    if not answer.headers.get("OCI-Subject"):  # distribution specification 1.1: so says who has the referrers API
        await _list(client, repository, names.fallback_tag(target.manifest.digest), forms.referrer(body))
    return digest


async def _list(client: Client, repository: str, tag: str, entry: dict[str, Any]) -> None:
    for attempt in range(ATTEMPTS):
        listed = await _listed(client, repository, tag)
        if entry["digest"] in {one.get("digest") for one in listed}:
            return
        await client.put_manifest(repository, tag, forms.index([*listed, entry]), OCI_INDEX)
        if entry["digest"] in {one.get("digest") for one in await _listed(client, repository, tag)}:
            return
        await _aside(attempt)
    raise _never_still(tag)


async def _listed(client: Client, repository: str, tag: str) -> list[dict[str, Any]]:
    try:
        manifest = await client.manifest(repository, tag)
    except NotFound:
        return []
    listed = manifest.content.get("manifests")
    if not manifest.is_index or not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _no_list(tag, _("it holds no index"))
    return listed


async def _aside(attempt: int) -> None:
    """Wait a little at random: whoever wrote in between may do so again."""
    await asyncio.sleep(random.uniform(0.05, 0.2) * (attempt + 1))  # noqa: S311 (no secret)


def _no_list(tag: str, why: str) -> Problem:
    return Problem(
        _("The tag %(tag)s holds something that is no list of signatures: %(why)s.") % {"tag": tag, "why": why},
        _("Nothing was overwritten. Look at who pushed it, delete that tag, then sign again."),
    )


def _never_still(tag: str) -> Problem:
    return Problem(
        _("Somebody else keeps writing the tag %s, and our signature was lost from it each time.") % tag,
        _("Sign again when they have finished."),
    )
