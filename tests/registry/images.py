"""Small images, pushed through the client itself."""

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST, Client, Endpoint, Limits

Result = TypeVar("Result")
QUICK = Limits(seconds=2, connect_seconds=1, wait_seconds=1)


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine, in a thread of its own: beside Playwright this one has a loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def client(url: str, limits: Limits = QUICK, **more: Any) -> Client:
    """A client that may use http."""
    return Client(Endpoint(url, **{"allow_http": True, **more}), limits)


async def push_image(c: Client, repository: str, *tags: str, seed: str = "") -> str:
    """An image with one layer and a full configuration; returns its digest."""
    layer = await c.put_blob(repository, f"layer {seed}".encode())
    content = {
        "created": "2026-11-23T10:00:00Z", "os": "linux", "architecture": "arm64", "variant": "v8",
        "config": {"Entrypoint": ["/app"], "Cmd": ["serve"], "Env": ["PATH=/bin"], "Labels": {"team": seed or "lab"}},
        "rootfs": {"type": "layers", "diff_ids": []},
    }  # fmt: skip
    data = json.dumps(content).encode()
    config = await c.put_blob(repository, data)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": len(data)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 6 + len(seed)}],
    }
    return await _put(c, repository, manifest, OCI_MANIFEST, *tags)


async def push_index(c: Client, repository: str, *tags: str, of: dict[str, str]) -> str:
    """An index over the digests in `of` (by architecture); returns its digest."""
    listed = [
        {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "platform": {"os": "linux", "architecture": name}}
        for name, digest in of.items()
    ]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    return await _put(c, repository, index, OCI_INDEX, *tags)


async def _put(c: Client, repository: str, content: dict[str, Any], media_type: str, *tags: str) -> str:
    body = json.dumps(content).encode()
    digest = ""
    for tag in tags:
        digest = await c.put_manifest(repository, tag, body, media_type)
    return digest
