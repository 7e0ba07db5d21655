"""The sample images of the demo and the tests: one of each kind that an audit tells apart.

Tiny images, pushed through the registry's API; every signature that is meant to be
sound is made by cosign itself. `fill` does it all and can be repeated.
"""

import asyncio
import base64
import gzip
import hashlib
import io
import json
import os
import secrets
import tarfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST, Client

PLATFORMS = ("amd64", "arm64")
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"


class Sample(NamedTuple):
    """A tag and the verdict that an audit, trusting the demo key alone, must reach."""

    repository: str
    tag: str
    verdict: str


SAMPLES = [
    Sample("team/web", "1.0", "trusted"),  # signed by the demo key, cosign 3's bundle
    Sample("team/web", "0.9", "trusted"),  # signed by the demo key, the older format at a tag
    Sample("team/web", "1.1", "unsigned"),  # waits for the first click on "Sign"
    Sample("team/api", "2.1", "unknown_key"),  # signed by a stranger's key
    Sample("team/api", "2.0", "invalid"),  # garbage at its .sig tag
    Sample("team/worker", "1.4", "attestation_only"),  # attested by the demo key, never signed
    Sample("platform/base", "12", "unsigned"),
    Sample("platform/proxy", "3.0", "trusted"),  # an index, signed without its children
    Sample("platform/proxy", "3.0-amd64", "via_index"),  # the one child that has a tag
    Sample("platform/cache", "7.2", "unsigned"),  # was signed, then the tag moved on
]
TO_SIGN = SAMPLES[2]
# The index's other child has no tag; its row is found by its digest.
CHILD = ("platform/proxy", "arm64", "via_index")


class CosignFailed(Exception):
    """cosign did not do what a sample needs; the text has its own words."""


@dataclass(frozen=True)
class Signer:
    """Runs cosign with the keys in `folder`: demo.key, which is trusted, and stranger.key, which is not."""

    cosign: Path
    folder: Path
    password: str = field(repr=False)

    def sign_in(self, host: str, user: str, password: str) -> None:
        """Let cosign sign in to `host`, by a file in its home that only we can read."""
        file = self.folder / ".docker" / "config.json"
        file.parent.mkdir(exist_ok=True)
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(json.dumps({"auths": {host: {"auth": login}}}))

    async def run(self, *arguments: str) -> None:
        """Run cosign with these arguments in the keys' folder; raises CosignFailed."""
        environment = os.environ | {"COSIGN_PASSWORD": self.password, "HOME": str(self.folder)}
        environment.pop("DOCKER_CONFIG", None)
        process = await asyncio.create_subprocess_exec(
            str(self.cosign), *arguments, cwd=self.folder, env=environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await asyncio.wait_for(process.communicate(), 120)
        if process.returncode:
            raise CosignFailed(f"cosign {' '.join(arguments)} ended with {process.returncode}:\n{output.decode()}")

    async def sign(self, image: str, key: str = "demo", *, simple: bool = False) -> None:
        """Sign `image` (host/repository@digest) as a bundle, or in the older format at a tag."""
        if simple:
            how = ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"]
        else:
            how = ["--signing-config", "signing-config.json"]
        await self.run("sign", "--yes", "--key", f"{key}.key", *how, *self._quietly(), image)

    async def attest(self, image: str, key: str = "demo") -> None:
        """Attach an attestation: a statement about `image`, not a signature of it."""
        (self.folder / "predicate.json").write_text('{"scanner":"sample","result":"failed"}')
        await self.run(
            "attest", "--yes", "--key", f"{key}.key", "--type", "custom", "--predicate", "predicate.json",
            "--signing-config", "signing-config.json", *self._quietly(), image,
        )  # fmt: skip

    def _quietly(self) -> list[str]:
        """Plain http on loopback, and a trusted root of our own: nothing is asked of the internet."""
        return ["--trusted-root", "trusted-root.json", "--allow-http-registry"]


async def keys(cosign: Path, folder: Path) -> Signer:
    """The signer with the keys in `folder`, made by cosign where they are missing."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = folder / "password"
    if not password.exists():
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(18))
    (folder / "trusted-root.json").write_text(
        '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
    )
    signer = Signer(cosign, folder, password.read_text())
    for name in ("demo", "stranger"):
        if not (folder / f"{name}.pub").exists():
            (folder / f"{name}.key").unlink(missing_ok=True)
            await signer.run("generate-key-pair", "--output-key-prefix", name)
    (folder / "signing-config.json").unlink(missing_ok=True)
    await signer.run("signing-config", "create", "--out", "signing-config.json")
    return signer


@dataclass
class Filler:
    """Pushes samples; `host` stands before the repository in what cosign is told to sign."""

    client: Client
    signer: Signer
    host: str

    async def image(self, repository: str, tag: str, content: str, platform: str = "amd64") -> str:
        """Push an image of one tiny layer; at `tag`, or by its digest alone where that is empty. Its digest."""
        layer, inside = _layer(content)
        configuration = json.dumps(
            {
                "architecture": platform, "os": "linux", "created": "2026-01-01T00:00:00Z",
                "config": {"Cmd": ["/hello"], "Labels": {"org.opencontainers.image.title": repository}},
                "rootfs": {"type": "layers", "diff_ids": [_digest(inside)]},
                "history": [{"created_by": "bin/demo", "created": "2026-01-01T00:00:00Z"}],
            }
        ).encode()  # fmt: skip
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": await self._blob(repository, configuration, "application/vnd.oci.image.config.v1+json"),
            "layers": [await self._blob(repository, layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
        }
        return await self._manifest(repository, tag, manifest, OCI_MANIFEST)

    async def index(self, repository: str, tag: str) -> str:
        """Push an index of two platforms, of which amd64 has a tag of its own; the index's digest."""
        children = []
        for platform in PLATFORMS:
            own = f"{tag}-{platform}" if platform == "amd64" else ""
            digest = await self.image(repository, own, f"{repository} {tag} {platform}", platform)
            size = len((await self.client.manifest(repository, digest)).body)
            children.append(
                {
                    "mediaType": OCI_MANIFEST, "digest": digest, "size": size,
                    "platform": {"architecture": platform, "os": "linux"},
                }
            )  # fmt: skip
        body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
        return await self._manifest(repository, tag, body, OCI_INDEX)

    async def sign(self, repository: str, digest: str, key: str = "demo", *, simple: bool = False) -> None:
        """Sign by digest, with cosign."""
        await self.signer.sign(f"{self.host}/{repository}@{digest}", key, simple=simple)

    async def forge(self, repository: str, digest: str) -> None:
        """Put garbage where a signature of `digest` would be: the right payload, and bytes that sign nothing."""
        payload = json.dumps(
            {
                "critical": {
                    "identity": {"docker-reference": f"{self.host}/{repository}"},
                    "image": {"docker-manifest-digest": digest},
                    "type": "cosign container image signature",
                },
                "optional": None,
            },
            separators=(",", ":"),
        ).encode()
        layer: dict[str, object] = await self._blob(repository, payload, SIMPLE_SIGNING)
        garbage = base64.b64encode(b"this signs nothing at all").decode()
        layer["annotations"] = {"dev.cosignproject.cosign/signature": garbage}
        empty = json.dumps({"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": await self._blob(repository, empty, "application/vnd.oci.image.config.v1+json"),
            "layers": [layer],
        }
        await self._manifest(repository, digest.replace(":", "-") + ".sig", manifest, OCI_MANIFEST)

    async def _blob(self, repository: str, data: bytes, media_type: str) -> dict[str, object]:
        digest = await self.client.put_blob(repository, data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    async def _manifest(self, repository: str, tag: str, manifest: dict[str, object], media_type: str) -> str:
        body = json.dumps(manifest, indent=1).encode()
        return await self.client.put_manifest(repository, tag or _digest(body), body, media_type)


async def _make(filler: Filler, sample: Sample) -> None:
    """Push one sample and what is to be found beside it."""
    repository, tag, verdict = sample
    content = f"{repository}:{tag}"
    if repository == "platform/proxy":
        if verdict == "trusted":
            await filler.sign(repository, await filler.index(repository, tag))
        return  # the child was pushed with its index
    digest = await filler.image(repository, tag, content)
    if repository == "platform/cache":
        await filler.sign(repository, digest)
        await filler.image(repository, tag, f"{content} rebuilt")
        return
    kinds: dict[str, Callable[[], Awaitable[None]]] = {
        "trusted": lambda: filler.sign(repository, digest, simple=tag == "0.9"),
        "unknown_key": lambda: filler.sign(repository, digest, "stranger"),
        "invalid": lambda: filler.forge(repository, digest),
        "attestation_only": lambda: filler.signer.attest(f"{filler.host}/{repository}@{digest}"),
    }
    if verdict in kinds:
        await kinds[verdict]()


async def fill(client: Client, signer: Signer, host: str, done: Path) -> int:
    """Push every sample that the list in the file `done` does not name; returns how many were pushed.

    A sample is named there only when it is whole, so a broken-off fill goes on where it ended, and what a
    person did to a sample later stays as it is.
    """
    there = json.loads(done.read_text()) if done.exists() else []
    filler = Filler(client, signer, host)
    count = 0
    for sample in SAMPLES:
        name = f"{sample.repository}:{sample.tag}"
        if name not in there:
            await _make(filler, sample)
            there.append(name)
            done.write_text(json.dumps(there))
            count += 1
    return count


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _layer(content: str) -> tuple[bytes, bytes]:
    """A gzipped tar with one file, and the tar itself; the same bytes for the same content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("hello")
        entry.size, entry.mode = len(content.encode()), 0o755
        archive.addfile(entry, io.BytesIO(content.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0), buffer.getvalue()
