"""Everything that could be a signature of one digest, fetched within bounds and judged.

Nothing here raises for what a registry or a stranger did: a place that cannot be read becomes an
`unchecked` finding with the reason. Only bytes whose digest was checked reach the verifier.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harborweb.audit.judging.judgement import Seen
from harborweb.registry.client import Client, NotFound, RegistryError
from harborweb.registry.client import Manifest as Answer
from harborweb.registry.names import COSIGN_TAG, digest_of, fallback_tag
from harborweb.verification import bundle, simple_signing
from harborweb.verification.attestation import judge_attestation
from harborweb.verification.keyless import NOBODY, KeylessTrust
from harborweb.verification.keys import PublicKey
from harborweb.verification.manifest import Descriptor, Manifest, is_digest, read_manifest
from harborweb.verification.sentences import sentence as _
from harborweb.verification.strict import Malformed
from harborweb.verification.verdict import Finding, Verdict

# What makes a manifest pose as a signature, wherever it is listed.
_SIGNATURE_TYPES = (bundle.MEDIA_TYPE_PREFIX, simple_signing.MEDIA_TYPE)
WITHHELD = 412  # by a policy of Harbor's: content trust, or vulnerabilities
# The types in a list of referrers behind which there may be a signature: cosign's own, and what says nothing.
_MAY_BE_SIGNATURES = (
    *_SIGNATURE_TYPES,
    "application/vnd.dev.cosign.artifact.sig",
    "application/vnd.oci.",
    "application/vnd.docker.",
)

Place = Callable[[list[Seen]], Awaitable[None]]
Weigh = Callable[[str, str, Finding], Finding]  # repository, artifact's digest, what was found there


@dataclass(frozen=True)
class Options:
    """What a signature must carry, where signatures are looked for, and the bounds of one artifact's cost.

    `signature_repository` is where cosign's COSIGN_REPOSITORY points: then signatures are looked for there
    only, as cosign does. `signatures` is the client for it where it lies on another registry. Where nothing is said
    here, what the client's endpoint says of its registry counts.
    """

    annotations: Mapping[str, str] = field(default_factory=dict)
    signature_repository: str = ""
    signatures: Client | None = None
    weigh: Weigh | None = None  # whether a signature by a trusted key counts in this repository, at its time
    keyless: KeylessTrust = NOBODY  # who is trusted that signs by certificate
    weighed_by: str = ""  # what `weigh` decides by, in words that change when it does; without, nothing is remembered
    concurrency: int = 8  # artifacts at once
    seconds: float = 60  # one artifact
    layers: int = 1000  # of a signature manifest: cosign's own bound
    referrers: int = 256
    attestations: int = 16  # layers of the .att manifest that are read
    children: int = 1024  # of one index
    depth: int = 4  # indexes within indexes
    payload_bytes: int = 4 * 1024 * 1024
    bundle_bytes: int = 16 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024  # of all payloads and bundles of one artifact


def signatures_of(client: Client, repository: str, options: Options) -> tuple[Client, str]:
    """Where signatures of the artifacts in `repository` are: a client and a repository."""
    if options.signature_repository:
        return options.signatures or client, options.signature_repository
    return client.signatures_of(repository)


class TooMuch(Exception):
    """A bound was hit; the argument is the sentence with its number."""


async def look(
    client: Client, repository: str, digest: str, keys: Sequence[PublicKey], options: Options,
    listed: Collection[str] | None = None,
) -> list[Seen]:  # fmt: skip
    """What stands at the three places of a signature of `digest`: `.sig` tag, referrers, `.att` tag.

    `listed` are all tags of cosign's in the repository of signatures, as it listed them after it was asked for
    `digest`: what is not among them is not asked for. None where that is not known.
    """
    if not is_digest(digest):
        reason = _("The digest %(digest)s is not SHA-256; cosign signs no other.", digest=digest)
        return [Seen(Finding("digest", Verdict.UNCHECKED, reason))]
    search = _Search(client, repository, digest, keys, options, listed)
    places = search.places()
    seen: list[list[Seen]] = [[] for _place in places]
    late: list[Seen] = []
    try:
        async with asyncio.timeout(options.seconds):
            if len(places) == 1:
                await places[0](seen[0])
            else:
                await asyncio.gather(*(place(found) for place, found in zip(places, seen, strict=True)))
    except TimeoutError:
        reason = _("Reading the signatures took longer than %(n)s s.", n=f"{options.seconds:g}")
        late.append(Seen(Finding("registry", Verdict.UNCHECKED, reason)))
    return _weighed([one for found in seen for one in found] + late, repository, digest, options)


async def look_told(
    client: Client, repository: str, digest: str, keys: Sequence[PublicKey], options: Options,
    told: Sequence[tuple[str, str]],
) -> list[Seen]:  # fmt: skip
    """What stands where Harbor's list says that something is, each fetched and hashed: (digest, its kind or tag).

    Enough where one of them is a trusted signature; where none is, the places themselves have to be asked.
    """
    tags = frozenset(name for _digest, name in told if COSIGN_TAG.fullmatch(name))
    found: list[Seen] = []
    if not is_digest(digest):
        return found
    search = _Search(client, repository, digest, keys, options, tags)
    search.told = True
    others = list(dict.fromkeys(one for one, name in told if is_digest(one) and name not in tags))
    try:
        async with asyncio.timeout(options.seconds):
            await search.signature_tag(found)
            for one in others[: options.referrers]:
                if one != search.at_tag:
                    await search.referrer(one, found)
            if f"{fallback_tag(digest)}.att" in tags:
                await search.attestation_tag(found)
    except TimeoutError:
        return []
    return _weighed(found, repository, digest, options)


def _weighed(seen: list[Seen], repository: str, digest: str, options: Options) -> list[Seen]:
    if options.weigh is None:
        return seen
    return [replace(one, finding=options.weigh(repository, digest, one.finding)) for one in seen]


class _Search:
    """One artifact's places; every method appends to the list it is given, so that a timeout loses nothing."""

    def __init__(
        self, client: Client, repository: str, digest: str, keys: Sequence[PublicKey], options: Options,
        listed: Collection[str] | None,
    ) -> None:  # fmt: skip
        self.client, self.repository = signatures_of(client, repository, options)
        self.reference = f"{client.endpoint.host}/{repository}"
        self.digest = digest
        self.keys = keys
        self.options = options
        self.keyless = options.keyless.within(repository.partition("/")[0])
        self.listed = listed
        self.bytes_read = 0
        self.at_tag = ""  # the digest of what the `.sig` tag holds
        self.told = False  # by Harbor, whose word is good enough for that a blob is there

    def places(self) -> list[Place]:
        """The places that may hold something."""
        kept = fallback_tag(self.digest)
        found: list[Place] = [] if self._is_absent(f"{kept}.sig") else [self.signature_tag]
        if not self._is_absent(kept) or self.client.asks_referrers(self.repository):
            found.append(self.referrers)
        else:
            self.client.unasked_referrers(self.repository)
        return found if self._is_absent(f"{kept}.att") else [*found, self.attestation_tag]

    def _is_absent(self, tag: str) -> bool:
        return self.listed is not None and tag not in self.listed

    async def signature_tag(self, found: list[Seen]) -> None:
        """Format 2: every layer of the manifest at `sha256-<hex>.sig`."""
        tag = f"{self.digest.replace(':', '-')}.sig"
        place = f"tag {tag}"
        try:
            manifest = await self.client.manifest(self.repository, tag)
            self.at_tag = manifest.digest
        except NotFound:
            return
        except RegistryError as error:
            found.append(_fault(place, error))
            return
        try:
            document = _read(manifest)
            if document.is_index:
                raise Malformed(_("The tag %(tag)s holds an index, not signatures.", tag=tag))
        except Malformed as error:
            found.append(Seen(Finding(place, Verdict.INVALID, error.reason), manifest.body))
            return
        await self._layers(document, manifest.body, place, found)

    async def _layers(self, document: Manifest, body: bytes, place: str, found: list[Seen]) -> None:
        """Judge each layer of a manifest of simple-signing payloads."""
        count, limit = len(document.layers), self.options.layers
        if count > limit:
            reason = _(
                "The manifest at %(place)s lists %(n)s signatures, more than %(limit)s.",
                place=place,
                n=count,
                limit=limit,
            )
            found.append(Seen(Finding(place, Verdict.UNCHECKED, reason), body))
            return
        read: dict[Descriptor, bytes] = {}  # several signatures of one payload cost one request
        for number, layer in enumerate(document.layers, 1):
            if number > 1:
                await asyncio.sleep(0)  # reading large payloads takes long, and the time limit must be able to say so
            where = f"{place}, layer {number}"
            source = replace(layer, annotations={})
            payload = read.get(source)
            if payload is None:
                payload = await self._blob(layer, self.options.payload_bytes, where, body, found)
            if payload is not None:
                read[source] = payload
                finding = simple_signing.judge_layer(
                    payload, layer.annotations, self.digest, self.keys, self.options.annotations, where,
                    self.keyless,
                )  # fmt: skip
                found.append(Seen(finding, body))

    async def referrers(self, found: list[Seen]) -> None:
        """Format 3: bundles among the manifests that refer to the digest (API, else fallback tag)."""
        place = "referrers"
        try:
            absent = self._is_absent(fallback_tag(self.digest))
            listed = await self.client.referrers(self.repository, self.digest, fallback=not absent)
        except NotFound:
            return
        except RegistryError as error:
            found.append(_fault(place, error))
            return
        types = {str(one.get("digest")): str(one.get("artifactType") or "") for one in listed.descriptors}
        digests = list(types)
        for digest in digests[: self.options.referrers]:
            await self.referrer(digest, found, types[digest])
        if len(digests) > self.options.referrers:
            reason = _(
                "%(n)s manifests refer to this digest; only %(limit)s are looked at.",
                n=len(digests), limit=self.options.referrers,
            )  # fmt: skip
            found.append(Seen(Finding(place, Verdict.UNCHECKED, reason)))

    async def referrer(self, digest: str, found: list[Seen], listed_as: str = "") -> None:
        """One manifest among the referrers; what does not pose as a signature is none of ours.

        With content trust Harbor keeps all but signatures from everybody, its own SBOMs too: where the list says that
        it is something else, that is enough.
        """
        place = f"referrer {digest}"
        try:
            manifest = await self.client.manifest(self.repository, digest)
        except RegistryError as error:
            if error.status != WITHHELD or not listed_as or listed_as.startswith(_MAY_BE_SIGNATURES):
                found.append(_fault(place, error))
            return
        try:
            document = _read(manifest)
        except Malformed as error:
            if any(kind.encode() in manifest.body for kind in _SIGNATURE_TYPES):
                found.append(Seen(Finding(place, Verdict.INVALID, error.reason), manifest.body))
            return
        posing = [layer for layer in document.layers if layer.media_type.startswith(_SIGNATURE_TYPES)]
        if not posing:
            return
        if document.subject != self.digest:
            reason = _(
                "A signature manifest is listed here, but it refers to %(subject)s.",
                subject=document.subject or "nothing",
            )
            found.append(Seen(Finding(place, Verdict.INVALID, reason), manifest.body))
        elif posing[0].media_type == simple_signing.MEDIA_TYPE:
            await self._layers(document, manifest.body, place, found)
        elif len(document.layers) != 1:
            reason = _("A bundle's manifest holds %(n)s layers, not one.", n=len(document.layers))
            found.append(Seen(Finding(place, Verdict.INVALID, reason), manifest.body))
        else:
            await self._bundle(posing[0], manifest.body, place, found)

    async def _bundle(self, layer: Descriptor, body: bytes, place: str, found: list[Seen]) -> None:
        data = await self._blob(layer, self.options.bundle_bytes, place, body, found)
        if data is not None:
            finding = bundle.judge_bundle(data, self.digest, self.keys, self.options.annotations, place, self.keyless)
            found.append(Seen(finding, body))

    async def attestation_tag(self, found: list[Seen]) -> None:
        """Format 2 attestations at `sha256-<hex>.att`: only whether there are any, and by whom."""
        tag = f"{self.digest.replace(':', '-')}.att"
        place = f"tag {tag}"
        try:
            manifest = await self.client.manifest(self.repository, tag)
        except NotFound:
            return
        except RegistryError as error:
            found.append(_fault(place, error))
            return
        try:
            layers = read_manifest(manifest.body).layers
        except Malformed as error:
            reason = _("Only an attestation that cannot be read, no signature: %(why)s", why=error.reason)
            found.append(Seen(Finding(place, Verdict.ATTESTATION_ONLY, reason), manifest.body))
            return
        for number, layer in enumerate(layers[: self.options.attestations], 1):
            where = f"{place}, layer {number}"
            if layer.size > self.options.payload_bytes:
                reason = _("Only an attestation of %(n)s bytes, too large to be read; no signature.", n=layer.size)
                found.append(Seen(Finding(where, Verdict.ATTESTATION_ONLY, reason), manifest.body))
                continue
            data = await self._blob(layer, self.options.payload_bytes, where, manifest.body, found)
            if data is not None:
                found.append(Seen(judge_attestation(data, self.digest, self.keys, where), manifest.body))
        if len(layers) > self.options.attestations:
            reason = _(
                "%(n)s attestations lie here; only %(limit)s are read.",
                n=len(layers), limit=self.options.attestations,
            )  # fmt: skip
            found.append(Seen(Finding(place, Verdict.ATTESTATION_ONLY, reason), manifest.body))

    async def _blob(
        self, layer: Descriptor, limit: int, place: str, manifest: bytes, found: list[Seen]
    ) -> bytes | None:
        """The layer's bytes, hashed and as long as the manifest says; else a finding and None."""
        try:
            if layer.size > limit or self.bytes_read + layer.size > self.options.total_bytes:
                most = limit if layer.size > limit else self.options.total_bytes
                raise TooMuch(_("What lies at %(place)s is larger than %(limit)s bytes.", place=place, limit=most))
            data = await self._predicted(layer) or await self.client.blob(self.repository, layer.digest, limit)
        except TooMuch as error:
            found.append(Seen(Finding(place, Verdict.UNCHECKED, error.args[0]), manifest))
            return None
        except RegistryError as error:
            found.append(_fault(place, error, manifest))
            return None
        self.bytes_read += len(data)
        if len(data) != layer.size:
            reason = _("The manifest says %(n)s bytes, the registry holds %(m)s.", n=layer.size, m=len(data))
            found.append(Seen(Finding(place, Verdict.INVALID, reason), manifest))
            return None
        return data

    async def _predicted(self, layer: Descriptor) -> bytes | None:
        """The layer's bytes where they are what cosign signs when nothing is optional, and the registry has them.

        That they hash to the layer's digest proves each byte of them, whoever might have sent them.
        """
        if layer.media_type != simple_signing.MEDIA_TYPE:
            return None
        data = simple_signing.plain_payload(self.reference, self.digest)
        if len(data) != layer.size or digest_of(data) != layer.digest:
            return None
        return data if self.told or await self.client.has_blob(self.repository, layer.digest, layer.size) else None


def _read(manifest: Answer) -> Manifest:
    """The manifest's content; raises Malformed also where the registry calls an index what is none."""
    document = read_manifest(manifest.body)
    if document.is_index != manifest.is_index:
        raise Malformed(_("The manifest's media type and its content disagree."))
    return document


def _fault(place: str, error: RegistryError, manifest: bytes = b"") -> Seen:
    """A place that could not be read; a 404 here is for something that a manifest or list says is there."""
    if isinstance(error, NotFound):
        reason: str = _("The registry lists %(place)s but does not have it.", place=place)
    else:
        reason = error.message
    return Seen(Finding(place, Verdict.UNCHECKED, reason), manifest)
