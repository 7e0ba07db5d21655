"""A registry of some tens of images, real workers on the tests' database, and a count of what was kept."""

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from harborweb.audit import services, tasks
from harborweb.audit.models import ArtifactVerdict, Sweep
from harborweb.jobs import services as jobs
from harborweb.jobs.models import Job
from harborweb.registry.models import Registry
from tests import parts
from tests.jobs.conftest import celery_worker, until
from tests.registry.images import client, push_image, push_index, run

SMALL, LARGE = 3, 23  # images of each small repository, and of the one that is judged in slices
LOST = "2.5"  # a worker that has to wait for its turn is not dead


@dataclass(frozen=True)
class Stand:
    """The registry with its images, and what belongs there: digests by repository."""

    server: parts.Registry
    there: dict[str, set[str]]

    @property
    def everything(self) -> set[str]:
        return {f"{name}@{digest}" for name, digests in self.there.items() for digest in digests}


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Six small repositories in two projects, one with many tags, one of them twice, and an index over two images."""
    there: dict[str, set[str]] = {}

    async def fill(url: str) -> None:
        async with client(url) as c:
            for number in range(6):
                name = f"{'alpha' if number % 2 else 'beta'}/app{number}"
                there[name] = {await push_image(c, name, f"v{n}", seed=f"{name}{n}") for n in range(SMALL)}
            many = [await push_image(c, "alpha/many", f"v{n:03}", seed=f"many{n}") for n in range(LARGE)]
            await push_image(c, "alpha/many", "zz-last", seed="many0")  # a tag in another slice
            listed = {"amd64": many[1], "arm64": many[LARGE - 1]}
            there["alpha/many"] = {*many, await push_index(c, "alpha/many", "index", of=listed)}

    with parts.registry_server(tmp_path_factory.mktemp("sweeps") / "registry") as server:
        run(fill(server.url))
        yield Stand(server, there)


@pytest.fixture
def lab(stand: Stand, transactional_db: None, redis_settings: str, settings: Any) -> Iterator[Registry]:
    """The registry, with every write of a verdict counted by the database itself, in the writer's transaction."""
    settings.JOB_LOST_SECONDS = float(LOST)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept_log (name TEXT)")
        for what in ("INSERT", "UPDATE OF checked"):
            cursor.execute(
                f"CREATE TRIGGER kept_{what[:6]} AFTER {what} ON audit_artifactverdict "
                "BEGIN INSERT INTO kept_log VALUES (NEW.repository || '@' || NEW.digest); END"
            )
    try:
        yield Registry.objects.create(name="lab", url=stand.server.url, allow_http=True)
    finally:
        with connection.cursor() as cursor:
            for what in ("kept_INSERT", "kept_UPDATE"):
                cursor.execute(f"DROP TRIGGER {what}")
            cursor.execute("DROP TABLE kept_log")


def kept() -> Counter[str]:
    """How often each artifact's verdict was written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM kept_log")
        return Counter(name for (name,) in cursor.fetchall())


def forget_count() -> None:
    """Count anew."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM kept_log")


@pytest.fixture(scope="module")
def point(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that tells a child where to die."""
    return tmp_path_factory.mktemp("dying") / "point"


@pytest.fixture(scope="module")
def worker_settings() -> dict[str, str]:
    """More of the workers' environment; a module may have its own."""
    return {}


@pytest.fixture(scope="module")
def workers(
    django_db_setup: None, redis_url: str, point: Path, worker_settings: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real celery worker with two processes, for all tests of a module."""
    from django.conf import settings

    environment = os.environ | {
        "HARBORWEB_DATA": str(settings.DATA_DIR), "HARBORWEB_REDIS": redis_url, "HARBORWEB_TEST_POINT": str(point),
        "DJANGO_SETTINGS_MODULE": "harborweb.settings", "HARBORWEB_JOB_LOST_SECONDS": LOST,
        "HARBORWEB_JOB_HEARTBEAT_SECONDS": "0.3", "HARBORWEB_SWEEP_SLICE": "10", "HARBORWEB_SWEEP_BATCH": "4",
        **worker_settings,
    }  # fmt: skip
    with celery_worker(environment, point.parent / "worker.log", "tests.audit.sweeps.dying", "default") as process:
        yield process


@pytest.fixture
def begin(rf: Any, person: Callable[..., Any]) -> Callable[..., Sweep]:
    """Begin a sweep as a signer does."""
    request = rf.post("/audit/sweep/")
    request.user = person(2, name="sweeper")

    def start(registry: Registry, **scope: Any) -> Sweep:
        return Sweep.objects.get(job=services.request_sweep(request, registry, **scope))

    return start


def settled(this: Sweep, seconds: float = 60, look: bool = True) -> Sweep:
    """The sweep once it has come to an end; with `look` what the scheduler asks for is done meanwhile."""

    def over() -> bool:
        if look:
            jobs.mark_lost()
            tasks.sweeping.look_after(tasks.sweep)
        this.refresh_from_db()
        return this.finished is not None and this.job is not None and Job.objects.get(pk=this.job_id).settled

    until(over, seconds)
    this.job.refresh_from_db()
    return this


def verdicts(registry: Registry) -> set[str]:
    """What is kept, by name."""
    rows = ArtifactVerdict.objects.filter(registry=registry).values_list("repository", "digest")
    return {f"{name}@{digest}" for name, digest in rows}
