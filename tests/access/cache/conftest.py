"""A Harbor with somewhere to fetch from: a real registry that stands for Docker Hub and others."""

import gzip
import hashlib
import json
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harborweb.registry.client import OCI_MANIFEST, Client
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from harborweb.sealing import seal
from tests import parts
from tests.access.clients import layer
from tests.harbor_double import HarborDouble
from tests.registry.images import client, push_image, run

HUB = "https://hub.docker.com"


@dataclass(frozen=True)
class Upstream:
    """A real registry with images, and how to take it away."""

    url: str
    digest: str

    @property
    def host(self) -> str:
        return self.url.partition("://")[2]


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    """The registry behind the caches, with library/nginx:1.27 and team/app:1.0."""
    with parts.registry_server(tmp_path / "upstream") as server:
        yield Upstream(server.url, filled(server.url))


def filled(url: str) -> str:
    """Put images there; the digest of library/nginx:1.27."""

    async def push() -> str:
        async with client(url) as c:
            await push_image(c, "team/app", "1.0", seed="app")
            return await push_whole_image(c, "library/nginx", "1.27", "latest")

    return run(push())


async def push_whole_image(c: Client, repository: str, *tags: str) -> str:
    """An image that an engine can unpack: its layer is a real tar of this machine's architecture."""
    plain = layer()
    packed = gzip.compress(plain, mtime=0)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    config = json.dumps({
        "architecture": machine, "os": "linux", "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"]},
    }).encode()  # fmt: skip
    content = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": await c.put_blob(repository, config),
            "size": len(config),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": await c.put_blob(repository, packed), "size": len(packed),
        }],
    }  # fmt: skip
    body = json.dumps(content).encode()
    digests = [await c.put_manifest(repository, tag, body, OCI_MANIFEST) for tag in tags]
    return digests[0]


@pytest.fixture
def hub(harbor: HarborDouble, upstream: Upstream) -> HarborDouble:
    """The Harbor, for which hub.docker.com is the registry of `upstream`."""
    harbor.state.instead[HUB] = upstream.url
    return harbor


def registered(harbor: HarborDouble, username: str = "", password: str = "", name: str = "lab") -> Registry:
    """The Harbor as a registry that was added here."""
    sealed = seal(password, PASSWORD_PURPOSE) if password else b""
    return Registry.objects.create(
        name=name, url=harbor.url, username=username, password_sealed=sealed, allow_http=True
    )


@pytest.fixture
def row(harbor: HarborDouble, db: None) -> Registry:
    """The Harbor, looked at as its administrator."""
    return registered(harbor, *harbor.admin)


def pulled(harbor: HarborDouble, repository: str, reference: str, auth: tuple[str, str] | None = None) -> Any:
    """Pull an image whole, as a client does: manifest, then configuration and layers."""

    async def pull() -> str:
        name, password = auth or ("", "")
        async with client(harbor.url, username=name, password=password) as c:
            found = await c.manifest(repository, reference)
            for part in [found.content["config"], *found.content["layers"]]:
                await c.blob(repository, part["digest"])
            return found.digest

    return run(pull())
