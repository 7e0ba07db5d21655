"""An installation that runs already is taken over: everything read, nothing touched, and all works from there."""

import html
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration.models import Revision
from harborweb.configuration.text.document import Document
from harborweb.deployment import deploying, drift, importing, looking, rendered, services
from harborweb.deployment.models import Deployment, Drift, Installer
from harborweb.jobs.models import Job
from tests.deployment.conftest import Site, done, job, log

pytestmark = [pytest.mark.docker, pytest.mark.django_db(transaction=True)]


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def everything(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Every file and folder with its content, mode, owner, times and inode."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[str(path)] = (
            content, status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_ctime_ns,
            status.st_ino,
        )  # fmt: skip
    return found


def containers() -> str:
    """Ids, states and start times of the practice containers, and their networks."""
    names = ["practice-front", "practice-registry"]
    form = "{{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.RestartCount}}"
    return subprocess.run(["docker", "inspect", "-f", form, *names], capture_output=True, text=True).stdout


def taken_over(folder: Path) -> Job:
    return done(job("import", folder=str(folder)), importing.take_over)


@pytest.fixture
def by_hand(site: Site) -> Iterator[Site]:
    """A registry that somebody installed by hand: prepare, then docker compose."""
    (site.folder / "harbor.yml").write_text("# mine, with a comment\n" + site.text())
    (site.folder / "harbor.yml").chmod(0o644)
    subprocess.run(["./prepare"], cwd=site.folder, check=True, capture_output=True)
    subprocess.run(["docker", "compose", "up", "-d", "--wait"], cwd=site.folder, check=True, capture_output=True)
    yield site
    subprocess.run(["docker", "compose", "down"], cwd=site.folder, check=False, capture_output=True)


def test_everything_is_read_and_nothing_touched(by_hand: Site) -> None:
    folder = by_hand.folder
    text = (folder / "harbor.yml").read_text()
    before, ran = everything(folder), containers()
    assert ran.count("running") == 2

    imported = taken_over(folder)
    assert imported.state == Job.State.SUCCEEDED, log(imported)
    assert everything(folder) == before
    assert containers() == ran

    revision = Revision.objects.get()
    assert (revision.number, revision.text(), revision.from_installer) == (1, text, True)
    assert revision.template() == (folder / "harbor.yml.tmpl").read_text()
    deployment = Deployment.objects.get()
    assert (deployment.found_running, deployment.began, deployment.revision) == (True, True, revision)
    assert rendered.of(deployment) == rendered.read(folder)
    installer = Installer.objects.get()
    assert (installer.ready, installer.path) == (True, str(folder))
    items = {item["name"]: item for item in imported.result["items"]}
    assert items["Containers"]["words"] == "2 of 2 are well"
    assert items["Who may read it"]["state"] == "warn"
    assert "0644" in items["Who may read it"]["words"]
    assert items["docker-compose.yml"]["words"] == "2 services"
    assert "s3cret" not in log(imported) + str(imported.result)
    assert [one["kind"] for one in Drift.objects.get().findings] == ["mode"]

    again = taken_over(folder)
    assert again.result["known"] == deployment.number
    assert (Revision.objects.count(), Deployment.objects.count()) == (1, 1)

    # from here on it is like any other deployment
    (folder / "harbor.yml").chmod(0o600)
    conf = folder / "common/config/front/front.conf"
    conf.write_text(conf.read_text() + "# by hand\n")
    found = drift.look(looking.look())
    assert found is not None
    assert {one["kind"] for one in found.findings} == {"containers", "edited"}
    stopped = done(job("stop"), deploying.stop)
    assert stopped.state == Job.State.SUCCEEDED, log(stopped)
    assert "running" not in containers()
    started = done(job("start"), deploying.start)
    assert started.state == Job.State.SUCCEEDED, log(started)
    assert by_hand.answers() == 200
    second = by_hand.deploy(by_hand.text())
    assert second.state == Job.State.SUCCEEDED, log(second)
    assert (folder / "harbor.yml").read_text() == by_hand.text()
    assert drift.look(looking.look()) is not None
    assert Drift.objects.get().findings == []


def test_what_is_missing_is_said(site: Site) -> None:
    """Never prepared, installer's files thrown away: it becomes a revision, and no deployment."""
    for name in ("prepare", "harbor.yml.tmpl"):
        (site.folder / name).unlink()
    (site.folder / "harbor.yml").write_text(site.text())
    imported = taken_over(site.folder)
    assert imported.state == Job.State.SUCCEEDED, log(imported)
    items = {item["name"]: item for item in imported.result["items"]}
    missing = {name for name, item in items.items() if item["state"] == "off"}
    assert missing == {"Installer", "docker-compose.yml", "common/config", "Containers", "data_volume"}
    assert not Deployment.objects.exists()
    assert services.latest_installer() is None
    assert Revision.objects.get().from_installer is False


def test_stopped_but_prepared_can_be_started(by_hand: Site) -> None:
    subprocess.run(["docker", "compose", "down"], cwd=by_hand.folder, check=True, capture_output=True)
    imported = taken_over(by_hand.folder)
    assert imported.state == Job.State.SUCCEEDED, log(imported)
    assert Deployment.objects.get().found_running
    started = done(job("start"), deploying.start)
    assert started.state == Job.State.SUCCEEDED, log(started)
    assert by_hand.answers() == 200


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "There is no harbor.yml in"),
        (b"hostname: [\n", "cannot read"),
        (b"hostname: \xff\n", "is no text in UTF-8"),
        (b"# " + b"x" * 1024 * 1024, "is larger than 1 MB"),
        (b"", "is empty"),
    ],
)
def test_what_cannot_be_taken_over(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "harbor.yml").write_bytes(content)
    failed = taken_over(tmp_path)
    assert failed.state == Job.State.FAILED
    assert says in failed.error
    assert not Revision.objects.exists()
    gone = taken_over(tmp_path / "nothing")
    assert gone.state == Job.State.FAILED


def test_a_key_that_stands_twice_is_taken_as_prepare_reads_it(tmp_path: Path) -> None:
    """prepare accepts it, so such an installation may run; the file on the host stays as it is."""
    text = "hostname: first.example\nhttp:\n  port: 80\nhostname: last.example\n"
    (tmp_path / "harbor.yml").write_text(text)
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    (tmp_path / "harbor.yml").chmod(0o600)
    imported = taken_over(tmp_path)
    assert imported.state == Job.State.SUCCEEDED, log(imported)
    assert "stands here a second time" in imported.result["items"][0]["words"]
    assert Document(Revision.objects.get().text()).get("hostname") == "last.example"
    assert (tmp_path / "harbor.yml").read_text() == text
    assert "text" in [one["kind"] for one in Drift.objects.get().findings]


def test_a_link_to_the_folder_is_followed(by_hand: Site, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(by_hand.folder)
    imported = taken_over(link)
    assert imported.state == Job.State.SUCCEEDED, log(imported)
    assert Installer.objects.get().path == str(by_hand.folder)
    assert {item["name"]: item for item in imported.result["items"]}["Containers"]["state"] == "good"


def test_the_folder_above_is_corrected(tmp_path: Path) -> None:
    (tmp_path / "harbor").mkdir()
    (tmp_path / "harbor" / "harbor.yml").write_text("hostname: a\n")
    assert str(tmp_path / "harbor") in taken_over(tmp_path).advice


def test_the_page_asks_for_a_folder_and_shows_what_was_found(
    as_role: Callable[[int], Client], redis_settings: str, tmp_path: Path
) -> None:
    client = as_role(Role.OPERATOR)
    assert "harborweb reads its folder and its containers" in words(client.get("/deployment/existing/"))
    wrong = client.post("/deployment/existing/", {"folder": "opt/harbor"})
    assert wrong.status_code == 422
    assert "absolute path" in words(wrong)
    assert 'value="opt/harbor"' in wrong.content.decode()
    (tmp_path / "harbor.yml").write_text("hostname: a\nharbor_admin_password: Corr3ct-Horse-Battery\n")
    (tmp_path / "docker-compose.yml").write_text("services:\n  core:\n    image: goharbor/harbor-core:v2.15.2\n")
    asked = client.post("/deployment/existing/", {"folder": str(tmp_path)})
    assert asked.status_code == 302
    done(Job.objects.get(), importing.take_over)
    shown = client.get("/deployment/existing/")
    assert "This installation is revision 1 now." in words(shown)
    assert "Corr3ct" not in shown.content.decode()
    revision = Revision.objects.get()
    assert (revision.who_name, revision.source) == ("person-3", "127.0.0.1")
    assert Activity.objects.filter(action="import installation", subject=str(tmp_path)).exists()
    for page in ("/", "/deployment/", "/deployment/1/", "/configuration/", "/deployment/drift/"):
        assert client.get(page).status_code == 200, page


def test_another_folder_while_one_runs_is_refused(by_hand: Site, tmp_path: Path) -> None:
    assert taken_over(by_hand.folder).state == Job.State.SUCCEEDED
    other = tmp_path / "other"
    other.mkdir()
    (other / "harbor.yml").write_text("hostname: a\n")
    refused = taken_over(other)
    assert refused.state == Job.State.FAILED
    assert "one engine runs one Harbor" in refused.advice
