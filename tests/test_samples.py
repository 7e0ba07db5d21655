"""The sample images: each is what it says, by cosign's own judgement."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from bin.lib import samples
from bin.lib.samples import SAMPLES
from harborweb.registry.client import Client, Endpoint
from tests import parts


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> "tuple[parts.Registry, Path]":
    """A real registry with all samples, and the folder of the keys."""
    folder = tmp_path_factory.mktemp("samples")
    with parts.registry_server(folder / "registry") as server:
        fill(server, folder)
        yield server, folder / "keys"


def fill(server: parts.Registry, folder: Path) -> int:
    async def work() -> int:
        signer = await samples.keys(Path(parts.program("cosign")), folder / "keys")
        async with Client(Endpoint(server.url, allow_http=True)) as client:
            return await samples.fill(client, signer, server.host, folder / "done.json")

    return asyncio.run(work())


def cosign_verifies(keys: Path, image: str, key: str, what: str = "verify", *more: str) -> bool:
    command = [
        parts.program("cosign"), what, "--key", f"{key}.pub", "--insecure-ignore-tlog=true", "--allow-http-registry",
        *more, image,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=keys, env={"HOME": str(keys)}, capture_output=True)
    return done.returncode == 0


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.repository}:{sample.tag}")
def test_cosign_agrees(filled: "tuple[parts.Registry, Path]", sample: samples.Sample) -> None:
    """Signed by the demo key exactly where the table says trusted; cosign 3 takes an attestation for a signature."""
    server, keys = filled
    image = f"{server.host}/{sample.repository}:{sample.tag}"
    by_demo = cosign_verifies(keys, image, "demo")
    assert by_demo == (sample.verdict in {"trusted", "attestation_only"})
    assert cosign_verifies(keys, image, "stranger") == (sample.verdict == "unknown_key")
    if sample.verdict == "attestation_only":
        assert cosign_verifies(keys, image, "demo", "verify-attestation", "--type", "custom")


def test_both_formats_are_there(filled: "tuple[parts.Registry, Path]") -> None:
    """team/web:1.0 has a bundle as referrer, team/web:0.9 a signature at the .sig tag."""
    server, _ = filled

    async def look() -> tuple[str, set[str], str, str]:
        async with Client(Endpoint(server.url, allow_http=True)) as client:
            new = await client.manifest("team/web", "1.0")
            old = await client.manifest("team/web", "0.9")
            referrer = (await client.referrers("team/web", new.digest)).descriptors[0]["digest"]
            kind = json.loads((await client.manifest("team/web", referrer)).body)["artifactType"]
            return kind, {tag async for tag in client.tags("team/web")}, new.digest, old.digest

    kind, tags, new, old = asyncio.run(look())
    assert kind == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert old.replace(":", "-") + ".sig" in tags
    assert new.replace(":", "-") + ".sig" not in tags


def test_the_index_and_the_moved_tag(filled: "tuple[parts.Registry, Path]") -> None:
    """The index lists two children, one without a tag; the digest that the moved tag left is still there."""
    server, _ = filled

    async def look() -> tuple[list[str], str, int]:
        async with Client(Endpoint(server.url, allow_http=True)) as client:
            index = json.loads((await client.manifest("platform/proxy", "3.0")).body)
            children = [child["digest"] for child in index["manifests"]]
            tagged = (await client.manifest("platform/proxy", "3.0-amd64")).digest
            signed = 0
            async for tag in client.tags("platform/cache"):
                signed += tag.startswith("sha256-")
            return children, tagged, signed

    children, tagged, signed = asyncio.run(look())
    assert len(children) == 2
    assert tagged in children
    assert signed == 1  # the fallback tag of the digest that was signed before the tag moved


def test_a_second_fill_pushes_nothing(tmp_path: Path) -> None:
    """Filling again changes no tag and adds none."""
    with parts.registry_server(tmp_path / "registry") as server:
        assert fill(server, tmp_path) == len(SAMPLES)
        before = everything(server)
        assert fill(server, tmp_path) == 0
        assert everything(server) == before


def everything(server: parts.Registry) -> dict[str, str]:
    async def look() -> dict[str, str]:
        async with Client(Endpoint(server.url, allow_http=True)) as client:
            return {
                f"{name}:{tag}": (await client.manifest(name, tag)).digest
                async for name in client.repositories()
                async for tag in client.tags(name)
            }

    return asyncio.run(look())
