"""Folders that are not what they look like: links where folders are expected, and things that are not ours."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from harborweb.deployment import files, rehearsal, tasks, waiting
from harborweb.deployment.models import Installer
from harborweb.deployment.rehearsal import Rehearsal
from harborweb.deployment.transaction import journal, lock, recovery, snapshot
from harborweb.deployment.transaction.journal import Journal, Phase
from harborweb.deployment.transaction.snapshot import Before, Snapshot
from harborweb.errors import Problem
from harborweb.jobs.models import Job
from harborweb.jobs.run import Run
from tests.deployment.standing import tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installer folder whose common/config and secrets lie elsewhere, behind links."""
    made = tmp_path / "opt" / "harbor"
    for path in (tmp_path / "elsewhere" / "config" / "core", tmp_path / "elsewhere" / "keys", made / "common"):
        path.mkdir(parents=True)
    (tmp_path / "elsewhere" / "config" / "core" / "env").write_text("live")
    (tmp_path / "elsewhere" / "keys" / "secretkey").write_text("live")
    (made / "common" / "config").symlink_to(tmp_path / "elsewhere" / "config")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret").symlink_to("../elsewhere/keys")
    return made


def laid_out(folder: Path) -> Rehearsal:
    root = folder.parent.parent
    made = Rehearsal(root / "scratch" / "harbor", folder, root / "scratch" / "data", root / "data")
    made.folder.parent.mkdir()
    rehearsal._lay_out(made, f"hostname: x\ndata_volume: {root / 'data'}\n")
    return made


@pytest.mark.parametrize("whole", [False, True])
def test_a_rehearsal_reaches_nothing_live_through_a_link(folder: Path, whole: bool) -> None:
    """prepare empties common/config and secret/cert: of the copy, not of what a link in the copy leads to."""
    if whole:  # common itself is the link
        (folder / "common").rename(folder.parent / "common")
        (folder / "common").symlink_to("../common")
    before = tree(folder.parent.parent / "elsewhere")
    made = laid_out(folder)
    assert (made.folder / "common/config/core/env").read_text() == "live"
    assert (made.data / "secret/secretkey").read_text() == "live"
    for path in ((made.folder / "common/config").iterdir(), (made.data / "secret").iterdir()):
        for one in path:
            files.remove(one)
    assert tree(folder.parent.parent / "elsewhere") == before


def test_a_snapshot_holds_what_lies_behind_a_link(folder: Path) -> None:
    root = folder.parent.parent
    before = tree(root)
    journal.home(folder, make=True)
    roots = snapshot.roots(folder, [root / "data"])
    kept = Snapshot(folder, 1)
    kept.take(Before(str(folder), str(folder), {str(one): os.path.lexists(one) for one in roots}))
    shutil.rmtree(root / "elsewhere" / "config" / "core")
    (root / "elsewhere" / "keys" / "secretkey").write_text("made anew")
    assert len(list(kept.differences())) >= 2
    kept.put_back()
    assert tree(root) == before


def test_the_snapshot_of_a_copied_folder_is_put_back_nowhere(folder: Path) -> None:
    (folder / "harbor.yml").write_text("hostname: old\n")
    journal.home(folder, make=True)
    Snapshot(folder, 1).take(Before(str(folder), str(folder), {str(folder / "harbor.yml"): True}))
    (folder / "harbor.yml").write_text("hostname: new\n")
    shutil.copytree(folder, folder.parent / "copy", symlinks=True)
    with pytest.raises(Problem, match="is of"):
        Snapshot(folder.parent / "copy", 1).put_back()
    assert (folder / "harbor.yml").read_text() == "hostname: new\n"


@pytest.mark.parametrize("how", ["link", "owner", "file"])
def test_a_folder_of_ours_that_somebody_else_made_is_refused(folder: Path, how: str) -> None:
    """What lies in it says which files of the host are removed and written, as root."""
    theirs = folder.parent / "theirs"
    theirs.mkdir()
    (theirs / "journal.json").write_text('{"folder": "/", "token": "t", "number": 1, "phase": "down"}')
    if how == "link":
        (folder / ".harborweb").symlink_to(theirs)
    elif how == "owner":
        theirs.rename(folder / ".harborweb")
        os.chown(folder / ".harborweb", 10000, 10000)
    else:
        (folder / ".harborweb").write_text("")
    with pytest.raises(Problem, match="not made by harborweb"):
        journal.read(folder)
    with pytest.raises(Problem, match="not made by harborweb"):
        Journal(folder=str(folder), token="t").write(Phase.LOCK)


def test_leftovers_behind_a_link_go_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "harbor.yml").write_text("password")
    (tmp_path / "real" / "mine").write_text("")
    (tmp_path / "input").symlink_to("real")
    assert files.remove_leftovers(tmp_path)
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["mine"]
    assert not files.remove_leftovers(tmp_path)


@pytest.mark.django_db
def test_the_scratch_copy_of_a_killed_dry_run_goes_when_nobody_works_there(folder: Path) -> None:
    """It holds harbor.yml and the keys; no journal tells of it, since nothing was touched."""
    Installer.objects.create(source="folder", name="x", path=str(folder), ready=True)
    scratch = journal.home(folder, make=True) / "rehearsal-abc" / "harbor"
    scratch.mkdir(parents=True)
    (scratch / "harbor.yml").write_text("password")
    with lock.held(folder):
        recovery.find(tasks.recover)
        assert scratch.exists()
    recovery.find(tasks.recover)
    assert not (folder / ".harborweb").exists()


def test_what_prepare_made_is_masked_in_what_a_container_said_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that does not start likes to print its environment into the job's log, which every viewer may read."""
    (folder.parent.parent / "elsewhere/config/core/env").write_text("CORE_SECRET=made-by-prepare\nLOG_LEVEL=info\n")
    monkeypatch.setattr(waiting.engine, "last_lines", lambda *_given: ["CORE_SECRET is made-by-prepare"])
    run = Run(Job(pk=1))
    one = SimpleNamespace(working_dir=str(folder), name="harbor-core", id="x", state="exited", health="", exit_code=1)
    with suppress(AttributeError):  # what it says of the container itself is told elsewhere
        waiting._unwell(run, None, [one])  # type: ignore[arg-type, list-item]
    said = [line.text for line in run._pending]
    assert any("CORE_SECRET is" in line for line in said) and "made-by-prepare" not in "".join(said)
