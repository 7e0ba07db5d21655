"""Making signed, badly signed and hostile artifacts in a real registry, natively where cosign is not the point."""

import asyncio
import base64
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST, Client
from harborweb.verification.bundle import MEDIA_TYPE as BUNDLE_TYPE
from harborweb.verification.bundle import SIGN_PREDICATE, pae
from harborweb.verification.keys import PublicKey, load_public_key
from harborweb.verification.simple_signing import MEDIA_TYPE as PAYLOAD_TYPE
from harborweb.verification.simple_signing import SIGNATURE

EMPTY_CONFIG = {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2}
IN_TOTO = "application/vnd.in-toto+json"


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


def compact(value: Any) -> bytes:
    """JSON as cosign writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Signer:
    """A key pair: `public` for us, `pub_file` for cosign."""

    private: Any
    public: PublicKey
    pub_file: Path

    def sign(self, message: bytes, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
        """The signature cosign would make; `algorithm` for one it would not."""
        algorithm = algorithm or hashes.SHA256()
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(message, ec.ECDSA(algorithm))
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(message, padding.PKCS1v15(), algorithm)
        return self.private.sign(message)


MAKERS: dict[str, Callable[[], Any]] = {
    "trusted": lambda: ec.generate_private_key(ec.SECP256R1()),
    "stranger": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def make_signer(name: str, folder: Path) -> Signer:
    """A fresh key pair, its halves written to `folder` as <name>.pem and <name>.pub."""
    private = MAKERS[name]()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.pem").write_bytes(pem)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pub_file = folder / f"{name}.pub"
    pub_file.write_bytes(public)
    return Signer(private, load_public_key(public, name), pub_file)


@dataclass
class Bench:
    """One repository of a real registry and the keys to fill it with."""

    client: Client
    repository: str
    signers: Mapping[str, Signer]
    folder: Path  # where cosign works: <name>.key, signing-config.json
    host: str  # of the registry as cosign writes it
    plants: dict[str, bytes] = field(default_factory=dict)  # manifests that only a liar serves, by tag

    @property
    def trusted(self) -> Signer:
        return self.signers["trusted"]

    def at(self, repository: str) -> "Bench":
        """The same bench in another repository."""
        return Bench(self.client, repository, self.signers, self.folder, self.host, self.plants)

    async def blob(self, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        """Upload `data`; the descriptor of it."""
        digest = await self.client.put_blob(self.repository, data)
        return {"mediaType": media_type, "size": len(data), "digest": digest, **more}

    async def put(self, reference: str, manifest: Any, media_type: str = OCI_MANIFEST) -> dict[str, Any]:
        """Upload a manifest (JSON value or bytes); the descriptor of it."""
        body = manifest if isinstance(manifest, bytes) else compact(manifest)
        digest = await self.client.put_manifest(self.repository, reference, body, media_type)
        return {"mediaType": media_type, "size": len(body), "digest": digest}

    async def _config(self) -> dict[str, Any]:
        return await self.blob(b"{}", "application/vnd.oci.image.config.v1+json")

    async def image(self, reference: str = "v1", content: str = "") -> str:
        """A tiny image; its digest."""
        data = f"{self.repository} {reference} {content}".encode()
        layer = await self.blob(data, "application/vnd.oci.image.layer.v1.tar")
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": await self._config(), "layers": [layer]}
        return str((await self.put(reference, manifest))["digest"])

    async def index(self, reference: str, children: Sequence[str]) -> str:
        """An index of manifests that are there; its digest."""
        listed = []
        for child in children:
            manifest = await self.client.manifest(self.repository, child)
            listed.append({"mediaType": manifest.media_type, "size": len(manifest.body), "digest": child})
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
        return str((await self.put(reference, document, OCI_INDEX))["digest"])

    # Format 2

    async def layer(
        self, payload: bytes, signature: bytes | str | None, media_type: str = PAYLOAD_TYPE, **notes: Any
    ) -> dict[str, Any]:
        """A layer of a signature manifest; `signature` as bytes, as the annotation's own text, or none."""
        annotations = dict(notes)
        if signature is not None:
            annotations[SIGNATURE] = signature if isinstance(signature, str) else b64(signature)
        return await self.blob(payload, media_type, annotations=annotations)

    async def sig(self, digest: str, layers: Sequence[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """The manifest at the `.sig` tag of `digest`."""
        manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": await self._config(), "layers": layers}
        return await self.put(f"{digest.replace(':', '-')}.sig", manifest | more)

    async def simple(self, digest: str, payload: bytes | None = None, key: str = "trusted", **notes: Any) -> None:
        """A simple-signing signature over `payload` (the right one where none is given) at `digest`'s tag."""
        data = simple_payload(digest) if payload is None else payload
        await self.sig(digest, [await self.layer(data, self.signers[key].sign(data), **notes)])

    # Format 3

    def envelope(self, statement: bytes, key: str = "trusted", **over: Any) -> dict[str, Any]:
        """A DSSE envelope around `statement`."""
        payload_type = over.get("payloadType", IN_TOTO)
        signature = {"sig": b64(self.signers[key].sign(pae(payload_type, statement)))}
        return {"payload": b64(statement), "payloadType": payload_type, "signatures": [signature], **over}

    def bundle(self, envelope: Any, hint: str | None = None, **over: Any) -> dict[str, Any]:
        """A v0.3 bundle around `envelope`."""
        material = {"publicKey": {"hint": self.trusted.public.hint if hint is None else hint}}
        return {"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope, **over}

    async def bundle_manifest(
        self, bundle: Any, digest: str, /, media_type: str = BUNDLE_TYPE, **over: Any
    ) -> dict[str, Any]:
        """Push a bundle (JSON value or bytes) as a manifest that refers to `digest`; its descriptor."""
        data = bundle if isinstance(bundle, bytes) else compact(bundle)
        layer = await self.blob(data, media_type)
        config = {**EMPTY_CONFIG, "digest": await self.client.put_blob(self.repository, b"{}")}
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": BUNDLE_TYPE,
            "config": config,
            "layers": [layer],
            "subject": {"mediaType": OCI_MANIFEST, "size": 400, "digest": digest},
            **over,
        }
        manifest = {name: value for name, value in manifest.items() if value is not None}
        body = compact(manifest)
        own = await self.client.put_manifest(self.repository, _digest(body), body, OCI_MANIFEST)
        return {"mediaType": OCI_MANIFEST, "size": len(body), "digest": own, "artifactType": BUNDLE_TYPE}

    async def refer(self, digest: str, descriptors: Sequence[dict[str, Any]]) -> None:
        """The fallback tag of `digest` with these referrers."""
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(descriptors)}
        await self.put(digest.replace(":", "-"), document, OCI_INDEX)

    async def bundled(
        self, digest: str, statement: bytes | None = None, key: str = "trusted", **over: Any
    ) -> dict[str, Any]:
        """A bundle signature over `statement` (the right one where none is given) as `digest`'s only referrer."""
        envelope = self.envelope(sign_statement(digest) if statement is None else statement, key)
        descriptor = await self.bundle_manifest(self.bundle(envelope, self.signers[key].public.hint, **over), digest)
        await self.refer(digest, [descriptor])
        return descriptor

    # The real thing

    async def cosign(self, program: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """Run a real cosign; it must succeed."""
        environment = {**os.environ, "COSIGN_PASSWORD": "", "HOME": str(self.folder), **(env or {})}
        process = await asyncio.create_subprocess_exec(
            program, *arguments, cwd=self.folder, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _none = await process.communicate()
        assert process.returncode == 0, output.decode()

    def reference(self, digest: str) -> str:
        """host/repository@digest."""
        return f"{self.host}/{self.repository}@{digest}"


def _digest(body: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(body)
    return f"sha256:{digest.finalize().hex()}"


def simple_payload(digest: str, **over: Any) -> bytes:
    """A simple-signing payload; `over` replaces members of its critical part, `optional` its annotations."""
    optional = over.pop("optional", None)
    critical = {
        "identity": {"docker-reference": "registry.example/app"},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    } | over
    return compact({"critical": critical, "optional": optional})


def sign_statement(digest: str, **over: Any) -> bytes:
    """An in-toto statement as cosign 3.1 signs it; `over` replaces its members."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}, "annotations": {}}],
        "predicateType": SIGN_PREDICATE,
        "predicate": {},
    }
    return compact(statement | over)


def subject(digest: str, **annotations: Any) -> dict[str, Any]:
    """One subject of a statement."""
    return {"digest": {"sha256": digest.removeprefix("sha256:")}, "annotations": annotations}
