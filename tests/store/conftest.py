"""A registry with a few images, known to harborweb."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.audit.words import ORDER
from harborweb.registry.models import Registry
from harborweb.registry.names import fallback_tag
from harborweb.verification.verdict import Verdict
from tests import parts
from tests.audit.judging import settled
from tests.browser import chromium, page  # noqa: F401 - fixtures
from tests.registry.images import client, push_image, push_index, run


@dataclass(frozen=True)
class Shelf:
    """What was pushed: digests by name."""

    host: str
    app: str
    other: str
    index: str


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """A real registry of our own, so that its whole catalog is known."""
    with parts.registry_server(tmp_path_factory.mktemp("shelf")) as server:

        async def fill() -> Shelf:
            async with client(server.url) as c:
                app = await push_image(c, "platform/app", "1.0", "latest", seed="app")
                other = await push_image(c, "platform/app", "2.0", seed="other")
                index = await push_index(c, "platform/app", "multi", of={"amd64": app, "arm64": other})
                await push_image(c, "platform/app", fallback_tag(app) + ".sig", seed="no signature")
                await push_image(c, "platform/tools/lint", "1", seed="lint")
                await push_image(c, "teaching/hello", "1", seed="hello")
                await push_image(c, "busybox", "1", seed="busybox")
                return Shelf(server.host, app, other, index)

        yield run(fill())


@pytest.fixture
def lab(db: Any, shelf: Shelf) -> Registry:
    """The row of that registry."""
    return Registry.objects.create(name="lab", url=f"http://{shelf.host}", allow_http=True)


@pytest.fixture
def swept(lab: Registry, shelf: Shelf) -> Registry:
    """The same, with what a sweep said of two of its artifacts."""
    now = timezone.now()
    sweep = Sweep.objects.create(registry=lab, finished=now, complete=True)
    for digest, verdict, reason in (
        (shelf.app, Verdict.INVALID, "The signature names another digest. It was copied here."),
        (shelf.other, Verdict.TRUSTED, "A trusted key signed this digest."),
    ):
        ArtifactVerdict.objects.create(
            registry=lab, sweep=sweep, project="platform", repository="platform/app", digest=digest, verdict=verdict,
            rank=ORDER.index(verdict), reason=reason, since=now, checked=now,
        )  # fmt: skip
    settled(lab)
    return lab
