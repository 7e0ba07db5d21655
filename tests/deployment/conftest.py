"""A practice installer on a real engine, and jobs done where they are asked for."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from harborweb.configuration.models import Revision, fingerprint
from harborweb.deployment import deploying
from harborweb.deployment.models import Deployment, Installer
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.sealing import seal
from tests import parts, practice


@contextmanager
def practice_built(folder: Path) -> Iterator[Path]:
    """The practice installer's tgz in `folder`, its image in the engine; an image that was not there goes again."""
    there = False
    try:
        there = practice.image_there()
        yield practice.build(folder)
    except practice.PracticeMissing as reason:
        parts.missing(str(reason))
    finally:
        if not there:
            practice.remove_image()


@pytest.fixture(scope="session")
def practice_tgz(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The practice installer, for a whole run."""
    with practice_built(tmp_path_factory.mktemp("practice")) as archive:
        yield archive


@pytest.fixture
def engine(practice_tgz: Path) -> Iterator[Path]:
    """The engine without the practice containers, before and after."""
    clear()
    yield practice_tgz
    clear()


def clear() -> None:
    """No practice container and no network of one is left in the engine."""
    subprocess.run(["docker", "rm", "-f", "-v", "practice-registry", "practice-front"], capture_output=True)
    found = subprocess.run(
        ["docker", "network", "ls", "-q", "--filter", "label=com.docker.compose.network=practice"],
        capture_output=True, text=True,
    )  # fmt: skip
    if found.stdout.split():
        subprocess.run(["docker", "network", "rm", *found.stdout.split()], capture_output=True)


@pytest.fixture
def site(engine: Path, tmp_path: Path, settings: Any) -> "Site":
    """An unpacked practice installer with its installer row."""
    settings.INSTALLERS_DIR = tmp_path / "installers"
    settings.HEALTHY_SECONDS = 40
    shutil.unpack_archive(engine, tmp_path / "opt", "gztar")
    return Site(tmp_path / "opt" / "harbor", tmp_path / "data", parts.free_port())


class Site:
    """An installer folder, its data folder and its port."""

    def __init__(self, folder: Path, data: Path, port: int) -> None:
        self.folder, self.data, self.port = folder, data, port

    def text(self, **replaced: str) -> str:
        """A harbor.yml that works, but for the lines that are given another text ("" removes the line)."""
        wanted = {
            "hostname": "hostname: registry.lab.example", "port": f"  port: {self.port}",
            "password": 'harbor_admin_password: "s3cret & long: enough"', "data": f"data_volume: {self.data}",
            "https": "", **replaced,
        }  # fmt: skip
        lines = [
            wanted["hostname"], "http:", wanted["port"], wanted["https"], wanted["password"],
            "database:", "  password: db-pass-root123", wanted["data"], "_version: 2.15.0",
        ]  # fmt: skip
        return "\n".join(line for line in lines if line) + "\n"

    def installer(self) -> Installer:
        found = Installer.objects.filter(path=str(self.folder)).first()
        return found or Installer.objects.create(
            source="folder", name=str(self.folder), path=str(self.folder), ready=True, version="2.15.0"
        )

    def deployment(self, text: str, **fields: Any) -> Deployment:
        """A requested deployment of a new revision."""
        number = Deployment.objects.count() + 1
        revision = Revision.objects.create(
            number=number, text_sealed=seal(text, "revision"), template_sealed=seal(text, "revision"),
            from_installer=True, digest=fingerprint(text), who_name="test", origin="test",
        )  # fmt: skip
        made = Deployment.objects.create(
            number=number, revision=revision, installer=self.installer(), who="test", **fields
        )
        made.job = job("deploy", deployment=made.pk)
        made.save()
        return made

    def deploy(self, text: str, **fields: Any) -> Job:
        """Deploy `text` and give back the settled job."""
        made = self.deployment(text, **fields)
        assert made.job is not None
        return done(made.job, deploying.deploy)

    def answers(self) -> int:
        """The status of the registry's /v2/."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", "/v2/")
        return connection.getresponse().status


def job(kind: str, **arguments: Any) -> Job:
    """A requested job that nobody has claimed."""
    return Job.objects.create(
        kind=kind, title=kind, subject="test", queue="host", task=f"test.{kind}", arguments=arguments
    )


def done(requested: Job, work: Callable[[Any], Any]) -> Job:
    """Do the job now, in a thread of its own as a worker would, and give it back as it is settled."""

    def perform_it() -> None:
        try:
            perform(requested.pk, work)
        finally:
            connection.close()

    thread = threading.Thread(target=perform_it)
    thread.start()
    thread.join()
    requested.refresh_from_db()
    return requested


def log(of: Job) -> str:
    """The whole log of a job."""
    return "\n".join(of.log.order_by("number").values_list("text", flat=True))


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback servers of tests are asked directly."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", ",".join(filter(None, ["127.0.0.1,localhost", os.environ.get("no_proxy", "")])))
