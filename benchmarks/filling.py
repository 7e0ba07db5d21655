"""A real registry with signed images, as cosign itself leaves them, and the programs that are measured on it."""

import asyncio
import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

REPOSITORIES = 20
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"


def compact(value: Any) -> bytes:
    """JSON as cosign writes it."""
    return json.dumps(value, separators=(",", ":")).encode()


def described(data: bytes, kind: str, **more: Any) -> dict[str, Any]:
    """A descriptor."""
    return {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data), **more}


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


async def fill(
    url: str, host: str, count: int, key: ec.EllipticCurvePrivateKey, form: str = "simple",
    repositories: int = REPOSITORIES,
) -> list[str]:  # fmt: skip
    """Push `count` signed images, with signatures at their tags or as bundles; their references by digest.

    `host` is the name under which they were signed.
    """
    from harborweb.registry.client import Client, Endpoint

    slots = asyncio.Semaphore(16)
    async with Client(Endpoint(url, allow_http=True)) as client:

        async def image(number: int) -> str:
            repository = f"bench/repo{number % repositories}"
            async with slots:
                config = compact({"architecture": "amd64", "os": "linux", "config": {}, "n": number})
                await client.put_blob(repository, config)
                body: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}
                body["config"] = described(config, "application/vnd.oci.image.config.v1+json")
                digest = await client.put_manifest(repository, f"v{number}", compact(body), MANIFEST)
                sign = _simple if form == "simple" else _bundle
                await sign(client, repository, f"{host}/{repository}", digest, key, body)
                return f"{host}/{repository}@{digest}"

        return list(await asyncio.gather(*(image(number) for number in range(count))))


async def _simple(
    client: Any, repository: str, reference: str, digest: str, key: ec.EllipticCurvePrivateKey, body: dict[str, Any]
) -> None:
    """A signature at its tag, with an optional part of nothing."""
    from harborweb.verification.simple_signing import plain_payload

    signed = plain_payload(reference, digest)
    await client.put_blob(repository, signed)
    signature = base64.b64encode(key.sign(signed, ec.ECDSA(hashes.SHA256()))).decode()
    annotations = {"dev.cosignproject.cosign/signature": signature}
    layer = described(signed, "application/vnd.dev.cosign.simplesigning.v1+json", annotations=annotations)
    manifest = compact({**body, "layers": [layer]})
    await client.put_manifest(repository, digest.replace(":", "-") + ".sig", manifest, MANIFEST)


async def _bundle(
    client: Any, repository: str, _reference: str, digest: str, key: ec.EllipticCurvePrivateKey, _body: dict[str, Any]
) -> None:
    """A bundle that refers to the image, and the list of it at the fallback tag."""
    from harborweb.verification.bundle import SIGN_PREDICATE, pae
    from harborweb.verification.keys import load_public_key

    subject = {"digest": {"sha256": digest.removeprefix("sha256:")}, "annotations": {}}
    statement = compact(
        {"_type": "https://in-toto.io/Statement/v1", "subject": [subject], "predicateType": SIGN_PREDICATE,
         "predicate": {}}
    )  # fmt: skip
    signature = base64.b64encode(key.sign(pae(IN_TOTO, statement), ec.ECDSA(hashes.SHA256()))).decode()
    envelope = {
        "payload": base64.b64encode(statement).decode(), "payloadType": IN_TOTO, "signatures": [{"sig": signature}]
    }  # fmt: skip
    material = {"publicKey": {"hint": load_public_key(pem_of(key)).hint}}
    bundle = compact({"mediaType": BUNDLE, "verificationMaterial": material, "dsseEnvelope": envelope})
    await client.put_blob(repository, bundle)
    await client.put_blob(repository, b"{}")
    manifest = compact(
        {"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE,
         "config": described(b"{}", "application/vnd.oci.empty.v1+json"), "layers": [described(bundle, BUNDLE)],
         "subject": {"mediaType": MANIFEST, "size": 400, "digest": digest}}
    )  # fmt: skip
    own = await client.put_manifest(repository, described(manifest, MANIFEST)["digest"], manifest, MANIFEST)
    listed = {"mediaType": MANIFEST, "size": len(manifest), "digest": own, "artifactType": BUNDLE}
    index = compact({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]})
    await client.put_manifest(repository, digest.replace(":", "-"), index, INDEX)


def key_pair(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, Path]:
    """A fresh key, and the file of its public half."""
    key, file = ec.generate_private_key(ec.SECP256R1()), folder / "bench.pub"
    file.write_bytes(pem_of(key))
    return key, file
