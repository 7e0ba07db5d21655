"""A worker killed in the middle of a list: gone on with, every digest is signed, and exactly once in the registry."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from harborweb.jobs import services as jobs
from harborweb.registry.client import Client
from harborweb.signing.many import queueing
from harborweb.signing.many import services as many
from harborweb.signing.many.services import Item, Will
from harborweb.signing.many.workshop import AT_ONCE, sign_many
from harborweb.signing.models import BulkSigning
from harborweb.signing.tasks import sign_many as task
from tests.jobs.conftest import broker, until, worker  # noqa: F401 - fixtures
from tests.signing.conftest import Image
from tests.signing.cosigning import verifies
from tests.signing.jobs import done, log, made
from tests.signing.test_keys import SECRET

pytestmark = pytest.mark.django_db(transaction=True)
HOW_MANY = 80


@pytest.fixture
def killed(
    row: Any, cosign_three: str, push: Callable[..., Image], request: pytest.FixtureRequest
) -> Iterator[tuple[BulkSigning, list[Image]]]:
    """A list half signed by a real worker, which was killed with -9 between one write and the next."""
    images = [push(row, f"killed/app{number % 3}", f"v{number}") for number in range(HOW_MANY)]
    key = made(None, "release", "stored", SECRET)
    process: subprocess.Popen[bytes] = request.getfixturevalue("worker")
    items = [Item(one.repository, one.digest, one.tag) for one in images]
    bulk = many.request_sign_many(None, row, items, key, Will(format="both"))
    until(lambda: bulk.items.filter(state="signed").count() >= 2 * AT_ONCE, 120)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    yield bulk, images


def signatures(row: Any, images: list[Image]) -> tuple[Counter[int], Counter[int]]:
    """How many images have how many bundles, and how many have how many signatures at their .sig tag: all there are,
    good or not."""

    async def counted() -> tuple[Counter[int], Counter[int]]:
        bundles, layers = Counter[int](), Counter[int]()
        async with Client(row.endpoint()) as client:
            for one in images:
                bundles[len((await client.referrers(one.repository, one.digest)).descriptors)] += 1
                tag = one.digest.replace(":", "-") + ".sig"
                layers[len((await client.manifest(one.repository, tag)).content["layers"])] += 1
        return bundles, layers

    return async_to_sync(counted)()


def test_exactly_one_signature_each(
    killed: tuple[BulkSigning, list[Image]], row: Any, cosign_three: str, tmp_path: Path
) -> None:
    bulk, images = killed
    counts = bulk.counts()
    assert counts["signed"] < HOW_MANY and counts["signing"] <= AT_ONCE and counts["waiting"]
    until(jobs.mark_lost, 30)
    bulk.refresh_from_db()
    assert bulk.job is not None and bulk.job.state == "lost"
    assert queueing.go_on(task) == 1  # as the scheduler does, without a person
    bulk.refresh_from_db()
    job = done(bulk.job, sign_many)
    assert job.state == "succeeded", job.error + log(job)
    assert bulk.counts()["signed"] == HOW_MANY
    assert signatures(row, images) == (Counter({1: HOW_MANY}), Counter({1: HOW_MANY}))
    assert all(one["outcome"] == "good" for one in job.result["checks"])
    references = [f"{row.host}/{one.repository}@{one.digest}" for one in images]
    assert bulk.key is not None
    code, said = verifies(cosign_three, bulk.key, references[0], tmp_path, *references[1:])
    assert code == 0, said
