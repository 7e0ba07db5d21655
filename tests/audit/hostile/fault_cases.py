"""What a registry does wrong: none of it is "unsigned", all of it is "could not check"."""

from harborweb.registry.client import OCI_MANIFEST
from harborweb.verification.simple_signing import SIGNATURE
from harborweb.verification.verdict import Verdict
from tests.audit.hostile.bench import Bench, b64, compact, simple_payload
from tests.audit.hostile.cases import Build, case

ITSELF = "the artifact must be there: cosign asks for its signatures only when it is given the digest"
PAGE = "a web page is no list of referrers: cosign takes it for none and asks the fallback tag"
PAGED = "cosign reads only the first page of the referrers API"


async def _nothing(b: Bench) -> str:
    return await b.image()


async def _signed(b: Bench) -> str:
    digest = await b.image()
    await b.simple(digest)
    return digest


async def _bundled(b: Bench) -> str:
    digest = await b.image()
    await b.bundled(digest)
    return digest


async def _attested(b: Bench) -> str:
    digest = await b.image()
    await b.image(f"{digest.replace(':', '-')}.att")
    return digest


def _fault(fault: str, title: str, build: Build, expect: Verdict = Verdict.UNCHECKED, **more: str) -> None:
    async def built(b: Bench) -> str | None:
        return await build(b)

    kind = {_nothing: "bare", _signed: "signed", _bundled: "bundled", _attested: "attested"}[build]
    built.__name__ = f"{fault.replace(':', '_')}_{kind}"
    built.__doc__ = title
    case(expect, fault=fault, **more)(built)


for _status in ("401", "403", "429", "500"):
    _fault(f"sig:{_status}", f"A signed image; the registry answers {_status} for its .sig tag.", _signed)
    _fault(f"fallback:{_status}", f"An image with a bundle; the list of referrers answers {_status}.", _bundled)
_fault("sig:html", "A signed image; a page of a proxy instead of the .sig manifest.", _signed)
_fault("sig:html404", "A signed image; a page of a proxy says 404 for the .sig tag.", _signed)
_fault("sig:loop", "A signed image; the .sig tag redirects to itself without end.", _signed)
_fault("sig:endless", "A signed image; the .sig manifest never ends.", _signed)
_fault("sig:cut", "A signed image; the connection breaks inside the .sig manifest.", _signed)
_fault("sig:slow", "A signed image; the .sig manifest comes a byte each half second.", _signed)
_fault(
    "sig:header", "A signed image; the .sig manifest's digest header names other bytes.", _signed,
    stricter="bytes that disagree with their own digest header are not used; cosign does not compare them for a tag",
)  # fmt: skip
_fault("blob:500", "A signed image; the registry answers 500 for the payload.", _signed)
_fault("blob:404", "A signed image; the registry has lost the payload.", _signed)
_fault("blob:flip", "A signed image; the payload's bytes do not hash to their digest.", _signed)
_fault("blob:endless", "A signed image; the payload never ends.", _signed)
_fault("blob:flip", "An image with a bundle whose bytes do not hash to their digest.", _bundled)
_fault("referrers:500", "An unsigned image; the referrers API answers 500.", _nothing)
_fault("referrers:403", "An unsigned image; the referrers API answers 403.", _nothing)
_fault("referrers:html", "An unsigned image; the referrers API answers with a page of a proxy.", _nothing)
_fault("referrers:html", "A good bundle; the referrers API answers with a page of a proxy.", _bundled, stricter=PAGE)
_fault("referrers:html404", "An unsigned image; a page of a proxy says 404 for the referrers API.", _nothing)
_fault("att:500", "An image with an attestation; the registry answers 500 for the .att tag.", _attested)
_fault("manifest:500", "A signed image; the registry answers 500 for the image itself.", _signed, stricter=ITSELF)
_fault("manifest:flip", "A signed image; its bytes do not hash to its digest.", _signed, stricter=ITSELF)
_fault("referrers:500", "A good .sig; the referrers API answers 500.", _signed, Verdict.TRUSTED)
_fault("sig:500", "A good bundle; the .sig tag answers 500.", _bundled, Verdict.TRUSTED)
_fault("referrers:paged", "A good bundle on the referrers API.", _bundled, Verdict.TRUSTED)


@case(Verdict.TRUSTED, gap=PAGED, fault="referrers:paged")
async def bundle_on_the_second_page(b: Bench) -> str:
    """A good bundle on the second page of the referrers API."""
    digest = await b.image()
    good = await b.bundled(digest)
    await b.refer(digest, [await b.bundle_manifest(b"{}", digest, media_type="text/plain"), good])
    return digest


@case(Verdict.INVALID, fault="plant")
async def sibling_with_an_annotation_that_is_no_string(b: Bench) -> str:
    """A good layer beside one whose annotation is a number; no real registry takes such a manifest."""
    digest = await b.image()
    payload = simple_payload(digest)
    good = await b.layer(payload, b.trusted.sign(payload))
    bad = {**good, "annotations": {SIGNATURE: 1}}
    return await _plant(b, digest, [good, bad])


@case(Verdict.INVALID, fault="plant")
async def layer_with_a_digest_that_is_none(b: Bench) -> str:
    """A layer whose digest is a path."""
    digest = await b.image()
    payload = simple_payload(digest)
    good = await b.layer(payload, b.trusted.sign(payload))
    return await _plant(b, digest, [{**good, "digest": "../../etc/passwd"}])


@case(Verdict.INVALID, fault="plant")
async def manifest_of_a_huge_version(b: Bench) -> str:
    """A good layer in a manifest whose schemaVersion needs more than 64 bits."""
    digest = await b.image()
    payload = simple_payload(digest)
    return await _plant(b, digest, [await b.layer(payload, b.trusted.sign(payload))], schemaVersion=2**70)


@case(Verdict.INVALID, fault="plant")
async def layer_with_a_wrong_size(b: Bench) -> str:
    """A good layer whose size is one less than it is."""
    digest = await b.image()
    payload = simple_payload(digest)
    good = await b.layer(payload, b.trusted.sign(payload))
    return await _plant(b, digest, [{**good, "size": good["size"] - 1}])


@case(Verdict.UNCHECKED, fault="blob:404", stricter="bytes come from the registry: cosign takes the manifest's data")
async def payload_inside_the_manifest(b: Bench) -> str:
    """A good payload in the manifest's data member; the registry has lost the blob."""
    digest = await b.image()
    payload = simple_payload(digest)
    layer = await b.layer(payload, b.trusted.sign(payload))
    return await _plant(b, digest, [{**layer, "data": b64(payload)}])


async def _plant(b: Bench, digest: str, layers: list[dict[str, object]], **over: object) -> str:
    config = await b.blob(b"{}", "application/vnd.oci.image.config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    manifest |= over
    b.plants[f"{digest.replace(':', '-')}.sig"] = compact(manifest)
    return digest
