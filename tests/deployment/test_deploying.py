"""Deploy, stop and start the practice installer on the real engine; and each way in which that fails."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from harborweb.configuration.models import Revision
from harborweb.deployment import deploying, looking, sentences
from harborweb.deployment.models import Deployment
from harborweb.jobs.models import Job
from harborweb.tools import engine
from tests import parts
from tests.deployment.conftest import Site, done, job, log
from tests.deployment.standing import attempts, fails

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


@contextmanager
def listening(port: int) -> Iterator[None]:
    """A program that holds a port."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", port))
        server.listen()
        yield


def wait_for(path: Path, seconds: float = 60) -> None:
    """Return once `path` exists."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.05)


def files(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file below `folder` with its mode, owner and content."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.stat().st_uid, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def running(name: str) -> bool:
    answer = subprocess.run(["docker", "inspect", "-f", "{{.State.Running}}", name], capture_output=True, text=True)
    return answer.stdout.strip() == "true"


def test_deploy_stop_start_and_deploy_again(site: Site) -> None:
    first = site.deploy(site.text())
    assert first.state == Job.State.SUCCEEDED, log(first)
    assert site.answers() == 200
    assert (site.folder / "harbor.yml").read_text() == site.text()
    assert (site.folder / "harbor.yml").stat().st_mode & 0o777 == 0o600
    assert not (site.folder / "input").exists()
    assert (first.step, first.steps) == (12, 12)
    assert first.result["address"] == f"http://registry.lab.example:{site.port}"
    kept = site.folder / ".harborweb"
    assert (kept.stat().st_mode & 0o777, sorted(path.name for path in kept.iterdir())) == (0o700, ["snapshots"])
    assert {path.stat().st_mode & 0o777 for path in (kept / "snapshots").iterdir()} == {0o600}

    seen = looking.look()
    assert (seen.problem, seen.project) == ("", "harbor")
    assert {one["name"]: (one["state"], one["health"]) for one in seen.containers} == {
        "practice-front": ("running", "healthy"),
        "practice-registry": ("running", "healthy"),
    }
    front = next(one for one in seen.containers if one["name"] == "practice-front")
    assert list(front["host_ports"]) == [site.port]

    stopped = done(job("stop"), deploying.stop)
    assert stopped.state == Job.State.SUCCEEDED, log(stopped)
    assert not running("practice-registry")
    assert looking.look().containers == []

    started = done(job("start"), deploying.start)
    assert started.state == Job.State.SUCCEEDED, log(started)
    assert site.answers() == 200

    again = site.deploy(site.text(password="harbor_admin_password: another-secret"))
    assert again.state == Job.State.SUCCEEDED, log(again)
    assert "compose down" in log(again)
    assert site.answers() == 200
    assert running_revision() == 2


def running_revision() -> int:
    found = looking.running()
    assert found is not None
    return found.revision.number


def test_secrets_stay_out_of_the_log(site: Site) -> None:
    script = site.folder / "prepare"
    script.write_text(script.read_text().replace("set -e\n", "set -e\ncat harbor.yml\n", 1))
    job_done = site.deploy(site.text())
    assert job_done.state == Job.State.SUCCEEDED, log(job_done)
    assert "harbor_admin_password" in log(job_done)
    assert "s3cret" not in log(job_done)
    assert "db-pass-root123" not in log(job_done)


def test_a_port_that_is_taken(site: Site) -> None:
    with listening(site.port):
        failed = site.deploy(site.text())
    assert failed.state == Job.State.FAILED
    assert str(site.port) in failed.error
    assert "port" in failed.advice
    assert not (site.folder / "harbor.yml").exists()
    assert looking.running() is None


def test_a_port_that_is_taken_between_check_and_up(site: Site, tmp_path: Path) -> None:
    """The check saw the port free; somebody takes it while prepare runs; the engine says so."""
    begun, taken = tmp_path / "begun", tmp_path / "taken"
    script = site.folder / "prepare"
    script.write_text(script.read_text() + f"\ntouch {begun}\nwhile [ ! -e {taken} ]; do sleep 0.1; done\n")
    over = threading.Event()

    def take() -> None:
        wait_for(begun)
        with listening(site.port):
            taken.touch()
            over.wait(60)

    thread = threading.Thread(target=take)
    thread.start()
    try:
        failed = site.deploy(site.text())
    finally:
        over.set()
        thread.join()
    assert failed.state == Job.State.FAILED
    assert failed.error == f"Port {site.port} is taken on the worker's host."
    assert failed.step == 8
    assert "There was nothing to go back to" in failed.advice
    assert looking.look().containers == []


REFUSED = {
    "a template without a key": ({"hostname": ""}, "hostname is missing"),
    "without a password": ({"password": ""}, "harbor_admin_password is missing"),
    "prepare says no": ({"hostname": "hostname: 127.0.0.1"}, "127.0.0.1 can not be the hostname"),
    "the shell reads it otherwise": ({"data": "data_volume:"}, "prepare's shell would not read data_volume"),
    "an impossible port": ({"port": "  port: 99999"}, "docker compose refuses the file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_prepare_or_compose_refuses_leaves_the_running_registry_as_it_was(site: Site, name: str) -> None:
    assert site.deploy(site.text()).state == Job.State.SUCCEEDED
    before = files(site.folder)
    replaced, sentence = REFUSED[name]
    failed = site.deploy(site.text(**replaced))
    assert failed.state == Job.State.FAILED
    assert sentence in failed.error
    assert failed.advice
    assert failed.step in (2, 4)
    assert "Nothing was changed" in failed.advice
    assert files(site.folder) == before
    assert running("practice-registry")
    assert site.answers() == 200
    assert running_revision() == 1


def test_what_fails_the_first_time_leaves_the_installer_as_it_came(site: Site) -> None:
    before = files(site.folder)
    failed = site.deploy(site.text(hostname="hostname: 127.0.0.1"))
    assert failed.state == Job.State.FAILED
    assert files(site.folder) == before
    assert not (site.folder / "common" / "config").exists()


def test_a_certificate_that_is_not_there_is_found_before_prepare_deletes_the_old_one(
    site: Site, tmp_path: Path
) -> None:
    old = site.data / "secret" / "cert" / "server.crt"
    old.parent.mkdir(parents=True)
    old.write_text("the old one")
    key = tmp_path / "k.key"
    key.write_text("key")
    https = f"https:\n  port: 8443\n  certificate: {tmp_path}/nowhere.crt\n  private_key: {key}"
    failed = site.deploy(site.text(https=https))
    assert failed.state == Job.State.FAILED
    assert f"{tmp_path}/nowhere.crt" in failed.error
    assert failed.step == 2
    assert old.read_text() == "the old one"


def test_https_with_a_real_certificate(site: Site, tmp_path: Path) -> None:
    crt, key = tmp_path / "s.crt", tmp_path / "s.key"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=registry.lab.example",
        "-days",
        "2",
    ]
    subprocess.run([*made, "-keyout", str(key), "-out", str(crt)], check=True, capture_output=True)
    port = parts.free_port()
    settled = site.deploy(site.text(https=f"https:\n  port: {port}\n  certificate: {crt}\n  private_key: {key}"))
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert settled.result["address"] == f"https://registry.lab.example:{port}"
    assert f"GET https://127.0.0.1:{port}/v2/ answered 200" in log(settled)
    assert site.answers() == 308


def test_a_project_of_the_same_name_that_is_not_ours_is_left_alone(site: Site, tmp_path: Path) -> None:
    assert site.deploy(site.text()).state == Job.State.SUCCEEDED
    Deployment.objects.all().delete()  # somebody else has started it, for all that is known
    Revision.objects.all().delete()
    other = beside(site, tmp_path)
    failed = other.deploy(other.text())
    assert failed.state == Job.State.FAILED
    assert str(site.folder) in failed.error
    assert site.answers() == 200


def beside(site: Site, tmp_path: Path) -> Site:
    """The same installer in another folder of the same name."""
    other = Site(tmp_path / "elsewhere" / "harbor", site.data, site.port)
    other.folder.parent.mkdir()
    subprocess.run(["cp", "-a", str(site.folder), str(other.folder)], check=True)
    return other


def test_a_new_installer_takes_over_from_the_old_one_and_gives_back(site: Site, tmp_path: Path) -> None:
    assert site.deploy(site.text()).state == Job.State.SUCCEEDED
    other = beside(site, tmp_path)
    before = files(site.folder), files(other.folder)
    with attempts(wait=fails):
        failed = other.deploy(other.text(hostname="hostname: other.lab.example"))
    assert failed.state == Job.State.FAILED
    assert "Rolled back" in failed.advice
    assert (files(site.folder), files(other.folder)) == before
    assert site.answers() == 200
    assert [one["working_dir"] for one in looking.look().containers] == [str(site.folder)] * 2

    settled = other.deploy(other.text())
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert [one["working_dir"] for one in looking.look().containers] == [str(other.folder)] * 2


def test_what_never_gets_healthy(site: Site) -> None:
    """A certificate and key that are none: prepare takes them, the proxy does not."""
    crt = site.folder.parent / "s.crt"
    crt.write_text("no certificate")
    https = f"https:\n  port: {site.port + 1}\n  certificate: {crt}\n  private_key: {crt}"
    failed = site.deploy(site.text(https=https))
    assert failed.state == Job.State.FAILED
    assert "practice-front" in failed.error
    assert "failed to find any PEM data" in log(failed)
    assert failed.step == 9
    assert Deployment.objects.get().outcome == Deployment.Outcome.UNDONE
    assert looking.look().containers == []


def test_stopping_while_prepare_runs_puts_everything_back(site: Site, tmp_path: Path) -> None:
    assert site.deploy(site.text()).state == Job.State.SUCCEEDED
    begun = tmp_path / "begun"
    script = site.folder / "prepare"
    script.write_text(
        script.read_text().replace("docker run", f"rm -rf common/config/*; touch {begun}; sleep 60; docker run", 1)
    )
    before = files(site.folder)
    made = site.deployment(site.text(hostname="hostname: other.lab.example"))
    assert made.job is not None
    number = made.job.pk

    def stop() -> None:
        wait_for(begun)
        Job.objects.filter(pk=number).update(stop_requested_by="somebody")
        connection.close()

    thread = threading.Thread(target=stop)
    thread.start()
    settled = done(made.job, deploying.deploy)
    thread.join()
    assert settled.state == Job.State.STOPPED
    assert settled.step == 4
    assert "Nothing was changed" in settled.advice
    assert files(site.folder) == before
    assert site.answers() == 200


def test_a_harbor_yml_of_somebody_else_is_kept(site: Site) -> None:
    (site.folder / "harbor.yml").write_text("hostname: by.hand\n")
    assert site.deploy(site.text()).state == Job.State.SUCCEEDED
    kept = [path for path in site.folder.glob("harbor.yml.*") if path.name != "harbor.yml.tmpl"]
    assert [path.read_text() for path in kept] == ["hostname: by.hand\n"]
    assert kept[0].stat().st_mode & 0o777 == 0o600


def test_no_engine(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    failed = site.deploy(site.text())
    assert failed.state == Job.State.FAILED
    assert failed.error == "No Docker engine runs on the worker's host."
    assert "20.10.10" in failed.advice
    seen = looking.look()
    assert seen.problem == failed.error


def test_no_permission_on_the_socket() -> None:
    with pytest.raises(engine.EngineError) as caught, engine.connect():
        raise engine.requests.exceptions.ConnectionError(PermissionError(13, "Permission denied"))
    assert caught.value.kind == "permission"
    assert "group docker" in sentences.engine(caught.value).advice


def test_only_the_deployment_that_touched_containers_counts_as_running(site: Site) -> None:
    assert site.deploy(site.text()).state == Job.State.SUCCEEDED
    assert site.deploy(site.text(hostname="")).state == Job.State.FAILED
    assert [one.began for one in Deployment.objects.order_by("number")] == [True, False]
