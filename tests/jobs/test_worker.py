"""Jobs on a real Redis with a real celery worker."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harborweb.celery import app
from harborweb.jobs import services
from harborweb.jobs.models import Job
from tests.jobs import worker_tasks
from tests.jobs.conftest import log_of, make_job, until
from tests.tools.test_process import runs

pytestmark = pytest.mark.django_db(transaction=True)
Worker = subprocess.Popen[bytes]


def wait(job: Job, state: str, seconds: float = 30) -> Job:
    """The job once it is in `state`."""

    def reached() -> bool:
        job.refresh_from_db()
        return job.state == state or job.settled

    until(reached, seconds)
    assert job.state == state, (job.state, job.error, log_of(job))
    return job


def send(task: Any, **arguments: Any) -> Job:
    return services.request(task, kind="test", title="Try it", subject="it", arguments=arguments)


def pid_in(file: Path) -> int:
    until(lambda: file.exists() and file.read_text().strip())
    return int(file.read_text())


def test_a_job_from_request_to_result(worker: Worker, tmp_path: Path) -> None:
    job = wait(send(worker_tasks.do_quick, file=str(tmp_path / "ran")), "succeeded")
    assert job.result == {"message": "All of it.", "url": "/jobs/"}
    assert (job.step, job.steps, job.step_name, job.lines) == (2, 2, "Second", len(log_of(job)))
    assert log_of(job)[:3] == [
        ("step", "1 First"),
        ("step", "2 Second"),
        ("command", "sh -c 'echo hello; echo careful >&2'"),
    ]
    assert ("out", "hello") in log_of(job) and ("err", "careful") in log_of(job)
    assert job.started and job.finished and job.worker


def test_a_second_delivery_does_nothing(worker: Worker, broker: str, tmp_path: Path) -> None:
    job = make_job(task=worker_tasks.do_quick.name, arguments={"file": str(tmp_path / "ran")})
    with app.connection_for_write(broker) as connection:
        for _time in range(4):
            app.send_task(job.task, args=[job.pk], queue="default", connection=connection)
    wait(job, "succeeded")
    again = wait(send(worker_tasks.do_quick, file=str(tmp_path / "other")), "succeeded")  # all before it are done
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert again.pk != job.pk


def test_stop_ends_the_whole_group(worker: Worker, tmp_path: Path) -> None:
    job = send(worker_tasks.do_stubborn, folder=str(tmp_path))
    leader, child = pid_in(tmp_path / "leader"), pid_in(tmp_path / "child")
    job.refresh_from_db()
    assert job.state == "running" and runs(leader) and runs(child)
    assert services.stop(job, "ada")
    wait(job, "stopped", 15)
    assert not runs(leader) and not runs(child)
    assert job.words == "Stopped by ada"
    assert not services.stop(job, "bob")


def test_a_killed_worker_leaves_a_lost_job(worker: Worker, tmp_path: Path) -> None:
    job = send(worker_tasks.do_stubborn, folder=str(tmp_path))
    leader = pid_in(tmp_path / "leader")
    until(lambda: Job.objects.get(pk=job.pk).step == 1)
    os.killpg(worker.pid, signal.SIGKILL)
    try:
        until(lambda: services.mark_lost() == 1, 15)
        job.refresh_from_db()
        assert (job.state, job.words) == ("lost", "Lost: worker killed")
        assert job.error == "Lost: the worker was killed at step 1 of 2, Wait." and job.advice
        assert log_of(job)[-1] == ("error", job.error) and job.lines == len(log_of(job))
    finally:
        os.killpg(os.getpgid(leader), signal.SIGKILL)


def test_the_scheduler_finds_it_when_only_a_child_of_the_worker_was_killed(worker: Worker, tmp_path: Path) -> None:
    job = send(worker_tasks.do_stubborn, folder=str(tmp_path))
    leader = pid_in(tmp_path / "leader")
    job.refresh_from_db()
    os.kill(int(job.worker.rpartition(":")[2]), signal.SIGKILL)
    try:
        command = [
            "-m", "celery", "-A", "harborweb.celery", "beat", "--schedule", str(tmp_path / "beat"), "--pidfile", "",
        ]  # fmt: skip
        environment = os.environ | _environment_of(worker)
        beat = subprocess.Popen(
            [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait(job, "lost", 30)
        finally:
            beat.terminate()
            beat.wait()
    finally:
        os.killpg(os.getpgid(leader), signal.SIGKILL)


def _environment_of(process: Worker) -> dict[str, str]:
    pairs = Path(f"/proc/{process.pid}/environ").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
