"""A practice Harbor that runs, for tests that try to break it, and whether it is as it was."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from harborweb.configuration.models import Revision, fingerprint
from harborweb.deployment import deploying
from harborweb.deployment.models import Deployment
from harborweb.deployment.transaction import attempt
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.sealing import seal
from tests import parts
from tests.deployment.conftest import Site, clear, log


def tree(*roots: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Everything below `roots` but our own folder: mode, owner, group, and content or target."""
    found = {}
    for root in roots:
        for path in sorted([root, *root.rglob("*")]):
            if ".harborweb" in path.parts or not (path.exists() or path.is_symlink()):
                continue
            status = path.lstat()
            content = (
                b"" if path.is_dir() else str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
            )
            found[str(path)] = (status.st_mode, status.st_uid, status.st_gid, content)
    return found


class Harbor:
    """A site whose first revision runs with Harbor's manners."""

    def __init__(self, site: Site) -> None:
        self.site = site
        (site.folder / "practice.manners").write_text("harbor\n")
        (site.folder / "notes").mkdir()
        (site.folder / "notes" / "of the operator").write_text("mine")
        (site.folder / "link").symlink_to("notes")
        settled = site.deploy(site.text())
        assert settled.state == Job.State.SUCCEEDED, log(settled)
        self.result: dict[str, Any] = settled.result
        self.log = log(settled)
        shutil.rmtree(site.folder / ".harborweb")
        self.made = self.before = self.files()  # a test that edits a file moves `before`, never `made`
        self.ids = containers()

    def files(self) -> dict[str, tuple[int, int, int, bytes]]:
        """What must be as it was: the installer folder and the secrets."""
        return tree(self.site.folder, self.site.data / "secret")

    def rows(self) -> None:
        """The rows of what runs, in a database that was emptied."""
        text = self.site.text()
        revision = Revision.objects.create(
            number=1, text_sealed=seal(text, "revision"), template_sealed=seal(text, "revision"), from_installer=True,
            digest=fingerprint(text), who_name="test", origin="test",
        )  # fmt: skip
        Deployment.objects.create(
            number=1, revision=revision, installer=self.site.installer(), began=True, outcome="deployed", who="test"
        )

    @property
    def intact(self) -> bool:
        """Whether it still stands as it was made."""
        mine = self.site.folder / ".harborweb"
        return not mine.exists() and self.files() == self.made and len(containers()) == 2 and self.healthy()

    def healthy(self) -> bool:
        """Whether it answers, says that all components are healthy, and gives a pull a token that works."""
        base = f"http://127.0.0.1:{self.site.port}"
        try:
            health = json.load(urllib.request.urlopen(f"{base}/api/v2.0/health", timeout=5))
            token = json.load(urllib.request.urlopen(f"{base}/service/token", timeout=5))["token"]
            asked = urllib.request.Request(f"{base}/v2/", headers={"Authorization": f"Bearer {token}"})
            return health["status"] == "healthy" and urllib.request.urlopen(asked, timeout=5).status == 200
        except OSError:
            return False

    def undisturbed(self) -> None:
        """Assert that nothing happened to it: the same files, the very same containers."""
        assert self.files() == self.before
        assert containers() == self.ids
        assert self.healthy()

    def back(self) -> None:
        """Assert that it is as it was, in containers made anew."""
        assert self.files() == self.before
        assert self.healthy()
        self.ids = containers()


def containers() -> dict[str, str]:
    """The practice containers that run: name, id."""
    answer = subprocess.run(
        ["docker", "ps", "--no-trunc", "--filter", "name=practice-", "--format", "{{.Names}} {{.ID}}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(line.split() for line in answer.stdout.splitlines())


@pytest.fixture(scope="module")
def ground(practice_tgz: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Harbor]]:
    """Where the Harbor of a whole module stands, once a test has made it."""
    clear()
    yield []
    clear()


@pytest.fixture
def harbor(
    ground: list[Harbor], practice_tgz: Path, tmp_path_factory: pytest.TempPathFactory, settings: Any,
    redis_settings: str, transactional_db: None,
) -> Harbor:  # fmt: skip
    """A practice Harbor that runs, its rows in the database; made anew only where a test did not leave it as it was."""
    settings.HEALTHY_SECONDS = 30
    if ground and ground[0].intact:
        ground[0].rows()
        ground[0].before, ground[0].ids = ground[0].made, containers()
        return ground[0]
    clear()
    ground.clear()
    folder = tmp_path_factory.mktemp("standing")
    shutil.unpack_archive(practice_tgz, folder / "opt", "gztar")
    ground.append(Harbor(Site(folder / "opt" / "harbor", folder / "data", parts.free_port())))
    return ground[0]


@contextmanager
def attempts(**methods: Callable[..., Any]) -> Iterator[None]:
    """Deployments in the block do these steps otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deploying, "Attempt", type("Attempted", (attempt.Attempt,), methods))
        yield


def fails(self: attempt.Attempt) -> None:
    """A step that fails."""
    raise Problem("It failed, as the test wants it.", "Nothing to mend.")


def impatient(self: attempt.Attempt) -> int:
    """Wait until healthy, for 3 seconds; what comes after has its time again."""
    with override_settings(HEALTHY_SECONDS=3):
        return attempt.Attempt.wait(self)
