"""Where in a registry the signatures of a digest are stored."""

from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync

from harborweb.registry.client import Client, NotFound
from harborweb.registry.endpoint import Endpoint
from harborweb.registry.names import fallback_tag
from harborweb.signing.native.forms import EMPTY
from harborweb.tools.cosign import CA_FILE, Access
from harborweb.verification.bundle import MEDIA_TYPE


@dataclass(frozen=True)
class Place:
    """One manifest that holds signatures: a referrer (listed by the API or by the fallback tag), or a .sig tag."""

    digest: str
    source: str  # "api", "tag" or "sig"
    tag: str = ""

    def shown(self) -> dict[str, str]:
        """As a job's result keeps it."""
        return {"digest": self.digest, "source": self.source, "tag": self.tag}


def access(endpoint: Endpoint) -> Access:
    """How cosign reaches the registry, run where `cosign.workspace` has laid its files.

    Where the signatures are in another registry it is reached by the same call. Only an http address gets the flags
    for http: in 2.5 they also turn the check of certificates off.
    """
    both = (endpoint, endpoint.of_signatures)
    return Access(any(one.base.scheme == "http" for one in both), CA_FILE if any(one.ca_pem for one in both) else "")


def sig_tag(digest: str) -> str:
    """The tag of simple signing: sha256-<hex>.sig."""
    return f"{fallback_tag(digest)}.sig"


def stored(endpoint: Endpoint, repository: str, digest: str) -> set[Place]:
    """Every bundle and the .sig tag that the registry has for `digest`; raises RegistryError."""
    return async_to_sync(_stored)(endpoint, repository, digest)


async def _stored(endpoint: Endpoint, repository: str, digest: str) -> set[Place]:
    async with Client(endpoint) as asked:
        client, repository = asked.signatures_of(repository)
        referrers = await client.referrers(repository, digest)
        fallback = fallback_tag(digest) if referrers.source == "tag" else ""
        places = {
            Place(one["digest"], referrers.source, fallback) for one in referrers.descriptors if _may_be_bundle(one)
        }
        try:
            manifest = await client.manifest(repository, sig_tag(digest))
        except NotFound:
            return places
        return places | {Place(manifest.digest, "sig", sig_tag(digest))}


def _may_be_bundle(descriptor: dict[str, Any]) -> bool:
    """In a fallback index the type may be missing or that of the empty configuration (facts/cosign.md)."""
    return descriptor.get("artifactType") in (MEDIA_TYPE, EMPTY, None, "")


def points_to(endpoint: Endpoint, repository: str, reference: str) -> str | None:
    """The digest that `reference` (tag or digest) names now; None when it is gone; raises RegistryError."""
    return async_to_sync(_points_to)(endpoint, repository, reference)


async def _points_to(endpoint: Endpoint, repository: str, reference: str) -> str | None:
    async with Client(endpoint) as client:
        try:
            return (await client.manifest(repository, reference)).digest
        except NotFound:
            return None
