"""Every kind of sample image of the demo, signed by the real cosigns, and the supported kinds of key."""

from harborweb.verification.verdict import Verdict
from tests.audit.hostile.bench import Bench
from tests.audit.hostile.cases import Build, case

ATTESTED = "cosign 3 verify counts an attestation of any type as a signature; for us a signature is sign/v1"
V3 = ("sign", "--yes", "--signing-config", "signing-config.json", "--allow-http-registry")
V2 = ("sign", "--yes", "--tlog-upload=false", "--allow-http-registry")


@case(Verdict.TRUSTED)
async def signed_by_cosign_25(b: Bench) -> str:
    """Signed by cosign 2.5 (simple signing)."""
    digest = await b.image()
    await b.cosign("cosign-2.5", *V2, "--key", "trusted.key", b.reference(digest))
    return digest


@case(Verdict.TRUSTED)
async def signed_by_cosign_31(b: Bench) -> str:
    """Signed by cosign 3.1 (bundle)."""
    digest = await b.image()
    await b.cosign("cosign", *V3, "--key", "trusted.key", b.reference(digest))
    return digest


@case(Verdict.TRUSTED)
async def signed_by_both(b: Bench) -> str:
    """Signed by cosign 2.5 and then by 3.1."""
    digest = await b.image()
    await b.cosign("cosign-2.5", *V2, "--key", "trusted.key", b.reference(digest))
    await b.cosign("cosign", *V3, "--key", "trusted.key", b.reference(digest))
    return digest


@case(Verdict.UNKNOWN_KEY)
async def signed_by_a_stranger_25(b: Bench) -> str:
    """Signed by a stranger's key with cosign 2.5."""
    digest = await b.image()
    await b.cosign("cosign-2.5", *V2, "--key", "stranger.key", b.reference(digest))
    return digest


@case(Verdict.UNKNOWN_KEY)
async def signed_by_a_stranger_31(b: Bench) -> str:
    """Signed by a stranger's key with cosign 3.1."""
    digest = await b.image()
    await b.cosign("cosign", *V3, "--key", "stranger.key", b.reference(digest))
    return digest


@case(Verdict.TRUSTED)
async def stranger_first_then_trusted(b: Bench) -> str:
    """A stranger's signature, then ours, appended by cosign 2.5."""
    digest = await b.image()
    for key in ("stranger.key", "trusted.key"):
        await b.cosign("cosign-2.5", *V2, "--key", key, b.reference(digest))
    return digest


@case(Verdict.INVALID)
async def garbage_at_the_sig_tag(b: Bench) -> str:
    """Garbage at the .sig tag, which turns Harbor's badge green."""
    digest = await b.image()
    await b.sig(digest, [await b.layer(b"this is no signature", "Z2FyYmFnZQ==")])
    return digest


@case(Verdict.ATTESTATION_ONLY)
async def attested_by_cosign_25(b: Bench) -> str:
    """An attestation only, by cosign 2.5 (.att tag)."""
    digest = await b.image()
    (b.folder / "predicate.json").write_text('{"scan": "failed"}')
    await b.cosign(
        "cosign-2.5", "attest", "--yes", "--tlog-upload=false", "--allow-http-registry", "--key", "trusted.key",
        "--predicate", "predicate.json", b.reference(digest),
    )  # fmt: skip
    return digest


@case(Verdict.ATTESTATION_ONLY, stricter=ATTESTED)
async def attested_by_cosign_31(b: Bench) -> str:
    """An attestation only, by cosign 3.1 (bundle)."""
    digest = await b.image()
    (b.folder / "predicate.json").write_text('{"scan": "failed"}')
    await b.cosign(
        "cosign", "attest", "--yes", "--signing-config", "signing-config.json", "--allow-http-registry",
        "--key", "trusted.key", "--predicate", "predicate.json", b.reference(digest),
    )  # fmt: skip
    return digest


@case(Verdict.UNSIGNED)
async def not_signed(b: Bench) -> None:
    """No signature at all."""
    await b.image()


@case(Verdict.TRUSTED)
async def index_signed_itself(b: Bench) -> str:
    """An index that is signed, its children not."""
    index = await b.index("v1", [await b.image("amd64"), await b.image("arm64")])
    await b.cosign("cosign", *V3, "--key", "trusted.key", b.reference(index))
    return index


@case(Verdict.VIA_INDEX)
async def child_of_a_signed_index(b: Bench) -> str:
    """A child without a signature; its index is signed."""
    child = await b.image("amd64")
    await b.simple(await b.index("v1", [child]))
    return child


@case(Verdict.UNSIGNED)
async def tag_moved_after_signing(b: Bench) -> None:
    """The tag was signed, then moved to another image."""
    digest = await b.image("v1", "before")
    await b.cosign("cosign", *V3, "--key", "trusted.key", b.reference(digest))
    await b.cosign("cosign-2.5", *V2, "--key", "trusted.key", b.reference(digest))
    await b.image("v1", "after")


@case(Verdict.TRUSTED, annotations={"env": "prod"})
async def annotation_by_cosign_25(b: Bench) -> str:
    """Signed with -a env=prod by cosign 2.5, and env=prod is required."""
    digest = await b.image()
    await b.cosign("cosign-2.5", *V2, "--key", "trusted.key", "-a", "env=prod", b.reference(digest))
    return digest


@case(Verdict.TRUSTED, annotations={"env": "prod"})
async def annotation_by_cosign_31(b: Bench) -> str:
    """Signed with -a env=prod by cosign 3.1, and env=prod is required."""
    digest = await b.image()
    await b.cosign("cosign", *V3, "--key", "trusted.key", "-a", "env=prod", b.reference(digest))
    return digest


@case(Verdict.TRUSTED, signature_repository="signatures-25")
async def elsewhere_by_cosign_25(b: Bench) -> str:
    """Signed by cosign 2.5 with COSIGN_REPOSITORY."""
    digest = await b.image()
    elsewhere = {"COSIGN_REPOSITORY": f"{b.host}/signatures-25"}
    await b.cosign("cosign-2.5", *V2, "--key", "trusted.key", b.reference(digest), env=elsewhere)
    return digest


@case(Verdict.TRUSTED, signature_repository="signatures-31")
async def elsewhere_by_cosign_31(b: Bench) -> str:
    """Signed by cosign 3.1 with COSIGN_REPOSITORY."""
    digest = await b.image()
    elsewhere = {"COSIGN_REPOSITORY": f"{b.host}/signatures-31"}
    await b.cosign("cosign", *V3, "--key", "trusted.key", b.reference(digest), env=elsewhere)
    return digest


@case(Verdict.UNSIGNED)
async def elsewhere_but_not_asked_there(b: Bench) -> str:
    """Signed in another repository, which nobody named."""
    digest = await b.image()
    await b.at(f"{b.repository}-signatures").simple(digest)
    return digest


@case(Verdict.UNSIGNED, signature_repository="signatures-none")
async def beside_the_image_but_asked_elsewhere(b: Bench) -> str:
    """Signed beside the image, while signatures are looked for elsewhere only, as cosign does."""
    digest = await b.image()
    await b.at("signatures-none").image("something")
    await b.simple(digest)
    await b.bundled(digest)
    return digest


def _of_each_kind(kind: str) -> None:
    """Both formats with one more kind of key."""

    async def simple(b: Bench) -> str:
        digest = await b.image()
        await b.simple(digest, key=kind)
        return digest

    async def bundled(b: Bench) -> str:
        digest = await b.image()
        await b.bundled(digest, key=kind)
        return digest

    builders: list[tuple[str, Build]] = [("simple signing", simple), ("a bundle", bundled)]
    for form, build in builders:
        build.__name__ = f"{kind}_{form.split()[-1]}"  # type: ignore[attr-defined]
        build.__doc__ = f"A key of the kind {kind}, {form}."
        case(Verdict.TRUSTED, key=kind)(build)


for _kind in ("p384", "p521", "rsa2048", "rsa3072", "ed25519"):
    _of_each_kind(_kind)
