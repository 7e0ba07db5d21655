"""A Harbor in front of the samples: surveyed by its own API, as a robot that may list and pull and nothing else."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from bin.lib.samples import SAMPLES
from harborweb import sealing
from harborweb.audit.models import ArtifactVerdict
from harborweb.jobs.models import Job
from harborweb.registry.client import Endpoint, RegistryError
from harborweb.registry.harbor.browsing import every_artifact
from harborweb.registry.harbor.client import Harbor
from harborweb.registry.harbor.reading import Artifact
from harborweb.registry.models import PASSWORD_PURPOSE, Registry
from tests.audit.conftest import Filled
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.lying import in_turn, lying, reply

AUDIT = [("repository", "list"), ("artifact", "list"), ("repository", "pull"), ("artifact", "read")]


@pytest.fixture
def harbor(tmp_path: Path, filled: Filled) -> Iterator[HarborDouble]:
    """A Harbor that stands before the registry with the samples."""
    with harbor_double(tmp_path / "harbor", registry=filled.server.url) as double:
        double.adopt()
        yield double


def as_robot(harbor: HarborDouble, known: Registry, projects: list[str]) -> Registry:
    """The registry's row pointed at the Harbor, with a robot that may read `projects`."""
    access = [{"resource": resource, "action": action} for resource, action in AUDIT]
    body = {
        "name": "audit", "duration": 90, "level": "system",
        "permissions": [
            {"kind": "system", "namespace": "/", "access": [{"resource": "project", "action": "list"}]},
            *({"kind": "project", "namespace": name, "access": access} for name in projects),
        ],
    }  # fmt: skip
    made = requests.post(f"{harbor.url}/api/v2.0/robots", json=body, auth=harbor.admin, timeout=10).json()
    known.url, known.username = harbor.url, made["name"]
    known.password_sealed = sealing.seal(made["secret"], PASSWORD_PURPOSE)
    known.save()
    return known


def verdicts() -> dict[str, str]:
    return {f"{row.repository}:{tag}": row.verdict for row in ArtifactVerdict.objects.all() for tag in row.tags}


EXPECTED = {f"{sample.repository}:{sample.tag}": sample.verdict for sample in SAMPLES}
PROJECTS = sorted({sample.repository.partition("/")[0] for sample in SAMPLES})


def test_a_robot_that_may_not_read_the_catalog_sweeps_it_all(
    harbor: HarborDouble, known: Registry, sweep: Callable[[Registry], Job]
) -> None:
    registry = as_robot(harbor, known, PROJECTS)
    catalog = requests.get(f"{harbor.url}/v2/_catalog", auth=(registry.username, "?"), timeout=10)
    assert catalog.status_code == 401
    job = sweep(registry)
    assert job.state == Job.State.SUCCEEDED, job.error
    assert verdicts() == EXPECTED


@pytest.mark.parametrize("project", PROJECTS)
def test_content_trust_hides_manifests_and_not_what_they_are_judged_by(
    harbor: HarborDouble, known: Registry, sweep: Callable[[Registry], Job], project: str
) -> None:
    """Harbor answers 412 for the manifest of what it takes for unsigned: still "unsigned", not "could not check"."""
    setting = {"metadata": {"enable_content_trust_cosign": "true"}}
    changed = requests.put(f"{harbor.url}/api/v2.0/projects/{project}", json=setting, auth=harbor.admin, timeout=10)
    assert changed.status_code == 200, changed.text
    registry = as_robot(harbor, known, PROJECTS)
    assert sweep(registry).state == Job.State.SUCCEEDED
    assert verdicts() == EXPECTED
    assert any(" 412" in line for line in harbor.requests), "nothing was withheld, so nothing was tried"


def test_an_artifact_without_a_tag_is_judged_too(
    harbor: HarborDouble, known: Registry, sweep: Callable[[Registry], Job]
) -> None:
    """No list of tags has it, and it can be pulled by its digest."""
    at = f"{harbor.url}/api/v2.0/projects/team/repositories/web/artifacts"
    digest = requests.get(f"{at}/1.1", auth=harbor.admin, timeout=10).json()["digest"]
    state = harbor.state.repository("team/web")  # in the double alone: the registry behind is shared
    assert state is not None
    del state.tags["1.1"]
    state.changed()
    registry = as_robot(harbor, known, PROJECTS)
    sweep(registry)
    row = ArtifactVerdict.objects.get(repository="team/web", digest=digest)
    assert (row.tags, row.verdict) == ([], "unsigned")


def test_a_project_that_may_not_be_listed_is_no_short_sweep(
    harbor: HarborDouble, known: Registry, sweep: Callable[[Registry], Job]
) -> None:
    """Its images are visible and its repositories are not: the reason is Harbor's, with the project's name."""
    registry = as_robot(harbor, known, PROJECTS)
    robot = harbor.state.robot(registry.username)
    assert robot is not None
    for grant in robot.permissions:
        if grant["namespace"] == "team":
            grant["access"] = [{"resource": "repository", "action": "pull"}]
    job = sweep(registry)
    assert job.state == Job.State.FAILED
    assert "does not let robot$audit" in job.error and "team" in job.error, job.error


def test_a_list_that_never_holds_still_is_a_failure_and_no_short_sweep() -> None:
    """Two artifacts are promised, one comes: another one was deleted meanwhile, or left out."""
    digest = "sha256:" + "1" * 64
    with lying() as liar:
        path = "/api/v2.0/projects/team/repositories/web/artifacts"
        liar.on(path, reply([{"digest": digest}], {"X-Total-Count": "2"}))

        async def read() -> list[Artifact]:
            async with Harbor(Endpoint(liar.url, allow_http=True)) as harbor:
                return [one async for one in every_artifact(harbor, "team/web")]

        with pytest.raises(RegistryError, match="never holds still"):
            asyncio.run(read())
        assert len(liar.asked(path)) == 3
        liar.on(path, in_turn(reply([{"digest": digest}], {"X-Total-Count": "2"}),
                              reply([{"digest": digest}], {"X-Total-Count": "1"})))  # fmt: skip
        assert [one.digest for one in asyncio.run(read())] == [digest]
