"""Events of a Harbor where it differs from a plain registry: content trust, and artifacts without a tag."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from bin.lib import samples
from harborweb.audit import history
from harborweb.audit.hooks import looking, receiving
from harborweb.audit.models import ArtifactVerdict, Hook
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry import running, seeing
from harborweb.registry.client import Client, Endpoint
from harborweb.registry.models import Registry
from tests.audit import harbor_says as says
from tests.audit.test_hooks_looking import LONG_AGO
from tests.harbor_double import HarborDouble

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hook(harbor: HarborDouble, redis_settings: str, transactional_db: None) -> Hook:
    """A public project of the double that tells us."""
    harbor.state.add_project("team", public=True)
    registry = seeing.look(Registry.objects.create(name="lab", url=harbor.url, allow_http=True))
    return Hook.objects.create(registry=registry, project="team", secret_hash="-", address="-")


def push(double: HarborDouble, repository: str, tag: str, text: str) -> str:
    async def ask() -> str:
        async with Client(Endpoint(double.url, *double.admin, allow_http=True)) as client:
            filler = samples.Filler(client, None, double.host)  # type: ignore[arg-type]
            return await filler.image(repository, tag, text)

    return running.run(ask())


def told(hook: Hook, kind: str, repository: str, tag: str, digest: str, at: int) -> Job:
    receiving.take(hook, says.default(kind, says.artifact(repository, tag, digest), at), says.DEFAULT)
    job = Job.objects.filter(kind="hook").latest("pk")
    worker = threading.Thread(target=lambda: (perform(job.pk, looking.look), connections.close_all()))
    worker.start()
    worker.join()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error
    return job


def rows() -> dict[str, tuple[list[str], str]]:
    return {row.digest: (row.tags, row.verdict) for row in ArtifactVerdict.objects.all()}


def test_an_artifact_that_lost_its_tag_stays_while_harbor_has_it(
    hook: Hook, harbor: HarborDouble, sweep: Callable[[Registry], Job]
) -> None:
    first = push(harbor, "team/app", "1", "one")
    told(hook, "PUSH_ARTIFACT", "team/app", "1", first, 1)
    second = push(harbor, "team/app", "1", "two")
    told(hook, "PUSH_ARTIFACT", "team/app", "1", second, 2)
    assert rows() == {first: ([], "unsigned"), second: (["1"], "unsigned")}
    untagged = push(harbor, "team/app", "", "three")
    told(hook, "PUSH_ARTIFACT", "team/app", "", untagged, 3)
    seen = rows()
    assert seen[untagged] == ([], "unsigned")
    sweep(hook.registry)
    assert rows() == seen

    async def delete() -> None:
        async with Client(Endpoint(harbor.url, *harbor.admin, allow_http=True)) as client:
            await client.delete_manifest("team/app", first)

    running.run(delete())
    told(hook, "DELETE_ARTIFACT", "team/app", "", first, 4)
    assert set(rows()) == {second, untagged}


def test_content_trust_hides_no_pushed_image(hook: Hook, harbor: HarborDouble) -> None:
    project = harbor.state.project("team")
    assert project is not None
    project.metadata["enable_content_trust_cosign"] = "true"
    digest = push(harbor, "team/strict", "1", "one")
    told(hook, "PUSH_ARTIFACT", "team/strict", "1", digest, 1)
    assert rows() == {digest: (["1"], "unsigned")}
    [lane] = history.timeline(hook.registry, "team/strict", LONG_AGO)
    assert [span.digest for span in lane.spans] == [digest]


def test_a_harbor_that_refuses_us_is_said_and_changes_nothing(hook: Hook, harbor: HarborDouble) -> None:
    digest = push(harbor, "team/app", "1", "one")
    told(hook, "PUSH_ARTIFACT", "team/app", "1", digest, 1)
    project = harbor.state.project("team")
    assert project is not None
    project.metadata["public"] = "false"
    before = rows()
    receiving.take(hook, says.default("DELETE_ARTIFACT", says.artifact("team/app", "1", digest), 2), says.DEFAULT)
    job: Any = Job.objects.filter(kind="hook").latest("pk")
    worker = threading.Thread(target=lambda: (perform(job.pk, looking.look), connections.close_all()))
    worker.start()
    worker.join()
    job.refresh_from_db()
    assert job.state == Job.State.FAILED and job.error and "asked again" in job.advice
    assert rows() == before
