"""Backups: what is in them, that they are checked, and that they come back as they were."""

import fcntl
import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from harborweb import sealing
from harborweb.accounts.roles import Role
from harborweb.deployment.backup import archive, making, restoring, services, workshop
from harborweb.deployment.models import Backup, Installer
from harborweb.deployment.transaction import lock
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.tools import process
from tests import parts
from tests.deployment import postgres
from tests.deployment.conftest import done, job, log

PASSPHRASE = "violet tractor seven rivers"
WRONG = "violet tractor seven river"


class Told:
    """What a workshop tells, kept."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.lines: list[str] = []
        self.steps: list[int] = []
        self._left = stop_at

    def step(self, number: int, of: int, name: str) -> None:
        self.steps.append(number)
        self.lines.append(f"{number}/{of} {name}")

    def progress(self, done: int, total: int) -> None:
        if self._left is not None and done > self._left:
            raise process.Stopped

    def line(self, text: str, stream: str = "note") -> None:
        self.lines.append(text)

    def check(self) -> None:
        """Nobody stops it."""

    def secret(self, value: str) -> None:
        """Its lines are looked at by the tests."""

    def execute(self, command: Any, **more: Any) -> process.Completed:
        return process.run(command, **{"timeout": 60, **more})


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A folder as a deployment leaves it, with a data_volume beside it; owners as Harbor has them where we may."""
    folder, data = tmp_path / "opt" / "harbor", tmp_path / "data"
    for path in (
        folder / "common/config/core",
        folder / "common/config/empty",
        data / "secret/keys",
        data / "registry",
    ):
        path.mkdir(parents=True)
    (folder / "harbor.yml").write_text(
        f"hostname: harbor.lab # ours\nharbor_admin_password: s3cret-admin\ndata_volume: {data}\n"
    )
    (folder / "harbor.yml").chmod(0o600)
    (folder / "harbor.yml.tmpl").write_text("hostname: a\n_version: 2.15.0\n")
    (folder / "prepare").write_text("#!/bin/sh\n# goharbor/prepare:v2.15.2\n")
    (folder / "prepare").chmod(0o755)
    (folder / "docker-compose.yml").write_text("services:\n  core:\n    image: a\n")
    (folder / "harbor.v2.15.2.tar.gz").write_bytes(b"\0" * 1_100_000)
    (folder / "common/config/core/env").write_text("CORE_SECRET=abc\n")
    (folder / "common/config/core/env").chmod(0o640)
    (folder / "common/config/current").symlink_to("core/env")
    (data / "secret/keys/secretkey").write_text("0123456789abcdef")
    (data / "secret/keys/secretkey").chmod(0o400)
    (data / "secret/keys").chmod(0o500)
    (data / "registry/blob").write_bytes(b"x" * 4096)
    if os.getuid() == 0:
        os.chown(data / "secret/keys/secretkey", 10000, 10000)
        os.chown(data / "secret/keys", 10000, 10000)
    return folder


def tree(root: Path) -> dict[str, tuple[int, int, int, bytes | str]]:
    """Everything below `root`: mode, owner, group, content or target."""
    found: dict[str, tuple[int, int, int, bytes | str]] = {}
    for path in sorted(root.rglob("*")):
        seen = path.lstat()
        content: bytes | str = b""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(root))] = (stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid, content)
    return found


def make(folder: Path, target: Path, **more: Any) -> making.Made:
    return making.make(Told(), folder, PASSPHRASE, target, **more)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small backup that tests only read: its passphrase costs a second to make and another to check."""
    path = tmp_path_factory.mktemp("written") / "b.tar"
    facts = b'{"version": "v2.15.2", "data_volume": "/data", "databases": {}}'
    members = [
        archive.Member.holding("harbor/harbor.yml", b"harbor_admin_password: s3cret-admin\n" * 700),
        archive.Member.holding("manifest.json", facts),
    ]
    with path.open("w+b") as file:
        archive.write(file, members, PASSPHRASE, readme="age -d -i key.txt", manifest={"version": "v2.15.2"})
    return path


# --- the file


@pytest.mark.docker
def test_what_was_there_comes_back_with_owners_and_modes(installation: Path, tmp_path: Path) -> None:
    target = tmp_path / "backups" / "b.tar"
    told = Told()
    made = making.make(told, installation, PASSPHRASE, target)
    assert told.steps == [1, 2, 3, 4, 5]
    assert (made.version, made.databases, made.registry_bytes) == ("v2.15.2", {}, 4096)
    assert made.without == "This installation has no database of its own."
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.parent.stat().st_mode) == 0o700
    assert [path.name for path in target.parent.iterdir()] == ["b.tar"]
    assert any("Not in the backup" in line and "registry" in line for line in told.lines)

    into = tmp_path / "restored"
    brought = restoring.restore(Told(), target, PASSPHRASE, into)
    was, now = tree(installation), tree(into / "harbor")
    del was["harbor.v2.15.2.tar.gz"]  # an archive of images: it can be had again
    assert now == was
    assert tree(into / "secret") == tree(tmp_path / "data" / "secret")
    assert (brought.files, brought.version, brought.data_volume) == (made.files, "v2.15.2", str(tmp_path / "data"))
    assert f"cp -a {into}/secret {tmp_path}/data/" in brought.next_steps
    assert (into / "NEXT.txt").read_text() == brought.next_steps
    assert not (into / "database").exists()


def test_nothing_of_it_is_readable_without_the_passphrase(written: Path) -> None:
    raw = written.read_bytes()
    assert b"s3cret-admin" not in raw and PASSPHRASE.encode() not in raw
    with tarfile.open(written) as tar:
        assert tar.getnames() == ["README.txt", "manifest.json", "key.age", "content.tar.age", "SHA256SUMS"]
        readme = tar.extractfile("README.txt")
        assert readme is not None and b"age -d -i key.txt" in readme.read()
    with written.open("rb") as file:
        assert archive.manifest(file)["version"] == "v2.15.2"


def test_a_wrong_passphrase_is_told_from_a_damaged_file(written: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem, match="does not open the backup"):
        restoring.restore(Told(), written, WRONG, tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == []
    raw = bytearray(written.read_bytes())
    with tarfile.open(written) as tar:
        places = [tar.getmember(name).offset_data for name in ("key.age", "content.tar.age", "SHA256SUMS")]
    for position in (*(place + 10 for place in places), places[1] + 20_000):
        raw[position] ^= 1
        (tmp_path / "flipped.tar").write_bytes(raw)
        raw[position] ^= 1
        with pytest.raises(Problem, match="is damaged"):
            restoring.restore(Told(), tmp_path / "flipped.tar", PASSPHRASE, tmp_path / "into")
        assert list((tmp_path / "into").iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"no tar at all", b"\0" * 20_000, None])
def test_what_is_no_backup(tmp_path: Path, data: bytes | None, written: Path) -> None:
    target = tmp_path / "b.tar"
    target.write_bytes(written.read_bytes()[:-3000] if data is None else data)
    with pytest.raises(Problem, match="no backup of harborweb, or it is damaged"):
        restoring.restore(Told(), target, PASSPHRASE, tmp_path / "into")


def test_a_format_of_a_later_harborweb_is_said(tmp_path: Path) -> None:
    with (tmp_path / "b.tar").open("wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.size = 13
        tar.addfile(info, io.BytesIO(b'{"format": 2}'))
    with pytest.raises(Problem, match="does not know"):
        restoring.restore(Told(), tmp_path / "b.tar", PASSPHRASE, tmp_path / "into")


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out"])
def test_a_name_that_leaves_the_folder_is_refused(name: str) -> None:
    with pytest.raises(Problem, match="damaged"):
        restoring._safe(tarfile.TarInfo(name))
    assert str(restoring._safe(tarfile.TarInfo("a/b"))) == "a/b"


def test_a_link_does_not_lead_a_file_out(tmp_path: Path) -> None:
    link = archive.Member.holding("a", b"")
    link.info.type, link.info.linkname, link.info.size = tarfile.SYMTYPE, str(tmp_path), 0
    with (tmp_path / "b.tar").open("w+b") as file:
        archive.write(
            file, [archive.Member(link.info), archive.Member.holding("a/out", b"x")], PASSPHRASE, readme="", manifest={}
        )
    with pytest.raises(Problem, match="damaged"):
        restoring.restore(Told(), tmp_path / "b.tar", PASSPHRASE, tmp_path / "into")
    assert not (tmp_path / "out").exists()


def _holding(path: Path, *members: archive.Member) -> Path:
    with path.open("w+b") as file:
        archive.write(file, members, PASSPHRASE, readme="", manifest={})
    return path


def test_setuid_does_not_come_back(tmp_path: Path) -> None:
    """Whoever talks somebody into restoring a file as root is not root then."""
    program, facts = archive.Member.holding("harbor/tool", b"#!"), archive.Member.holding("manifest.json", b"{}")
    program.info.mode = 0o6755
    restoring.restore(Told(), _holding(tmp_path / "b.tar", program, facts), PASSPHRASE, tmp_path / "into")
    assert (tmp_path / "into" / "harbor" / "tool").stat().st_mode & 0o7777 == 0o755


def test_devices_pipes_and_hard_links_are_refused(tmp_path: Path) -> None:
    odd = archive.Member.holding("a", b"")
    odd.info.linkname = "/etc/passwd"
    for kind in (tarfile.CHRTYPE, tarfile.LNKTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
        odd.info.type = kind
        with pytest.raises(Problem, match="damaged"):
            restoring._safe(odd.info)
    with pytest.raises(Problem, match="damaged"):  # the passphrase of a whole backup costs two seconds: one of them
        restoring.restore(Told(), _holding(tmp_path / "b.tar", archive.Member(odd.info)), PASSPHRASE, tmp_path / "into")
    assert not list((tmp_path / "into").iterdir())


def test_a_file_of_holes_and_a_list_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hollow = tarfile.TarInfo("a")
    hollow.sparse = [(0, 1), (1 << 50, 1)]  # type: ignore[attr-defined]  # as tarfile reads one
    with pytest.raises(Problem, match="damaged"):
        restoring._safe(hollow)
    monkeypatch.setattr(archive, "MOST_SUMS", 10)
    with pytest.raises(Problem, match="damaged"):
        archive.sums(archive.Member.holding(archive.SUMS, b"x" * 11).info, io.BytesIO(b"x" * 11))


def test_a_folder_that_is_not_empty_is_refused(written: Path, tmp_path: Path) -> None:
    target, into = written, tmp_path / "into"
    into.mkdir()
    (into / ".hidden").write_text("mine")
    with pytest.raises(Problem, match="is not empty"):
        restoring.restore(Told(), target, PASSPHRASE, into)
    assert tree(into).keys() == {".hidden"}
    with pytest.raises(Problem, match="is not empty"):
        restoring.restore(Told(), target, PASSPHRASE, into / ".hidden")


def test_what_a_killed_restore_had_left_is_no_obstacle(written: Path, tmp_path: Path) -> None:
    target, into = written, tmp_path / "into"
    (into / restoring.STAGE / "harbor").mkdir(parents=True)
    restoring.restore(Told(), target, PASSPHRASE, into)
    assert not (into / restoring.STAGE).exists()


@pytest.mark.docker
def test_stopping_leaves_nothing(installation: Path, tmp_path: Path) -> None:
    with pytest.raises(process.Stopped):
        making.make(Told(stop_at=10), installation, PASSPHRASE, tmp_path / "b" / "b.tar")
    assert list((tmp_path / "b").iterdir()) == []


def test_a_file_that_grows_while_it_is_read(installation: Path, tmp_path: Path) -> None:
    members = [archive.Member.of(installation / "prepare", "p")]
    (installation / "prepare").write_text("longer than it was, by far: " * 3)
    with (tmp_path / "b.tar").open("w+b") as file, pytest.raises(archive.Changed, match="p"):
        archive.write(file, [one for one in members if one], PASSPHRASE, readme="", manifest={})


@pytest.mark.docker
def test_too_little_room_is_said_before_anything_is_written(
    installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "SPARE", 1 << 60)
    with pytest.raises(Problem, match="too little room"):
        make(installation, tmp_path / "b" / "b.tar")
    assert list((tmp_path / "b").iterdir()) == []


def test_while_something_is_deployed_there_is_no_backup(
    installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0)
    other = os.open(installation, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        with pytest.raises(Problem, match="Something else is working in"):
            make(installation, tmp_path / "b.tar")
    finally:
        os.close(other)


@pytest.mark.docker
def test_half_files_of_a_killed_worker_go_after_a_day(installation: Path, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    (folder / ".harborweb-dump-x").mkdir(parents=True)
    theirs = [".dump-theirs", ".theirs.tar.part", "other.tar"]
    for name in (".harborweb-part-old.tar.part", ".harborweb-part-young.tar.part", *theirs):
        (folder / name).write_text("x")
    for name in (".harborweb-part-old.tar.part", ".harborweb-dump-x", *theirs):
        os.utime(folder / name, (1, 1))
    make(installation, folder / "b.tar")
    left = [".harborweb-part-young.tar.part", "b.tar", *theirs]
    assert sorted(path.name for path in folder.iterdir()) == sorted(left)


@pytest.mark.docker
def test_a_link_in_the_way_of_a_backup_is_not_written_through(installation: Path, tmp_path: Path) -> None:
    """In a folder that many may write to, somebody may guess the name of the half file."""
    (tmp_path / "theirs").write_text("x")
    (tmp_path / ".harborweb-part-b.tar.part").symlink_to(tmp_path / "theirs")
    make(installation, tmp_path / "b.tar")
    assert (tmp_path / "theirs").read_text() == "x"
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("weak", ["", "short", "aaaaaaaaaaaaaaaaaaaa", "abababababababab"])
def test_weak_passphrases(installation: Path, tmp_path: Path, weak: str) -> None:
    with pytest.raises(Problem, match="12 characters"):
        making.make(Told(), installation, weak, tmp_path / "b.tar")


@pytest.mark.parametrize("odd", ["four words in\ntwo lines", "bell \x07 and other words", "\ud800 is half a letter"])
def test_a_passphrase_that_nobody_can_type_again_is_refused(installation: Path, tmp_path: Path, odd: str) -> None:
    with pytest.raises(Problem, match="cannot be typed"):
        making.make(Told(), installation, odd, tmp_path / "b.tar")
    making.refuse_weak("vier Wörter, 四个字 and spaces")


def test_what_is_not_there_is_named(installation: Path, tmp_path: Path) -> None:
    text = (installation / "harbor.yml").read_text()
    (installation / "harbor.yml").write_text(text.replace(str(tmp_path / "data"), "/nowhere/at/all"))
    with pytest.raises(Problem, match="data_volume is not there: /nowhere/at/all"):
        make(installation, tmp_path / "b.tar")
    (installation / "harbor.yml").unlink()
    with pytest.raises(Problem, match=r"no harbor\.yml"):
        make(installation, tmp_path / "b.tar")


@pytest.mark.docker
def test_an_external_database_that_does_not_answer_is_named(installation: Path, tmp_path: Path) -> None:
    text = (installation / "harbor.yml").read_text()
    (installation / "harbor.yml").write_text(
        f"{text}external_database:\n  harbor:\n    host: 127.0.0.1\n    port: {parts.free_port()}\n"
        "    db_name: registry\n    username: u\n    password: ext-secret\n    ssl_mode: disable\n"
    )
    told = Told()
    made = making.make(told, installation, PASSPHRASE, tmp_path / "b.tar")
    assert made.databases == {}
    assert made.without.startswith("The external database registry on 127.0.0.1:")
    assert not any("ext-secret" in line for line in told.lines)


# --- with a real database


@pytest.fixture
def database(installation: Path, tmp_path: Path) -> Iterator[Path]:
    """The installation with a real PostgreSQL that holds projects."""
    parts.needs_docker()
    service = postgres.service(tmp_path / "data" / "database")
    (installation / "docker-compose.yml").write_text(f"services:\n{service}")
    _compose(installation, "up", "-d")
    try:
        postgres.psql("CREATE DATABASE registry", database="postgres")
        postgres.psql(
            "CREATE TABLE project (id int, name text, deleted bool); INSERT INTO project "
            "SELECT n, 'project ' || n, false FROM generate_series(1, 3000) n"
        )
        yield installation
    finally:
        _compose(installation, "down", "-t", "1")
        postgres.remove_image()


def _compose(folder: Path, *words: str) -> None:
    subprocess.run(["docker", "compose", *words], cwd=folder, capture_output=True, check=True)


@pytest.mark.docker
def test_the_database_comes_back(database: Path, tmp_path: Path) -> None:
    target, into = tmp_path / "b.tar", tmp_path / "restored"
    made = make(database, target)
    assert list(made.databases) == ["registry"]
    assert made.databases["registry"] > 30_000
    assert b"project 2999" not in target.read_bytes()
    restoring.restore(Told(), target, PASSPHRASE, into)

    with pytest.raises(Problem, match="this is the same project as"):
        restoring.restore_database(Told(), into)
    with pytest.raises(Problem, match="The database's container does not run"):  # this folder's, not its namesake's
        make(into / "harbor", tmp_path / "namesake.tar")
    _compose(database, "down", "-t", "1")
    with pytest.raises(Problem, match=r"is in use: it holds 3000 projects"):
        restoring.restore_database(Told(), into)  # its files still name the old data_volume

    text = (into / "harbor" / "docker-compose.yml").read_text()
    (into / "harbor" / "docker-compose.yml").write_text(
        text.replace(str(tmp_path / "data" / "database"), str(tmp_path / "new"))
    )
    postgres.service(tmp_path / "new")
    told = Told()
    assert restoring.restore_database(told, into) == made.databases
    assert told.steps == [1, 2, 3, 4]
    _compose(into / "harbor", "up", "-d")
    assert postgres.psql("SELECT count(*) || ' ' || max(name) FROM project") == "3000 project 999"
    _compose(into / "harbor", "down", "-t", "1")

    (into / "database" / "registry.sql.gz").write_bytes((into / "database" / "registry.sql.gz").read_bytes()[:-40])
    subprocess.run(["rm", "-rf", str(tmp_path / "new")], check=True)
    postgres.service(tmp_path / "new")
    with pytest.raises(Problem, match="The dump is damaged"):
        restoring.restore_database(Told(), into)


@pytest.mark.docker
def test_a_dump_that_fails_makes_no_backup(database: Path, tmp_path: Path) -> None:
    postgres.psql("ALTER DATABASE registry ALLOW_CONNECTIONS false", database="postgres")
    with pytest.raises(Problem, match=r"pg_dump in the database's container failed \(exit 1\): .*registry"):
        make(database, tmp_path / "b" / "b.tar")
    assert list((tmp_path / "b").iterdir()) == []
    _compose(database, "stop", "-t", "1")
    with pytest.raises(Problem, match="does not run, so it cannot be dumped"):
        make(database, tmp_path / "b" / "b.tar")
    assert make(database, tmp_path / "b" / "b.tar", with_database=False).without == "It was left out on request."


# --- jobs, pages, shell


@pytest.fixture
def installed(installation: Path, db: None, settings: Any, tmp_path: Path) -> Installer:
    """The installation as an installer row."""
    settings.BACKUPS_DIR = tmp_path / "backups"
    return Installer.objects.create(
        source="folder", name=str(installation), path=str(installation), ready=True, version="v2.15.2"
    )


@pytest.mark.docker
@pytest.mark.django_db(transaction=True)
def test_a_job_backs_up_and_a_job_restores(
    installed: Installer, redis_settings: str, as_role: Any, tmp_path: Path
) -> None:
    client = as_role(Role.ADMINISTRATOR)
    page = client.get(reverse("deployment:backups")).content.decode()
    assert "There is no backup yet." in page
    typed = {"passphrase": PASSPHRASE, "again": PASSPHRASE, "with_database": "on"}
    answer = client.post(reverse("deployment:backup_start"), typed)
    backup = Backup.objects.get()
    assert answer["Location"] == reverse("jobs:detail", args=[backup.job_id])
    assert backup.job is not None
    assert PASSPHRASE not in str(backup.job.arguments)
    settled = done(_claimable(backup.job), workshop.back_up)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert PASSPHRASE not in log(settled) and PASSPHRASE not in str(settled.result)
    backup.refresh_from_db()
    assert Path(backup.path).parent == tmp_path / "backups"
    assert backup.files == settled.result["files"]
    page = client.get(reverse("deployment:backups")).content.decode()
    assert backup.path in page and "There is no backup yet." not in page
    assert backup.path in client.get(reverse("jobs:detail", args=[backup.job_id])).content.decode()

    into = tmp_path / "restored"
    typed = {"path": backup.path, "folder": str(into), "passphrase": PASSPHRASE}
    answer = client.post(reverse("deployment:restore_start"), typed)
    request = Job.objects.get(kind="restore")
    assert answer["Location"] == reverse("jobs:detail", args=[request.pk])
    settled = done(_claimable(request), workshop.restore)
    assert settled.state == Job.State.SUCCEEDED, log(settled)
    assert (into / "harbor" / "harbor.yml").is_file()
    assert "What comes next" in client.get(reverse("jobs:detail", args=[request.pk])).content.decode()


def _claimable(requested: Job) -> Job:
    """No worker listens in this test: whatever became of queueing, the job waits for its claim."""
    Job.objects.filter(pk=requested.pk).update(state=Job.State.REQUESTED, finished=None)
    return requested


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"passphrase": PASSPHRASE, "again": WRONG}, "The two passphrases differ."),
        ({"passphrase": "short", "again": "short"}, "12 characters or more"),
        ({"passphrase": "", "again": ""}, "This is empty."),
    ],
)
def test_the_form_says_what_is_wrong_and_shows_no_passphrase(
    installed: Installer, as_role: Any, typed: dict[str, str], said: str
) -> None:
    answer = as_role(Role.OPERATOR).post(reverse("deployment:backup_start"), typed)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert PASSPHRASE not in answer.content.decode()
    assert not Backup.objects.exists()


@pytest.mark.django_db
def test_restoring_needs_an_administrator_and_absolute_paths(installed: Installer, as_role: Any) -> None:
    client = as_role(Role.ADMINISTRATOR)
    answer = client.post(
        reverse("deployment:restore_start"), {"path": "b.tar", "folder": "/x", "passphrase": PASSPHRASE}
    )
    assert answer.status_code == 422
    assert "absolute path" in answer.content.decode()


@pytest.mark.django_db
def test_a_second_thing_at_a_time_is_refused_and_its_passphrase_forgotten(
    installed: Installer, as_role: Any, redis_settings: str
) -> None:
    busy = job("deploy")
    Job.objects.filter(pk=busy.pk).update(exclusive="host", title="Deploy revision 3")
    before = sealing.redis_client().keys("harborweb:slot:*")
    answer = as_role(Role.OPERATOR).post(
        reverse("deployment:backup_start"), {"passphrase": PASSPHRASE, "again": PASSPHRASE}
    )
    assert answer.status_code == 409
    assert "Deploy revision 3" in answer.content.decode()
    assert sealing.redis_client().keys("harborweb:slot:*") == before
    assert not Backup.objects.exists()


@pytest.mark.django_db
def test_the_age_of_the_last_backup_is_judged(installed: Installer) -> None:
    from datetime import timedelta

    from django.utils import timezone

    assert services.age().title == "There is no backup yet."
    now = timezone.now()
    made = Backup.objects.create(installer=installed, ready=now - timedelta(days=9), path="/b")
    assert services.age().title == "The last backup is 9 days old."
    Backup.objects.filter(pk=made.pk).update(ready=now)
    assert services.age().state == "good"
    assert services.young() == made
    Backup.objects.filter(pk=made.pk).update(ready=now - timedelta(minutes=61))
    assert services.young() is None


@pytest.mark.docker
@pytest.mark.django_db
def test_the_same_from_a_shell(
    installed: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARBORWEB_PASSPHRASE", PASSPHRASE)
    call_command("backup")
    path = Path(capsys.readouterr().out.strip())
    assert path.parent == tmp_path / "backups" and Backup.objects.get().path == str(path)
    call_command("restore", str(path), str(tmp_path / "restored"))
    assert "docker compose up -d" in capsys.readouterr().out
    assert (tmp_path / "restored" / "secret" / "keys" / "secretkey").read_text() == "0123456789abcdef"
    with pytest.raises(CommandError, match="is not empty"):
        call_command("restore", str(path), str(tmp_path / "restored"))
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", "--output", str(path))
    with pytest.raises(CommandError, match="no dump"):
        call_command("restore_database", str(tmp_path / "restored"))
    monkeypatch.setenv("HARBORWEB_PASSPHRASE", WRONG)
    with pytest.raises(CommandError, match="does not open"):
        call_command("restore", str(path), str(tmp_path / "other"))
