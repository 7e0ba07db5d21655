"""A deployment either runs and is accepted, or leaves everything as it was; each way in which it fails."""

# ruff: noqa: F811 - fixtures are arguments
import fcntl
import os
import subprocess
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from harborweb.deployment import deploying, looking, rehearsal, rendered, waiting
from harborweb.deployment.models import Deployment
from harborweb.deployment.transaction import attempt, journal, recovery, rollback
from harborweb.deployment.transaction.journal import Phase
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from tests.deployment.conftest import done, job, log
from tests.deployment.standing import (  # noqa: F401 - fixtures
    Harbor,
    attempts,
    containers,
    fails,
    ground,
    harbor,
    impatient,
    tree,
)
from tests.deployment.test_deploying import listening

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]

Outcome = Deployment.Outcome


def hostname(name: str) -> dict[str, str]:
    return {"hostname": f"hostname: {name}.lab.example"}


def last() -> Deployment:
    found = Deployment.objects.first()
    assert found is not None
    return found


def test_a_harbor_is_healthy_component_by_component_and_accepted_by_a_push(harbor: Harbor) -> None:
    assert "Harbor's component core is healthy" in harbor.log
    assert "Pushed library/harborweb-probe@sha256:" in harbor.log
    assert "Pulled it by digest" in harbor.log
    assert "Deleted library/harborweb-probe" in harbor.log
    assert harbor.result["proven"] is True
    # registry.lab.example resolves nowhere, so its port was asked, with its name
    assert ["Its port here was asked" in warning for warning in harbor.result["warnings"]] == [True]
    assert list(rendered.of(last())) == sorted(
        rendered.of(last()), key=lambda name: (name != "docker-compose.yml", name)
    )
    assert rendered.of(last()) == rendered.read(harbor.site.folder)
    assert "common/config/core/env" in rendered.of(last())


FAILURES = {
    "never healthy": ("never-healthy", 9, "practice-"),
    "unhealthy component": ("half-healthy", 9, "these components are not: jobservice"),
    "push refused": ("no-push", 10, "admin"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_fails_after_down_is_rolled_back_byte_for_byte(harbor: Harbor, name: str) -> None:
    host, step, sentence = FAILURES[name]
    with (
        attempts(wait=answered_impatiently if name == "unhealthy component" else impatient)
        if step == 9
        else nullcontext()
    ):
        failed = harbor.site.deploy(harbor.site.text(**hostname(host)))
    assert (failed.state, failed.step) == (Job.State.FAILED, step), log(failed)
    assert sentence in failed.error
    rolled_back(harbor, failed)


def answered_impatiently(self: attempt.Attempt) -> int:
    self.begin(Phase.HEALTHY)
    found = waiting.until_healthy(self.run, self.folder)
    with override_settings(HEALTHY_SECONDS=1):
        waiting.until_answered(self.run, self.wishes)
    return len(found)


def rolled_back(harbor: Harbor, failed: Job) -> None:
    """Everything is as it was, and everybody who asks is told."""
    assert "Rolled back: what ran before runs again" in failed.advice
    harbor.back()
    made = last()
    assert (made.outcome, made.snapshot) == (Outcome.ROLLED_BACK, False)
    assert not (harbor.site.folder / ".harborweb").exists()
    running = looking.running()
    assert running is not None and running.number == 1
    steps = list(failed.log.filter(stream="step").order_by("number").values_list("text", flat=True))[-4:]
    assert steps == [f"{letter} {word}" for letter, word in zip("abcd", rollback.step_names(), strict=True)]


LIVE = 'case "$PWD" in */.harborweb/*) ;; *) '  # what follows is for prepare in place alone
STUMBLES = """rm -rf common/config/*; echo new > common/config/new; ln -s / common/config/link
rm -rf "$data/secret/cert"; mkdir -p "$data/secret/new"
echo 'Traceback (most recent call last):' >&2; echo "KeyError: 'x'" >&2; exit 1 ;; esac
docker run"""


def test_a_prepare_that_fails_in_place(harbor: Harbor) -> None:
    """It has emptied common/config, deleted the certificate, and left files of its own."""
    script = harbor.site.folder / "prepare"
    script.write_text(script.read_text().replace("docker run", LIVE + STUMBLES, 1))
    cert = harbor.site.data / "secret" / "cert"
    cert.mkdir(mode=0o755, exist_ok=True)
    (cert / "server.crt").write_text("the certificate in use")
    os.chown(cert / "server.crt", 10000, 10000)
    harbor.before = harbor.files()
    failed = harbor.site.deploy(harbor.site.text(**hostname("other")))
    assert (failed.step, failed.error) == (7, "prepare stopped: the key x is missing in harbor.yml."), log(failed)
    rolled_back(harbor, failed)


def test_a_port_that_is_taken_between_down_and_up(harbor: Harbor) -> None:
    def up(self: attempt.Attempt) -> None:
        with listening(self.wishes.http_port or 0):
            attempt.Attempt.up(self)

    with attempts(up=up):
        failed = harbor.site.deploy(harbor.site.text(**hostname("other")))
    assert (failed.step, failed.error) == (8, f"Port {harbor.site.port} is taken on the worker's host."), log(failed)
    rolled_back(harbor, failed)


def test_the_rehearsal_touches_nothing(harbor: Harbor) -> None:
    """Not a byte of folder and data_volume, not even a time, while prepare runs in the copy and after."""
    site = harbor.site
    roots = (site.folder, site.data)
    script = site.folder / "prepare"
    script.write_text(script.read_text() + '\ntest -e common/config/core/env && cp -r . "$PWD.seen"\n')
    before, times = tree(*roots), modified(*roots)
    deployment = site.deployment(site.text(**hostname("other")))
    assert deployment.job is not None
    seen: dict[str, Any] = {}

    def work(run: Any) -> dict[str, Any]:
        with rehearsal.rehearse(run, site.folder, deployment.revision.text()) as made:
            seen["during"] = tree(*roots)
            seen["rendered"], seen["images"] = made.rendered(), made.images()
            seen["scratch"] = (made.data / "secret" / "keys" / "secretkey").read_text()
        return {}

    settled = done(deployment.job, work)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert (tree(*roots), modified(*roots), seen["during"]) == (before, times, before)
    assert not (site.folder / ".harborweb").exists()
    harbor.before = harbor.files()
    harbor.undisturbed()
    assert seen["scratch"] == (site.data / "secret" / "keys" / "secretkey").read_text()
    assert b"hostname other.lab.example" in seen["rendered"]["common/config/front/front.conf"]
    compose = seen["rendered"]["docker-compose.yml"]
    assert compose == (site.folder / "docker-compose.yml").read_bytes()  # the scratch is named nowhere
    assert len(seen["images"]) == 1


def modified(*roots: Path) -> dict[str, int]:
    """When each file below `roots` was changed; what the running registry itself writes does not count."""
    return {
        str(path): path.lstat().st_mtime_ns
        for root in roots
        for path in root.rglob("*")
        if not {".harborweb", "registry", "database"} & set(path.relative_to(root).parts[:1]) and not path.is_dir()
    }


@pytest.mark.parametrize("text", ["data_volume: /d # x", "data_volume: '/d'", "data_volume: d", "data_volume: /d e",
                                  "data_volume: /d\r\n", "x: 1", "data_volume: /d\nmy_data_volume: /e"])  # fmt: skip
def test_a_data_volume_that_the_shell_reads_otherwise_is_never_rehearsed(text: str) -> None:
    with pytest.raises(Problem):
        rehearsal.sound_volume(text)


def test_without_rolling_back_it_stays_and_can_be_put_back(harbor: Harbor) -> None:
    with attempts(accept=fails):
        failed = harbor.site.deploy(harbor.site.text(**hostname("other")), roll_back=False)
    assert failed.state == Job.State.FAILED
    assert "switched off" in failed.advice
    made = last()
    assert (made.outcome, made.snapshot) == (Outcome.NEEDS_YOU, True)
    assert "other" in (harbor.site.folder / "harbor.yml").read_text()
    assert journal.read(harbor.site.folder) is None

    settled = done(job("put_back", deployment=made.pk), recovery.put_back)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    harbor.back()
    assert last().outcome == Outcome.ROLLED_BACK


def test_what_was_before_a_deployment_that_stands_can_be_put_back(harbor: Harbor) -> None:
    for name in ("second", "third"):
        settled = harbor.site.deploy(harbor.site.text(**hostname(name)))
        assert settled.state == Job.State.SUCCEEDED, log(settled)
    made = Deployment.objects.get(number=2)
    settled = done(job("put_back", deployment=made.pk), recovery.put_back)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    harbor.back()
    running = looking.running()
    assert running is not None and running.number == 1
    assert not Deployment.objects.get(number=3).snapshot


def test_a_rollback_that_fails_too_says_so_and_can_be_tried_again(harbor: Harbor) -> None:
    lost = harbor.site.folder / ".harborweb" / "snapshots" / "2.tar"

    def up(self: attempt.Attempt) -> None:
        lost.rename(lost.with_suffix(".away"))
        fails(self)

    with attempts(up=up):
        failed = harbor.site.deploy(harbor.site.text(**hostname("other")))
    assert failed.state == Job.State.FAILED
    assert "The rollback failed too" in failed.advice
    made = last()
    assert (made.outcome, made.phase) == (Outcome.NEEDS_YOU, Phase.STUCK)
    refused = harbor.site.deploy(harbor.site.text())
    assert "was interrupted in this folder" in refused.error
    assert refused.step == 1

    lost.with_suffix(".away").rename(lost)
    settled = done(job("recover", installer=made.installer_id, deployment=made.pk), recovery.recover)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    harbor.back()
    assert Deployment.objects.get(pk=made.pk).outcome == Outcome.ROLLED_BACK


def test_the_folder_is_locked_for_a_shell_and_by_a_shell(harbor: Harbor) -> None:
    handle = os.open(harbor.site.folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    failed = harbor.site.deploy(harbor.site.text())
    os.close(handle)
    assert "Something else is working in" in failed.error
    harbor.undisturbed()

    script = harbor.site.folder / "prepare"
    script.write_text(script.read_text() + f"\nflock -n {harbor.site.folder} true || echo it is held\n")
    settled = harbor.site.deploy(harbor.site.text())
    assert log(settled).count("it is held") == 2


STOPPED = {
    **dict.fromkeys(list(Phase)[1:5], "Nothing was changed"),
    **dict.fromkeys(list(Phase)[5:10], "Rolled back: what ran before"),
}


def test_stopped_at_each_step_it_comes_to_a_safe_end(harbor: Harbor) -> None:
    for phase, sentence in STOPPED.items():
        settled = harbor_stopped(harbor, phase)
        assert settled.state == Job.State.STOPPED, (phase, log(settled))
        assert sentence in settled.advice, phase
        harbor.undisturbed() if phase in journal.UNTOUCHED else harbor.back()
        assert not (harbor.site.folder / ".harborweb").exists(), phase


def harbor_stopped(harbor: Harbor, phase: Phase) -> Job:
    """A deployment that somebody stops as soon as `phase` has begun."""

    def begin(self: attempt.Attempt, begun: Phase) -> None:
        attempt.Attempt.begin(self, begun)
        if begun == phase:
            Job.objects.filter(pk=self.run.job.pk).update(stop_requested_by="somebody")
            while not self.run.stopping():
                time.sleep(0.05)

    with attempts(begin=begin):
        return harbor.site.deploy(harbor.site.text(**hostname("other")))


def test_what_ran_unhealthy_is_put_back_as_it_was(harbor: Harbor) -> None:
    subprocess.run(["docker", "stop", "practice-front"], check=True, capture_output=True)
    with attempts(up=fails):
        failed = harbor.site.deploy(harbor.site.text(**hostname("other")))
    assert "Rolled back" in failed.advice, log(failed)
    assert set(containers()) == {"practice-registry", "practice-front"}
    harbor.back()


def test_what_was_stopped_stays_stopped(harbor: Harbor) -> None:
    done(job("stop"), deploying.stop)
    with attempts(wait=fails):
        failed = harbor.site.deploy(harbor.site.text(**hostname("other")))
    assert "Nothing ran before" in failed.advice
    assert harbor.files() == harbor.before
    assert containers() == {}


def test_an_image_name_that_was_moved_is_moved_back(harbor: Harbor) -> None:
    """The name of the image that ran points elsewhere: after the rollback it is the old one again."""
    name = next(iter(rehearsal.images((harbor.site.folder / "docker-compose.yml").read_text())))
    old = image_id(name)

    def write(self: attempt.Attempt) -> None:
        other = subprocess.run(["docker", "import", "-"], input=b"\0" * 1024, capture_output=True, check=True)
        subprocess.run(["docker", "tag", other.stdout.decode().strip(), name], check=True)
        fails(self)

    with attempts(write=write):
        failed = harbor.site.deploy(harbor.site.text())
    assert "names the image again" in log(failed)
    assert image_id(name) == old
    harbor.back()


def image_id(name: str) -> str:
    return subprocess.run(["docker", "image", "inspect", "-f", "{{.Id}}", name], capture_output=True, text=True).stdout
