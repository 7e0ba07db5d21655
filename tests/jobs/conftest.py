"""A real worker, and jobs without one."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harborweb.jobs.models import Job
from tests import parts


@pytest.fixture
def broker(settings: Any, redis_url: str) -> str:
    """Django's settings pointed at the real Redis, for both of its uses."""
    settings.REDIS_URL = settings.CELERY_BROKER_URL = redis_url
    return redis_url


@pytest.fixture
def broken_broker(settings: Any) -> None:
    """A port where no Redis listens."""
    settings.REDIS_URL = settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{parts.free_port()}/0"


@pytest.fixture
def worker(
    transactional_db: None, broker: str, settings: Any, tmp_path: Path, data_dir: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real celery worker on the tests' database, in a process group of its own; lost after 3 s."""
    settings.JOB_LOST_SECONDS = 3.0
    environment = os.environ | {
        "HARBORWEB_DATA": str(data_dir), "HARBORWEB_REDIS": broker, "DJANGO_SETTINGS_MODULE": "harborweb.settings",
        "HARBORWEB_JOB_LOST_SECONDS": "3", "HARBORWEB_JOB_HEARTBEAT_SECONDS": "0.5", "HARBORWEB_JOB_GRACE_SECONDS": "1",
    }  # fmt: skip
    with celery_worker(environment, tmp_path / "worker.log", "tests.jobs.worker_tasks", "default,host") as process:
        yield process


@contextlib.contextmanager
def celery_worker(
    environment: dict[str, str], log: Path, include: str, queues: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real celery worker with two processes and the tasks of `include`, ready, in a process group of its own."""
    command = [
        sys.executable, "-m", "celery", "-A", "harborweb.celery", "worker", "--include", include,
        "-Q", queues, "-c", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO",
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=parts.ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        until(lambda: b"ready." in log.read_bytes() or process.poll() is not None, 90)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(true: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until `true()`, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def make_job(**columns: Any) -> Job:
    """A requested job as `services.request` writes it."""
    given = {"kind": "test", "title": "Try it", "subject": "it", "queue": "default", "task": "none", "who_name": "ada"}
    return Job.objects.create(**{**given, **columns})


def log_of(job: Job) -> list[tuple[str, str]]:
    """The job's log as (stream, text)."""
    return list(job.log.order_by("number").values_list("stream", "text"))
