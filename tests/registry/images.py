"""Small images, pushed through the client itself."""

import json
import time
from typing import Any

import pytest

from harborweb.registry.client import OCI_INDEX, OCI_MANIFEST, Client, Endpoint, Limits, RegistryError
from harborweb.registry.running import run

__all__ = ["PATIENT", "caught", "client", "push_image", "push_index", "run"]
PATIENT = Limits(seconds=10, wait_seconds=1)


def client(url: str, limits: Limits = PATIENT, **more: Any) -> Client:
    """A client that may use http; it waits long enough for a busy machine, and not long before it asks again."""
    return Client(Endpoint(url, **{"allow_http": True, **more}), limits)


async def push_image(
    c: Client, repository: str, *tags: str, seed: str = "", config: dict[str, Any] | None = None,
    layer_type: str = "application/vnd.oci.image.layer.v1.tar", **more: Any,
) -> str:  # fmt: skip
    """An image with one layer and a full configuration (`config` on top of it, `more` beside); returns its digest."""
    layer = await c.put_blob(repository, f"layer {seed}".encode())
    content = {
        "created": "2026-11-23T10:00:00Z", "os": "linux", "architecture": "arm64", "variant": "v8",
        "config": {"Entrypoint": ["/app"], "Cmd": ["serve"], "Env": ["PATH=/bin"], "Labels": {"team": seed or "lab"},
                   **(config or {})},
        **more, "rootfs": {"type": "layers", "diff_ids": []},
    }  # fmt: skip
    data = json.dumps(content).encode()
    config = await c.put_blob(repository, data)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": len(data)},
        "layers": [{"mediaType": layer_type, "digest": layer, "size": 6 + len(seed)}],
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


def caught(c: Client, method: str, *arguments: object) -> RegistryError:
    """The error of a question; whatever it is, it comes soon and is not NotFound."""

    async def ask() -> None:
        async with c:
            found = getattr(c, method)(*arguments)
            if hasattr(found, "__aiter__"):
                _ = [one async for one in found]
            else:
                await found

    begun = time.monotonic()
    with pytest.raises(RegistryError) as error:
        run(ask())
    assert time.monotonic() - begun < 30
    assert error.value.message
    assert error.value.advice
    return error.value
