"""The places of a repository's signatures, asked for by the bunch before each artifact is judged, and how they looked.

A look is a hash over what was read at every place of one artifact: the bytes of its tags' manifests and of its list of
referrers, each hashed here and never taken from a header, with their media types, and which places there were not. What
these bytes name is content-addressed, so the same look under the same keys, bounds and rules (`basis`) means the same
verdict. There is no look where one place did not answer plainly.
"""

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from harborweb import verification
from harborweb.audit.judging import collect
from harborweb.audit.judging.collect import Options
from harborweb.audit.judging.survey import cosign_tags
from harborweb.registry import errors
from harborweb.registry.client import OCI_INDEX, SAID_SO, Client, NotFound, RegistryError
from harborweb.registry.names import digest_of, fallback_tag
from harborweb.registry.paths import blob_path, manifest_path, referrers_path
from harborweb.registry.plain import Plain
from harborweb.verification.keys import PublicKey
from harborweb.verification.manifest import is_digest
from harborweb.verification.simple_signing import plain_payload

ABSENT = "-"
COSIGN = "signature.cosign"  # Harbor's name of an accessory, a signature at its tag or a bundle
FRESH_SECONDS = 60
FEW = 4  # of what one place names is asked for ahead,
SMALL_BYTES = 64 * 1024  # where it is no larger
# Of the options, what says nothing of a verdict.
_BESIDE = {"weigh", "signatures", "concurrency", "seconds"}


@cache
def _rules() -> str:
    """A hash of what judges: another verifier remembers nothing of this one's."""
    whole = hashlib.sha256()
    for file in sorted([*Path(verification.__path__[0]).glob("*.py"), Path(collect.__file__)]):
        whole.update(file.read_bytes())
    return whole.hexdigest()


def basis(options: Options, keys: Sequence[PublicKey]) -> str:
    """All that a verdict depends on beside the registry's bytes; empty where that cannot be told."""
    if options.weigh is not None and not options.weighed_by:
        return ""
    fields = [one.name for one in dataclasses.fields(options) if one.name not in _BESIDE]
    parts = [(name, repr(getattr(options, name))) for name in fields]
    known = [(key.fingerprint, key.name) for key in keys]
    return hashlib.sha256(repr((_rules(), parts, known)).encode()).hexdigest()


class Places:
    """The places where signatures of a repository's artifacts lie: `repository` of `client`."""

    def __init__(
        self, client: Client, repository: str, under: str = "", *, lists: bool = False, slices: bool = False
    ) -> None:
        self.client = client
        self.repository = repository
        self.under = under  # a basis
        self.listed: frozenset[str] | None = None  # all tags of cosign's, where that is known
        self.has_api = True
        self._lists, self._slices = lists, slices
        self.settled = True  # the list was asked for after everything that is judged by it

    def beside(self, client: Client, repository: str) -> bool:
        """Whether signatures lie in the repository of what they sign."""
        return self.client is client and self.repository == repository

    async def _list(self) -> None:
        """Ask which places there are; what was asked for before this is older than the answer.

        Where only a slice of the repository is judged, a list of a moment ago will do; then `settled` says nothing.
        """
        slices = self._slices
        name, at, listed = self.client.cosign_tags
        self.settled = not slices or name != self.repository or time.monotonic() - at > FRESH_SECONDS
        if self.settled:
            listed = await cosign_tags(self.client, self.repository)
            if slices:
                self.client.cosign_tags = (self.repository, time.monotonic(), listed)
        self.listed = listed

    async def ahead(self, digests: Sequence[str]) -> None:
        """Ask for all places of `digests` that may be there, side by side."""
        digests = [digest for digest in digests if is_digest(digest)]
        self.client.hasten()
        if digests and self._lists:
            self._lists = False  # once
            await self._list()
        self.has_api = await self._has_referrers(digests)
        await self.client.ahead(self.repository, ())
        without = digests
        if self.has_api:
            paths = [referrers_path(self.repository, digest) for digest in digests]
            await self.client.ahead(self.repository, paths, OCI_INDEX)
            without = [digest for digest in digests if self._listed(digest) == ABSENT]
        tags = [tag for digest in digests for tag in self.tags(digest)[:2]] + [
            fallback_tag(digest) for digest in without
        ]
        there = [tag for tag in tags if self.listed is None or tag in self.listed]
        await self.client.more_ahead(self.repository, [manifest_path(self.repository, tag) for tag in there])

    async def deeper(self, image: str, digests: Sequence[str]) -> None:
        """Ask for what the places of `digests`, of `image` (host/repository), name, side by side.

        What they name is guessed at a glance here; who judges reads all of it with care, and asks for what is not kept.
        """
        payloads, manifests, blobs = [], [], []
        for digest in filter(is_digest, digests):
            signature, attestation, kept = self.tags(digest)
            if answer := self._kept(signature):
                payload = digest_of(plain_payload(image, digest))
                if payload.encode() in answer.body:
                    payloads.append(blob_path(self.repository, payload))
                else:
                    blobs += _named(answer.body, "layers")
            if answer := self._kept(attestation):
                blobs += _named(answer.body, "layers")
            for listed in (self.client.kept_ahead(referrers_path(self.repository, digest)), self._kept(kept)):
                manifests += _named(listed.body, "manifests") if listed else []
        paths = [manifest_path(self.repository, one) for one in dict.fromkeys(manifests)]
        with contextlib.suppress(RegistryError):  # no right to ask: each artifact says so
            await asyncio.gather(
                self.client.more_ahead(self.repository, payloads, "", method="HEAD"),
                self.client.more_ahead(self.repository, paths),
            )
            for path in paths:
                if answer := self.client.kept_ahead(path):
                    blobs += _named(answer.body, "layers")
            asked = [blob_path(self.repository, one) for one in dict.fromkeys(blobs)]
            await self.client.more_ahead(self.repository, asked, "", limit=SMALL_BYTES)

    def _kept(self, tag: str) -> Plain | None:
        return self.client.kept_ahead(manifest_path(self.repository, tag))

    async def signature_tags(self, digests: Sequence[str]) -> None:
        """Ask for the `.sig` tags of `digests`, side by side, beside what is asked already."""
        paths = [manifest_path(self.repository, f"{fallback_tag(digest)}.sig") for digest in digests]
        self.client.hasten()
        await self.client.more_ahead(self.repository, paths)

    def told(self, digest: str, listed: Sequence[tuple[str, str]]) -> str:
        """How the places of `digest` look in Harbor's list.

        Which of several signatures the tag means it does not tell: then nothing is remembered by it.
        """
        if not self.under or sum(kind == COSIGN for _digest, kind in listed) > 1:
            return ""
        where = [self.under, self.client.endpoint.host, self.repository, digest, "told"]
        return hashlib.sha256(repr((where, listed)).encode()).hexdigest()

    async def _has_referrers(self, digests: Sequence[str]) -> bool:
        """Whether the referrers API is worth a question; a few are asked one by one before all others are."""
        for digest in digests[:SAID_SO]:
            if not self.client.asks_referrers(self.repository):
                return False
            try:
                if (await self.client.referrers(self.repository, digest, fallback=False)).source == "api":
                    return True
            except RegistryError:
                return True
        return self.client.asks_referrers(self.repository)

    def tags(self, digest: str) -> tuple[str, str, str]:
        """The tags at which something of `digest` may lie."""
        kept = fallback_tag(digest)
        return f"{kept}.sig", f"{kept}.att", kept

    def look(self, digest: str) -> str:
        """How the places of `digest` look in what was asked ahead for it; empty where that cannot be told."""
        if not self.under or not is_digest(digest):
            return ""
        signature, attestation, kept = self.tags(digest)
        seen = [self._at(signature), self._at(attestation)]
        listed = self._listed(digest) if self.has_api else ABSENT
        seen += [listed, self._at(kept) if listed == ABSENT else ""]
        if None in seen:
            return ""
        return hashlib.sha256(
            "\n".join([self.under, self.client.endpoint.host, self.repository, digest, *map(str, seen)]).encode()
        ).hexdigest()

    def _at(self, tag: str) -> str | None:
        """How a tag looks: what stands there, that nothing does, or None."""
        if self.listed is not None and tag not in self.listed:
            return ABSENT
        answer = self.client.kept_ahead(manifest_path(self.repository, tag))
        if answer is None:
            return None
        if answer.status != 200:
            why = errors.from_status(self.client.endpoint.host, answer.status, answer.body, tag)
            return ABSENT if isinstance(why, NotFound) else None
        return _stands(answer)

    def _listed(self, digest: str) -> str | None:
        """How the list of referrers looks: its bytes where it is one page, that there is no such API, or None."""
        answer = self.client.kept_ahead(referrers_path(self.repository, digest))
        if answer is None or answer.header(b"link") != "":
            return None
        if answer.status != 200:
            plain = (answer.header(b"content-type") or "").partition(";")[0].strip() == "text/plain"
            return ABSENT if plain else None
        return _stands(answer)


def _stands(answer: Plain) -> str | None:
    """Bytes and media type of an answer that agrees with itself."""
    digest = digest_of(answer.body)
    claimed, media_type = answer.header(b"docker-content-digest"), answer.header(b"content-type")
    return f"{digest} {media_type}" if claimed in {"", digest} and media_type is not None else None


def _named(body: bytes, member: str) -> list[str]:
    """The digests of the first few small things in a list of a manifest, guessed: nothing where it looks odd."""
    if len(body) > SMALL_BYTES:
        return []
    try:
        return list(_guessed(json.loads(body)[member][:FEW]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _guessed(descriptors: list[dict[str, Any]]) -> Iterator[str]:
    for one in descriptors:
        if is_digest(one["digest"]) and 0 < one["size"] <= SMALL_BYTES:
            yield one["digest"]
