"""Snapshot, journal, lock, survivors and pulling by themselves: odd files, torn files, programs that live on."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harborweb.deployment import files
from harborweb.deployment.transaction import journal, lock, pulling, snapshot, survivors
from harborweb.deployment.transaction.journal import Journal, Phase
from harborweb.deployment.transaction.snapshot import Before, Snapshot
from harborweb.errors import Problem
from tests import parts
from tests.deployment.standing import tree

SECONDS = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installer folder as years of use leave it."""
    made = tmp_path / "opt" / "har bor"
    config = made / "common" / "config"
    for name in ("core/certificates", "nginx/conf.d", "empty"):
        (config / name).mkdir(parents=True)
    (config / "core" / "env").write_bytes(b"A=\xff\x00\nB='x'\n")
    (config / "core" / "env").chmod(0o640)
    (config / "core" / "app.conf").write_text("")
    os.chown(config / "core" / "env", 10000, 10000)
    (config / "nginx" / "a name\nin two lines").write_text("odd")
    (config / "nginx" / "grün").write_text("umlaut")
    (config / "nginx" / "link").symlink_to("../core/env")
    (config / "nginx" / "dangling").symlink_to("/nowhere/at all")
    os.link(config / "core" / "app.conf", config / "nginx" / "hard")
    (config / "nginx" / ("n" * 200)).write_text("long")
    (config / "setuid").write_text("s")
    (config / "setuid").chmod(0o4755)
    (config / "empty").chmod(0o1700)
    (made / "harbor.yml").write_text("hostname: x\n")
    (made / "docker-compose.yml").write_text("services: {}\n")
    (tmp_path / "data" / "secret" / "keys").mkdir(parents=True)
    (tmp_path / "data" / "secret" / "keys" / "secretkey").write_text("k")
    (tmp_path / "data" / "secret" / "keys" / "secretkey").chmod(0o600)
    journal.home(made, make=True)
    return made


def taken(folder: Path, number: int = 7) -> Snapshot:
    """A snapshot of all that a deployment may change."""
    roots = snapshot.roots(folder, [folder.parent.parent / "data", folder.parent.parent / "new"])
    kept = Snapshot(folder, number)
    kept.take(Before(str(folder), str(folder), {str(root): os.path.lexists(root) for root in roots}))
    return kept


def wrecked(folder: Path) -> None:
    """What the worst of deployments leaves."""
    data = folder.parent.parent / "data" / "secret"
    shutil.rmtree(folder / "common" / "config")
    (folder / "common" / "config").symlink_to("/etc")
    (folder / "harbor.yml").unlink()
    (folder / "harbor.yml").mkdir()
    (folder / "harbor.yml" / "file").write_text("")
    (folder / "docker-compose.yml").chmod(0o777)
    (folder / "input").mkdir()
    (folder / "input" / "harbor.yml").write_text("password")
    shutil.rmtree(data / "keys")
    (data / "keys").write_text("a file where a folder was")
    (data / "core").mkdir()
    (folder.parent.parent / "new" / "secret").mkdir(parents=True)


def test_everything_comes_back_byte_for_byte(folder: Path) -> None:
    root = folder.parent.parent
    before = tree(root)
    kept = taken(folder)
    assert list(kept.differences()) == []
    wrecked(folder)
    assert list(kept.differences()) != []
    assert kept.put_back() == 9
    assert list(kept.differences()) == []
    after = tree(root)
    assert {path: seen for path, seen in after.items() if path != str(root / "new")} == before
    assert (folder / "common/config/nginx/hard").samefile(folder / "common/config/core/app.conf")
    assert kept.put_back() == 9
    assert kept.text(folder / "harbor.yml") == "hostname: x\n" and kept.text(folder / "nothing") == ""


def test_tar_alone_brings_the_files_back(folder: Path) -> None:
    before = tree(folder)
    kept = taken(folder)
    shutil.rmtree(folder / "common")
    subprocess.run(["tar", "--numeric-owner", "-xpf", str(kept.archive), "-C", "/"], check=True)
    assert tree(folder / "common" / "config") == {k: v for k, v in before.items() if "common/config" in k}


def test_a_half_written_snapshot_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any, **named: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_whole", full)
    with pytest.raises(OSError, match="No space"):
        taken(folder)
    monkeypatch.undo()
    kept = Snapshot(folder, 7)
    assert not kept.whole
    with pytest.raises(Problem):
        kept.put_back()


def test_the_files_of_ours_are_closed_to_others(folder: Path) -> None:
    kept = taken(folder)
    Journal(folder=str(folder), token="t").write(Phase.DOWN)
    mine = folder / ".harborweb"
    assert {path.name: path.stat().st_mode & 0o777 for path in [mine, *mine.rglob("*")]} == {
        ".harborweb": 0o700, "snapshots": 0o700, "journal.json": 0o600, "7.tar": 0o600, "7.json": 0o600,
    }  # fmt: skip
    kept.forget()
    journal.read(folder).close()  # type: ignore[union-attr]
    assert not mine.exists()


def test_only_the_newest_snapshots_stay(folder: Path) -> None:
    for number in (2, 9, 10, 11, 100):
        taken(folder, number)
    assert snapshot.prune(folder) == [100, 11, 10]
    assert sorted(path.name for path in (folder / ".harborweb" / "snapshots").glob("*.tar")) == [
        "10.tar", "100.tar", "11.tar",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"phase": "up"}', "\x00\xff"])
def test_a_journal_that_nobody_can_read_stops_deployments_and_waits_for_somebody(folder: Path, text: str) -> None:
    (folder / ".harborweb" / "journal.json").write_text(text)
    found = journal.read(folder)
    assert found is not None and found.phase == Phase.STUCK


def test_the_journal_says_what_was_written(folder: Path) -> None:
    assert journal.read(folder) is None
    ours = Journal(folder=str(folder), token="t", number=3, claim="c", roll_back=False)
    ours.write(Phase.UP)
    assert journal.read(folder) == ours
    moved = folder.rename(folder.parent / "moved")
    found = journal.read(moved)
    assert found is not None and (found.folder, found.phase) == (str(moved), "up")
    assert "password" not in json.dumps(found.__dict__)


def test_only_one_holds_a_folder_and_the_kernel_lets_go_of_the_dead(folder: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl,os,time; h=os.open({str(folder)!r}, os.O_RDONLY);"
         "fcntl.flock(h, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    assert not lock.is_free(folder)
    with pytest.raises(lock.Busy), lock.held(folder, seconds=0.2):
        raise AssertionError("it is held by another")
    holder.kill()
    holder.wait()
    with lock.held(folder, seconds=5):
        assert not lock.is_free(folder)
        inherited = subprocess.run(["flock", "-n", str(folder), "true"])
        assert inherited.returncode == 1
    assert lock.is_free(folder)


@pytest.fixture
def an_engine() -> None:
    """A real engine, or none of this."""
    parts.needs_docker()


@pytest.mark.docker
def test_programs_that_outlive_their_worker_are_ended_with_their_children(
    an_engine: None, tmp_path: Path, settings: Any
) -> None:
    settings.JOB_GRACE_SECONDS = 0.5
    token = "t0ken" * 6
    words = f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/child; wait"
    environment = survivors.environment(token)
    program = subprocess.Popen(["sh", "-c", words], env=environment, start_new_session=True)
    stranger = subprocess.Popen(["sleep", "60"], env=survivors.environment("another"), start_new_session=True)
    try:
        until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
        child = int((tmp_path / "child").read_text())
        ended = survivors.end(token, tmp_path)
        assert ended and all(one.startswith(("sh -c", "sleep")) for one in ended)
        assert program.wait(5) != 0
        assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text()
        assert stranger.poll() is None
        assert survivors.end(token, tmp_path) == []
    finally:
        stranger.kill()
        stranger.wait()
        program.kill()


def until(happened: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Told:
    """What a job's Run is for pulling."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str, stream: str = "") -> None:
        self.lines.append(text)

    def check(self) -> None:
        """Nobody stops."""

    def progress(self, done: int, total: int) -> None:
        """Nobody looks."""


@pytest.fixture
def pushed(an_engine: None, registry: parts.Registry) -> Iterator[str]:
    """An image that a registry has and the engine has not."""
    name = f"{registry.host}/deploy/pulled:1"
    made = subprocess.run(["docker", "import", "-", name], input=b"\0" * 10240, capture_output=True)
    assert made.returncode == 0, made.stderr
    answer = subprocess.run(["docker", "push", name], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    subprocess.run(["docker", "image", "rm", name], check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "image", "rm", name], capture_output=True)


@pytest.mark.docker
def test_missing_images_are_pulled_and_those_that_are_here_are_not(pushed: str) -> None:
    told = Told()
    assert pulling.fetch(told, [pushed]) == 1  # type: ignore[arg-type]
    assert told.lines == [f"Pull {pushed}, 1 of 1", f"{pushed} is here."]
    assert pulling.fetch(told, [pushed]) == 0  # type: ignore[arg-type]
    with pytest.raises(Problem) as caught:
        pulling.fetch(told, [pushed.replace("pulled:1", "nowhere:2")])  # type: ignore[arg-type]
    assert "nowhere:2 could not be fetched" in caught.value.message
