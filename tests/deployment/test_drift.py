"""Drift: every kind of it in real folders, containers' age on the real engine, and nothing said when all is well."""

import html
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from harborweb.accounts.models import Activity
from harborweb.accounts.roles import Role
from harborweb.configuration import revisions
from harborweb.configuration.models import OnDisk, Revision, fingerprint
from harborweb.deployment import deploying, drift, drift_pages, looking, rendered, tasks
from harborweb.deployment.models import Deployment, Drift, Host, Installer
from harborweb.deployment.place import Place, stats
from harborweb.jobs.models import Job
from harborweb.sealing import seal
from tests.deployment.conftest import Site, done, job, log

SECRET = "Corr3ct-Horse-Battery"
TEXT = f"hostname: registry.example\nharbor_admin_password: {SECRET}\ndata_volume: /srv/harbor\n"
COMPOSE = """services:
  core:
    image: goharbor/harbor-core:v2.15.2
    env_file: ./common/config/core/env
  portal:
    image: goharbor/harbor-portal:v2.15.2
"""
FILES = {
    "docker-compose.yml": COMPOSE,
    "common/config/core/env": f"CORE_SECRET=aaaa\nHARBOR_ADMIN_PASSWORD={SECRET}\nLOG_LEVEL=info\n",
    "common/config/core/app.conf": "appname = Harbor\n",
    "common/config/jobservice/env": "CORE_SECRET=aaaa\nJOBSERVICE_SECRET=bbbb\n",
    "common/config/nginx/nginx.conf": "worker_processes auto;\nclient_max_body_size 0;\n",
    "common/config/registry/passwd": "harbor_registry_user:$2y$05$aaaa\n",
}


def words(response: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def revision(text: str) -> Revision:
    number = Revision.objects.count() + 1
    return Revision.objects.create(
        number=number, text_sealed=seal(text, "revision"), template_sealed=seal(text, "revision"), from_installer=False,
        digest=fingerprint(text), who_name="ada", origin="test",
    )  # fmt: skip


class Folder:
    """An installer folder as prepare leaves it, an hour ago, and the deployment that made it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prepared = time.time() - 3600
        for name, text in {**FILES, "harbor.yml": TEXT}.items():
            self.write(name, text, self.prepared - (60 if name == "harbor.yml" else 0))
        (path / "harbor.yml").chmod(0o600)
        installer = Installer.objects.create(source="folder", name=str(path), path=str(path), ready=True)
        self.deployment = Deployment.objects.create(
            number=1, revision=revision(TEXT), installer=installer, began=True, outcome=Deployment.Outcome.DEPLOYED
        )
        rendered.keep(self.deployment, rendered.read(path))

    def write(self, name: str, text: str, at: float | None = None) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if at is not None:
            os.utime(path, (at, at))

    def look(self, *, force: bool = False) -> list[dict[str, Any]]:
        found = drift.look(Host(), force=force)
        assert found is not None
        return found.findings

    def kinds(self) -> list[str]:
        return [one["kind"] for one in self.look()]


@pytest.fixture
def folder(tmp_path: Path, db: None) -> Folder:
    return Folder(tmp_path / "harbor")


def test_nothing_is_said_when_all_is_well(folder: Folder, as_role: Callable[[int], Client]) -> None:
    assert folder.look() == []
    assert drift_pages.report().notes == ()
    client = as_role(Role.VIEWER)
    for page in ("/", "/deployment/"):
        assert "Not as deployed" not in words(client.get(page))
    assert "as deployed" in words(client.get("/deployment/drift/"))


def test_harbor_yml_changed_on_the_host(folder: Folder, as_role: Callable[[int], Client]) -> None:
    folder.look()
    folder.write("harbor.yml", TEXT.replace("registry.example", "other.example").replace(SECRET, SECRET + "-new"))
    assert folder.kinds() == ["text", "prepare"]
    client = as_role(Role.OPERATOR)
    for page in ("/", "/deployment/", "/deployment/drift/"):
        shown = client.get(page)
        assert "harbor.yml on disk is not the deployed revision 1." in words(shown)
        assert "prepare has not run since harbor.yml changed." in words(shown)
        assert "hostname: other.example" in words(shown)
        assert "secret changed" in words(shown)
        assert SECRET not in shown.content.decode()
    dump = "\n".join(connection.connection.iterdump())
    assert SECRET not in dump
    compared = client.get("/configuration/compare/?from=1&to=disk")
    assert "the file on disk" in words(compared)
    assert SECRET not in compared.content.decode()


def test_the_file_on_disk_becomes_a_revision(folder: Folder, as_role: Callable[[int], Client]) -> None:
    text = TEXT.replace("registry.example", "other.example")
    folder.write("harbor.yml", text)
    folder.look()
    client = as_role(Role.OPERATOR)
    found = OnDisk.objects.get()
    stale = client.post("/configuration/on-disk/take/", {"digest": "0" * 64}, follow=True)
    assert "has changed since this page was drawn" in words(stale)
    assert Revision.objects.count() == 1
    taken = client.post("/configuration/on-disk/take/", {"digest": found.digest}, follow=True)
    assert "Revision 2" in words(taken)
    assert Revision.objects.get(number=2).text() == text
    assert Activity.objects.filter(action="save revision").exists()
    report = drift_pages.report()
    assert [note.kind for note in report.notes] == ["text", "prepare", "newer"]
    assert "It says what revision 2 says" in report.notes[0].text
    assert not report.notes[0].take_digest
    again = client.post("/configuration/on-disk/take/", {"digest": found.digest}, follow=True)
    assert "Nothing differs from revision 2." in words(again)


@pytest.mark.parametrize("data", [b"hostname: [\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_harbor_yml_is_named_and_not_taken(
    folder: Folder, as_role: Callable[[int], Client], data: bytes
) -> None:
    (folder.path / "harbor.yml").write_bytes(data)
    assert "text" in folder.kinds()
    client = as_role(Role.OPERATOR)
    assert client.get("/deployment/drift/").status_code == 200
    client.post("/configuration/on-disk/take/", {"digest": OnDisk.objects.get().digest})
    assert Revision.objects.count() == 1


def test_line_ends_and_a_missing_last_line_end_count(folder: Folder) -> None:
    (folder.path / "harbor.yml").write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert "text" in folder.kinds()
    (folder.path / "harbor.yml").write_bytes(TEXT.rstrip("\n").encode())
    assert "text" in folder.kinds()


def test_a_mode_that_lets_others_read(folder: Folder) -> None:
    (folder.path / "harbor.yml").chmod(0o644)
    assert folder.look() == [{"kind": "mode", "mode": "0644"}]
    note = drift_pages.report().notes[0]
    assert "0644" in note.text
    assert note.command == f"chmod 600 {folder.path}/harbor.yml"


def test_harbor_yml_is_gone(folder: Folder) -> None:
    folder.look()
    assert revisions.on_disk() is not None
    (folder.path / "harbor.yml").unlink()
    assert folder.kinds() == ["missing"]
    assert revisions.on_disk() is None
    assert "There is no harbor.yml" in drift_pages.report().notes[0].title


def test_the_folder_is_gone(folder: Folder) -> None:
    shutil.rmtree(folder.path)
    assert folder.kinds() in (["folder"], ["hidden"])
    assert len(drift_pages.report().notes) == 1


def test_prepare_ran_with_the_changed_file(folder: Folder) -> None:
    """Its files differ rightly then: what somebody edits after that still counts."""
    folder.write("harbor.yml", TEXT.replace("registry.example", "other.example"), folder.prepared + 100)
    for name, text in FILES.items():
        folder.write(name, text.replace("0;", "0; # other.example").replace("aaaa", "cccc"), folder.prepared + 110)
    assert folder.kinds() == ["text"]
    assert folder.look()[0]["prepared"] is True
    folder.write("common/config/core/app.conf", "appname = Mine\n", folder.prepared + 500)
    assert folder.kinds() == ["text", "edited"]
    assert [row["path"] for row in folder.look()[1]["files"]] == ["common/config/core/app.conf"]


def test_secrets_that_rotate_do_not_count(folder: Folder) -> None:
    """prepare by hand, with the same harbor.yml."""
    later = folder.prepared + 300
    for name, text in FILES.items():
        folder.write(name, text.replace("aaaa", "zzzz").replace("bbbb", "yyyy"), later)
    assert folder.look() == []


def test_hand_edits_that_the_next_prepare_erases(folder: Folder, as_role: Callable[[int], Client]) -> None:
    folder.write("common/config/nginx/nginx.conf", FILES["common/config/nginx/nginx.conf"].replace(" 0;", " 10g;"))
    folder.write("common/config/nginx/conf.d/mine.conf", f"# token: {SECRET}\nadd_header X-Mine yes;\n")
    (folder.path / "common/config/core/app.conf").unlink()
    folder.write("common/config/core/env", FILES["common/config/core/env"].replace(SECRET, SECRET + "2"))
    folder.write("docker-compose.yml", COMPOSE + "    mem_limit: 1g\n")
    [finding] = folder.look()
    assert finding["kind"] == "edited"
    assert {row["path"]: row["how"] for row in finding["files"]} == {
        "docker-compose.yml": "changed", "common/config/core/app.conf": "removed", "common/config/core/env": "changed",
        "common/config/nginx/conf.d/mine.conf": "added", "common/config/nginx/nginx.conf": "changed",
    }  # fmt: skip
    shown = as_role(Role.VIEWER).get("/deployment/drift/")
    assert "5 rendered files were changed by hand." in words(shown)
    assert "client_max_body_size 10g;" in words(shown)
    assert "mem_limit: 1g" in words(shown)
    assert "add_header X-Mine yes;" in words(shown)
    assert SECRET not in shown.content.decode()
    assert SECRET not in "\n".join(connection.connection.iterdump())


def test_a_folder_without_what_was_rendered_is_held_against_the_first_look(folder: Folder) -> None:
    rendered.keep(folder.deployment, {})
    assert folder.look() == []
    folder.write("common/config/core/app.conf", "appname = Mine\n")
    assert folder.kinds() == ["edited"]


def test_files_are_read_again_only_when_something_changed(folder: Folder) -> None:
    folder.look()
    Drift.objects.update(findings=[{"kind": "mode", "mode": "0666"}])
    assert folder.kinds() == ["mode"]  # nothing changed, so nothing was read
    assert folder.look(force=True) == []
    Drift.objects.update(findings=[{"kind": "mode", "mode": "0666"}])
    folder.write("common/config/core/app.conf", "appname = Mine\n")
    assert folder.kinds() == ["edited"]


def test_a_newer_revision_is_not_deployed(folder: Folder, as_role: Callable[[int], Client]) -> None:
    folder.look()
    revision(TEXT + "# more\n")
    [note] = drift_pages.report().notes
    assert (note.kind, note.state) == ("newer", "info")
    assert note.links[1] == ("/deployment/deploy/?revision=2", "Deploy revision 2")
    assert "Revision 2 is saved and not deployed." in words(as_role(Role.VIEWER).get("/"))


def test_nothing_is_compared_while_the_host_changes_or_is_unsettled(folder: Folder) -> None:
    folder.write("harbor.yml", "hostname: other\n")
    busy = job("deploy")
    Job.objects.filter(pk=busy.pk).update(exclusive="host")
    assert drift.look(Host()) is None
    Job.objects.all().delete()
    for outcome in ("rolling_back", "interrupted", "needs_you"):
        Deployment.objects.update(outcome=outcome)
        assert drift.look(Host()) is None
        assert drift_pages.report().notes == ()


def test_after_a_rollback_the_revision_before_counts(folder: Folder) -> None:
    Deployment.objects.create(
        number=2, revision=revision("hostname: second\n"), installer=folder.deployment.installer, began=True,
        outcome="rolled_back",
    )  # fmt: skip
    assert folder.look() == []


def test_the_host_worker_looks_when_it_is_asked(
    folder: Folder, as_role: Callable[[int], Client], redis_settings: str
) -> None:
    client = as_role(Role.OPERATOR)
    assert client.post("/deployment/drift/look/").status_code == 302
    assert Job.objects.get().kind == "drift"
    assert client.get("/deployment/drift/").status_code == 200
    assert Activity.objects.filter(action="look for drift").exists()


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_containers_older_than_their_configuration(site: Site) -> None:
    first = site.deploy(site.text())
    assert first.state == Job.State.SUCCEEDED, log(first)

    def look() -> dict[str, dict[str, Any]]:
        found = drift.look(looking.look())
        assert found is not None
        return {one["kind"]: one for one in found.findings}

    assert look() == {}
    conf = site.folder / "common/config/front/front.conf"
    conf.write_text(conf.read_text() + "# mine\n")
    tasks.look()  # as the scheduler has it done
    assert {one["kind"] for one in Drift.objects.get().findings} == {"containers", "edited"}
    assert [row["name"] for row in look()["containers"]["containers"]] == ["practice-front"]
    subprocess.run(["docker", "restart", "practice-front"], check=True, capture_output=True)
    assert set(look()) == {"edited"}

    subprocess.run(["./prepare"], cwd=site.folder, check=True, capture_output=True)  # by hand, with the registry up
    again = look()
    assert "edited" not in again
    assert {row["name"] for row in again["containers"]["containers"]} >= {"practice-front", "practice-registry"}
    stopped, started = done(job("stop"), deploying.stop), done(job("start"), deploying.start)
    assert (stopped.state, started.state) == (Job.State.SUCCEEDED, Job.State.SUCCEEDED), log(started)
    assert look() == {}


@pytest.fixture
def in_the_open() -> Iterator[Path]:
    """A folder that everybody can reach; pytest's own are its user's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_worker_that_may_not_read_says_so_and_invents_no_edit(in_the_open: Path) -> None:
    """A worker that is not root, and files of prepare's owners."""
    folder = in_the_open / "harbor"
    for name, text in {**FILES, "harbor.yml": TEXT}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "harbor.yml").chmod(0o600)
    (folder / "common/config/core").chmod(0o700)  # not even a look inside
    (folder / "common/config/jobservice").chmod(0o744)  # names, and no more
    (folder / "common/config/nginx/nginx.conf").chmod(0o600)
    os.seteuid(65534)
    try:
        place = Place.read(folder, stats(folder) or {})
    finally:
        os.seteuid(0)
    assert sorted(place.unreadable) == [
        "common/config/core", "common/config/jobservice", "common/config/nginx/nginx.conf", "harbor.yml",
    ]  # fmt: skip
    assert place.closed("common/config/core/env") and not place.closed("common/config/registry/passwd")
    assert set(place.rendered) == {"docker-compose.yml", "common/config/registry/passwd"}
