"""Which signatures a digest has by one key: asked of the registry, checked by our verifier, believed of no database."""

import asyncio
from collections.abc import Sequence

from harborweb.registry.client import Client, NotFound
from harborweb.signing.places import sig_tag
from harborweb.verification import bundle
from harborweb.verification.bundle import judge_bundle
from harborweb.verification.keys import PublicKey
from harborweb.verification.manifest import Manifest, read_manifest
from harborweb.verification.simple_signing import judge_layer
from harborweb.verification.strict import Malformed
from harborweb.verification.verdict import SIMPLE_SIGNING, Finding, Verdict

MOST = 256  # referrers, or layers, that are looked at: those of an image that has more are not "already signed"
LONGEST = 128 * 1024  # what we sign is shorter by far; sixteen images are looked at side by side


async def signatures_by(client: Client, repository: str, digest: str, key: PublicKey) -> list[Finding]:
    """Every good signature of `digest` by `key`; raises RegistryError where the registry does not say.

    A failure is never taken for "none": else a digest would be signed twice.
    """
    client, repository = client.signatures_of(repository)
    found: Sequence[list[Finding]] = await asyncio.gather(
        _simple(client, repository, digest, key), _bundles(client, repository, digest, key)
    )
    return [one for some in found for one in some if one.verdict == Verdict.TRUSTED]


async def _simple(client: Client, repository: str, digest: str, key: PublicKey) -> list[Finding]:
    try:
        manifest = await client.manifest(repository, sig_tag(digest))
    except NotFound:
        return []
    found = []
    # The newest come last; strangers may have laid many before ours.
    for layer in (read.layers if (read := _read(manifest.body)) else ())[-MOST:]:
        if layer.size <= LONGEST:
            payload = await _blob(client, repository, layer.digest)
            found.append(judge_layer(payload, layer.annotations, digest, [key], {}, f"tag {sig_tag(digest)}"))
    return [one for one in found if one.verdict == Verdict.TRUSTED]


async def _bundles(client: Client, repository: str, digest: str, key: PublicKey) -> list[Finding]:
    listed = (await client.referrers(repository, digest)).descriptors
    found = []
    for one in list(dict.fromkeys(str(each["digest"]) for each in listed))[:MOST]:
        try:
            read = _read((await client.manifest(repository, one)).body)
        except NotFound:
            continue
        if read is None or read.subject != digest or len(read.layers) != 1:
            continue
        [layer] = read.layers
        if layer.media_type.startswith(bundle.MEDIA_TYPE_PREFIX) and layer.size <= LONGEST:
            held = await _blob(client, repository, layer.digest)
            found.append(judge_bundle(held, digest, [key], {}, f"referrer {one}"))
    return found


async def _blob(client: Client, repository: str, digest: str) -> bytes:
    try:
        return await client.blob(repository, digest, LONGEST)
    except NotFound:
        return b""  # listed and not there: no signature


def _read(body: bytes) -> Manifest | None:
    try:
        return read_manifest(body)
    except Malformed:
        return None


def format_of(finding: Finding) -> str:
    """A finding's format as `formats.Format` names it."""
    return "simple" if finding.format == SIMPLE_SIGNING else "bundle"
