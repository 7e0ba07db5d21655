"""kill -9 of the worker at each point of a deployment: the next worker finds the truth, says it, and puts it right."""
# ruff: noqa: F811 - fixtures are arguments

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from harborweb.deployment import looking, tasks
from harborweb.deployment.models import Deployment
from harborweb.deployment.transaction import journal, recovery
from harborweb.jobs.models import Job
from tests import parts
from tests.deployment.conftest import done, log
from tests.deployment.standing import Harbor, ground, harbor  # noqa: F401 - fixtures

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

Outcome = Deployment.Outcome
UNTOUCHED = (
    "lock", "host checks", "snapshot begins", "snapshot half written", "rehearsal laid out", "rehearsal prepares",
    "rehearsal checked", "pull",
)  # fmt: skip
BACK = (
    "down begins", "down half", "down is done", "harbor.yml written", "prepare runs in place", "prepare is done",
    "up half", "waiting for health", "acceptance half", "rollback takes down", "rollback half put back",
    "rollback starts", "rollback waits",
)  # fmt: skip
ACCEPTED = ("leftovers", "settling half")


def killed(harbor: Harbor, data_dir: Path, point: str, **fields: Any) -> Deployment:
    """A deployment of another revision whose worker was killed at `point`."""
    made = harbor.site.deployment(harbor.site.text(hostname="hostname: other.lab.example"), **fields)
    assert made.job is not None
    die(made.job, data_dir, point)
    return made


def die(job: Job, data_dir: Path, *words: str) -> None:
    environment = os.environ | {"HARBORWEB_DATA": str(data_dir), "DJANGO_SETTINGS_MODULE": "harborweb.settings"}
    ended = subprocess.run(
        [sys.executable, "-m", "tests.deployment.dying_worker", str(job.pk), *words],
        cwd=parts.ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    job.refresh_from_db()
    assert ended.returncode == -9, (ended.stdout, ended.stderr, log(job))
    assert job.state == Job.State.RUNNING  # nobody knows yet


def next_worker() -> Job:
    """What the next worker does when it looks: it says what it found, and asks for the recovery, which is done here."""
    recovery.find(tasks.recover)
    found = Job.objects.get(kind="recover")
    assert found.state == Job.State.REQUESTED
    return found


def nothing_left(harbor: Harbor) -> None:
    """No journal, no scratch copy, no program and no container of prepare."""
    mine = harbor.site.folder / ".harborweb"
    assert not list(mine.glob("rehearsal-*")) and journal.read(harbor.site.folder) is None
    there = subprocess.run(["docker", "ps", "--format", "{{.Command}}", "--no-trunc"], capture_output=True, text=True)
    assert "practice prepare" not in there.stdout


@pytest.mark.parametrize("point", [*UNTOUCHED, *BACK, *ACCEPTED])
def test_killed(harbor: Harbor, data_dir: Path, point: str) -> None:
    made = killed(harbor, data_dir, point)
    second = harbor.site.deploy(harbor.site.text(hostname="hostname: third.lab.example"))
    assert (second.state, second.step) == (Job.State.FAILED, 1)
    assert "Deployment 2 was interrupted in this folder" in second.error

    asked = next_worker()
    made.refresh_from_db()
    assert made.job is not None
    assert (made.outcome, made.job.state, made.recovery) == (Outcome.INTERRUPTED, Job.State.LOST, asked)
    settled = done(asked, recovery.recover)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert "Deployment 2 was interrupted at" in log(settled)
    made.refresh_from_db()
    nothing_left(harbor)
    running = looking.running()
    assert running is not None
    if point in UNTOUCHED:
        assert (made.outcome, running.number) == (Outcome.UNDISTURBED, 1)
        harbor.undisturbed()
    elif point in BACK:
        assert (made.outcome, running.number) == (Outcome.ROLLED_BACK, 1)
        harbor.back()
    else:
        assert (made.outcome, running.number) == (Outcome.DEPLOYED, 2)
        assert harbor.healthy() and not (harbor.site.folder / "input").exists()
        assert "other.lab.example" in (harbor.site.folder / "harbor.yml").read_text()


def test_killed_again_while_it_is_put_right(harbor: Harbor, data_dir: Path) -> None:
    killed(harbor, data_dir, "prepare runs in place")
    die(next_worker(), data_dir, "rollback half put back", "recover")
    recovery.find(tasks.recover)
    settled = done(Job.objects.filter(kind="recover").latest("pk"), recovery.recover)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    nothing_left(harbor)
    harbor.back()


def test_killed_where_nobody_wants_it_rolled_back_by_itself(harbor: Harbor, data_dir: Path) -> None:
    """It is offered: no job is asked for until somebody does."""
    made = killed(harbor, data_dir, "prepare is done", roll_back=False)
    recovery.find(tasks.recover)
    made.refresh_from_db()
    assert (made.outcome, made.phase) == (Outcome.INTERRUPTED, "up")
    assert not Job.objects.filter(kind="recover").exists()
    asked = recovery.request(tasks.recover, made.installer, made)
    settled = done(asked, recovery.recover)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    harbor.back()


@contextmanager
def host_worker(redis: str, data_dir: Path, output: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A real celery worker of the queue `host`."""
    environment = os.environ | {
        "HARBORWEB_DATA": str(data_dir), "HARBORWEB_REDIS": redis, "DJANGO_SETTINGS_MODULE": "harborweb.settings",
        "HARBORWEB_HEALTHY_SECONDS": "40",
    }  # fmt: skip
    words = ["-A", "harborweb.celery", "worker", "-Q", "host", "-c", "1", "--without-gossip", "--without-mingle"]
    with output.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *words], cwd=parts.ROOT, env=environment, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(happened: Callable[[], Any], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_real_worker_is_killed_and_the_next_one_puts_it_right(
    harbor: Harbor, data_dir: Path, redis_settings: str, tmp_path: Path
) -> None:
    """With Celery, Redis and what the scheduler asks for; nobody else does anything."""
    made = harbor.site.deployment(harbor.site.text(hostname="hostname: other.lab.example"))
    assert made.job is not None
    Job.objects.filter(pk=made.job.pk).update(exclusive="host")
    with host_worker(redis_settings, data_dir, tmp_path / "first.log") as worker:
        tasks.deploy.delay(made.job.pk)

        def in_place() -> bool:
            found = journal.read(harbor.site.folder)
            return found is not None and found.phase == "write"

        until(in_place, "the deployment never came to prepare")
        os.killpg(worker.pid, signal.SIGKILL)
    assert Job.objects.get(pk=made.job.pk).state == Job.State.RUNNING
    with host_worker(redis_settings, data_dir, tmp_path / "second.log"):
        tasks.look.delay()
        until(lambda: Deployment.objects.get(pk=made.pk).outcome == Outcome.ROLLED_BACK, "nobody put it right")
        # The outcome is written first and the journal taken away after it: no kill between them loses the outcome.
        until(lambda: journal.read(harbor.site.folder) is None, "the journal stayed")
    assert Job.objects.get(pk=made.job.pk).state == Job.State.LOST
    nothing_left(harbor)
    harbor.back()
