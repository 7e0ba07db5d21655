"""Real parts for signing: registries (plain, TLS, with a password), both cosigns, images to sign."""

import datetime
import ipaddress
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import RequestFactory

from tests import parts

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# `htpasswd -nbB robot "s3cret pass"`: bcrypt, because the registry takes nothing else.
USER, PASSWORD = "robot", "s3cret pass"
HTPASSWD = "robot:$2b$04$QXkjFCr2BoC3UUrcud24hOmIfBN7tT4xRTFkOQJAxBrGPsBi1En4K\n"


@pytest.fixture(autouse=True)
def queue(redis_settings: str, settings: Any) -> str:
    """Celery's broker is the real Redis of the tests; no worker listens, tests perform the jobs themselves."""
    settings.CELERY_BROKER_URL = redis_settings
    return redis_settings


@pytest.fixture(params=["cosign-2.5", "cosign"], ids=["cosign2", "cosign3"])
def cosign(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two cosigns in turn, as the one that the worker finds."""
    path = parts.program(request.param)
    monkeypatch.setenv("HARBORWEB_COSIGN", path)
    return path


@pytest.fixture
def cosign_three(cosign3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The worker finds cosign 3."""
    monkeypatch.setenv("HARBORWEB_COSIGN", cosign3)
    return cosign3


@pytest.fixture
def asked(person: Callable[..., Any]) -> Any:
    """A request by an administrator, as services take it."""
    from harborweb.accounts.roles import Role

    request = RequestFactory().post("/")
    request.user = person(Role.ADMINISTRATOR)
    return request


@dataclass(frozen=True)
class Image:
    """A tiny image in a registry."""

    repository: str
    tag: str
    digest: str


@pytest.fixture
def push() -> Callable[..., Image]:
    """`push(row, "team/app", "1.0", seed="…")`: put a tiny image through the registry's API."""
    from harborweb.registry.client import Client

    async def put(row: Any, repository: str, tag: str, seed: str) -> str:
        async with Client(row.endpoint()) as client:
            config = json.dumps(
                {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "x": seed}
            )
            layer = f"layer {seed}".encode()
            described = [
                {"mediaType": kind, "digest": await client.put_blob(repository, data), "size": len(data)}
                for kind, data in (
                    ("application/vnd.oci.image.config.v1+json", config.encode()),
                    ("application/vnd.oci.image.layer.v1.tar", layer),
                )
            ]
            body = json.dumps(
                {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
            )
            return await client.put_manifest(repository, tag, body.encode(), MANIFEST)

    def make(row: Any, repository: str, tag: str = "1.0", seed: str = "") -> Image:
        return Image(repository, tag, async_to_sync(put)(row, repository, tag, seed or f"{repository}:{tag}"))

    return make


@pytest.fixture
def row(registry: parts.Registry, transactional_db: None) -> Any:
    """The plain http registry, as harborweb knows it."""
    from harborweb.registry.models import Registry

    return Registry.objects.create(name="plain", url=registry.url, allow_http=True)


@dataclass(frozen=True)
class Secured:
    """A registry with TLS under a CA of its own and a password."""

    url: str
    ca_pem: str


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A real registry, https by a CA of its own, basic auth."""
    folder = tmp_path_factory.mktemp("secured")
    ca_pem = _certificates(folder)
    (folder / "htpasswd").write_text(HTPASSWD)
    extra = (
        f"  tls:\n    certificate: {folder / 'server.pem'}\n    key: {folder / 'server.key'}\n"
        f"auth:\n  htpasswd:\n    realm: tests\n    path: {folder / 'htpasswd'}\n"
    )
    with parts.registry_server(folder / "registry", extra=extra) as server:
        yield Secured(f"https://{server.host}", ca_pem)


@pytest.fixture
def secured_row(secured: Secured, transactional_db: None) -> Any:
    """The secured registry, as harborweb knows it."""
    from harborweb import sealing
    from harborweb.registry.models import PASSWORD_PURPOSE, Registry

    return Registry.objects.create(
        name="secured", url=secured.url, username=USER, ca_pem=secured.ca_pem,
        password_sealed=sealing.seal(PASSWORD, PASSWORD_PURPOSE),
    )  # fmt: skip


def _certificates(folder: Path) -> str:
    """A CA and a certificate for 127.0.0.1 in `folder`; the CA as PEM."""
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def builder(subject: x509.Name, public: Any) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
        )  # fmt: skip

    authority = builder(name, ca_key.public_key()).add_extension(x509.BasicConstraints(True, 0), True)
    ca = authority.sign(ca_key, hashes.SHA256())
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    leaf = builder(server, key.public_key()).add_extension(addresses, False).sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "server.pem").write_bytes(leaf.public_bytes(pem))
    (folder / "server.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return ca.public_bytes(pem).decode()
