"""A registry with one sample of every kind, filled once for all tests of the audit's pages."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bin.lib import samples
from harborweb.audit import services
from harborweb.audit.sweeps import workshop
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry.client import Client, Endpoint
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from harborweb.verification.keys import load_public_key
from tests import parts
from tests.harbor_double.fixtures import harbor  # noqa: F401 - a fixture


@dataclass(frozen=True)
class Filled:
    """The registry's address and the demo key's public half."""

    server: parts.Registry
    public_pem: str


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, cosign3: str) -> Iterator[Filled]:
    """A registry with all samples in it, for tests that write nothing there."""
    with filled_registry(tmp_path_factory.mktemp("samples"), cosign3) as found:
        yield found


@contextmanager
def filled_registry(folder: Path, cosign3: str) -> Iterator[Filled]:
    """A registry of its own with all samples in it."""
    with parts.registry_server(folder / "registry") as server:

        async def fill() -> None:
            signer = await samples.keys(Path(cosign3), folder / "keys")
            async with Client(Endpoint(server.url, allow_http=True)) as client:
                await samples.fill(client, signer, server.host, folder / "done.json")

        asyncio.run(fill())
        yield Filled(server, (folder / "keys" / "demo.pub").read_text())


@pytest.fixture
def known(filled: Filled, transactional_db: None) -> Registry:
    """The registry and the trusted key, as an administrator would have added them."""
    key = load_public_key(filled.public_pem.encode())
    Key.objects.create(
        name="demo", kind=Key.Kind.PUBLIC, state=Key.State.READY, algorithm=key.kind,
        public_pem=key.pem, fingerprint=key.fingerprint, trusted=True,
    )  # fmt: skip
    return Registry.objects.create(name="samples", url=filled.server.url, allow_http=True)


@pytest.fixture
def sweep(rf: Any, person: Callable[..., Any], redis_settings: str) -> Callable[[Registry], Job]:
    """Sweep a registry: request it as a signer would, then do what the worker does."""

    def run(registry: Registry) -> Job:
        request = rf.post("/audit/sweep/")
        request.user = person(2, name=f"sweeper-{Job.objects.count()}")
        job = services.request_sweep(request, registry)
        # In a thread, as a worker has one of its own: Playwright keeps an event loop in this one.
        worker = threading.Thread(target=perform, args=(job.pk, workshop.sweep))
        worker.start()
        worker.join()
        job.refresh_from_db()
        return job

    return run
