"""An image as files, large enough to be told from a small one by a proxy."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """An OCI image layout: its folder, and the digests of its manifest and its one layer."""

    folder: Path
    manifest: str
    layer: str


def layout(folder: Path, size: int = 20 * 1024 * 1024) -> Layout:
    """Write an image with one layer of `size` random bytes."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    kind = "application/vnd.oci.image"
    tar = _tar(os.urandom(size))
    layer = put(gzip.compress(tar, 1), f"{kind}.layer.v1.tar+gzip")
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]}
    config = put(
        json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs}).encode(), f"{kind}.config.v1+json"
    )
    content = {"schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "config": config, "layers": [layer]}
    manifest = put(json.dumps(content).encode(), f"{kind}.manifest.v1+json")
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    return Layout(folder, str(manifest["digest"]), str(layer["digest"]))


def _tar(data: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        one = tarfile.TarInfo("data")
        one.size = len(data)
        archive.addfile(one, io.BytesIO(data))
    return made.getvalue()
