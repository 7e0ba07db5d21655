"""A Harbor with a few images, known to harborweb, and what a sweep said of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from harborweb import sealing
from harborweb.audit.models import ArtifactVerdict, Sweep, TagSighting
from harborweb.audit.words import ORDER
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from harborweb.registry.names import fallback_tag
from harborweb.signing.models import Key
from harborweb.verification.verdict import Verdict
from tests.audit.judging import settled
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.images import client, push_image, push_index, run

FINGERPRINT = "ab" * 32
HISTORY = [
    {"created": "2026-11-01T00:00:00Z", "created_by": "ADD rootfs.tar / # buildkit"},
    {"created": "2026-11-01T00:00:01Z", "created_by": "ENV PATH=/bin", "empty_layer": True},
    {"created": "2026-11-01T00:00:02Z", "created_by": "EXPOSE 80/tcp", "empty_layer": True},
]
CONFIG = {
    "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/var/lib/app": {}}, "User": "1000:1000", "WorkingDir": "/srv",
    "Env": ["PATH=/bin", "DB_PASSWORD=changeme", "SMTP_HOST="],
    "Healthcheck": {"Test": ["CMD", "wget", "-q", "localhost"], "Interval": 30_000_000_000},
}  # fmt: skip


@dataclass(frozen=True)
class Filled:
    """The double and what was pushed into it: digests by name."""

    harbor: HarborDouble
    app: str
    old: str
    untagged: str
    index: str
    child: str
    web: str
    held: str


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A Harbor of this module's own."""
    with harbor_double(tmp_path_factory.mktemp("store-harbor") / "harbor") as double:
        yield fill(double)


def fill(double: HarborDouble) -> Filled:
    """Projects of every kind, an index, an image without a tag, names with slashes, something like a signature."""
    state = double.state
    for name in ("platform", "trust"):
        state.add_project(name)
    state.add_project("teaching", public=True)
    upstream = state.add_upstream("hub", "https://registry-1.docker.example", "docker-hub")
    state.add_project("hub", public=True, registry=upstream.id)

    async def push() -> list[str]:
        async with client(double.url, username="admin", password=double.admin[1]) as c:
            untagged = await push_image(c, "platform/app", "2.0", seed="untagged")
            old = await push_image(c, "platform/app", "1.0", seed="old")
            app = await push_image(c, "platform/app", "2.0", "latest", seed="app", config=CONFIG, history=HISTORY)
            bogus = "application/vnd.dev.cosign.simplesigning.v1+json"
            await push_image(c, "platform/app", fallback_tag(app) + ".sig", seed="no signature", layer_type=bogus)
            child = await push_image(c, "platform/multi", "amd64", seed="child")
            index = await push_index(c, "platform/multi", "1.0", of={"amd64": child})
            web = await push_image(c, "platform/team/web/front", "v1", seed="web")
            held = await push_image(c, "trust/held", "1", seed="held")
            await push_image(c, "teaching/hello", "1", seed="hello")
            return [app, old, untagged, index, child, web, held]

    found = Filled(double, *run(push()))
    multi = state.repository("platform/multi")
    assert multi is not None
    multi.tags.pop("amd64")
    multi.changed()
    app = state.repository("platform/app")
    assert app is not None
    app.description = "The application that everybody uses, in front of the database."
    app.pulls = 412
    project = state.project("trust")
    assert project is not None
    project.metadata["enable_content_trust_cosign"] = "true"
    return found


@pytest.fixture
def lab(db: Any, filled: Filled) -> Registry:
    """The row of that Harbor, as its administrator."""
    name, password = filled.harbor.admin
    return Registry.objects.create(
        name="lab", url=filled.harbor.url, allow_http=True, username=name,
        password_sealed=sealing.seal(password, PASSWORD_PURPOSE), kind=Registry.Kind.HARBOR,
    )  # fmt: skip


@pytest.fixture
def key(db: Any) -> Key:
    """A trusted key."""
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    return Key.objects.create(
        name="release-2026", kind="public", algorithm="ECDSA P-256", public_pem=pem, fingerprint=FINGERPRINT
    )


@pytest.fixture
def swept(lab: Registry, filled: Filled, key: Key) -> Registry:
    """The same, with verdicts and a month of tag history."""
    now = timezone.now()
    sweep = Sweep.objects.create(registry=lab, finished=now, complete=True)
    for repository, digest, verdict, reason in (
        ("platform/app", filled.app, Verdict.INVALID, "The signature names another digest (1.0). It was copied here."),
        ("platform/app", filled.old, Verdict.TRUSTED, "A trusted key signed this digest."),
        ("platform/app", filled.untagged, Verdict.UNSIGNED, "No signature found."),
        ("platform/multi", filled.index, Verdict.TRUSTED, "A trusted key signed this digest."),
        ("platform/multi", filled.child, Verdict.VIA_INDEX, "A signed index lists it."),
        ("teaching/hello", "sha256:" + "e" * 64, Verdict.UNKNOWN_KEY, "Signed by a key that is not trusted."),
    ):
        ArtifactVerdict.objects.create(
            registry=lab, sweep=sweep, project=repository.split("/")[0], repository=repository, digest=digest,
            verdict=verdict, rank=ORDER.index(verdict), reason=reason, since=now, checked=now,
            key=FINGERPRINT if verdict == Verdict.TRUSTED else "",
            parents=[filled.index] if verdict == Verdict.VIA_INDEX else [],
        )  # fmt: skip
    settled(lab)
    history = [
        ("latest", filled.old, 26, 9), ("latest", filled.untagged, 9, 2), ("latest", filled.app, 2, None),
        ("2.0", filled.untagged, 9, 2), ("2.0", filled.app, 2, None), ("1.0", filled.old, 26, None),
    ]  # fmt: skip
    for tag, digest, start, end in history:
        TagSighting.objects.create(
            registry=lab, repository="platform/app", tag=tag, digest=digest, first_seen=now - timedelta(days=start),
            last_seen=now - timedelta(days=end or 0), ended=now - timedelta(days=end) if end else None,
        )  # fmt: skip
    return lab
