"""kill -9 of the worker at each point of a deployment: the next worker finds the truth, says it, and puts it right."""
# ruff: noqa: F811 - fixtures are arguments

import os
import subprocess
import sys
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
