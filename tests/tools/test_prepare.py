"""What an installer's folder holds, and what prepare's answers mean."""

import json
from pathlib import Path

import pytest

from harborweb.tools import prepare
from harborweb.tools.process import Completed
from tests import parts


def installer(folder: Path) -> Path:
    folder.mkdir()
    (folder / "harbor.yml.tmpl").write_text("hostname: reg.mydomain.com\n_version: 2.15.0\n")
    (folder / "prepare").write_text("#!/bin/bash\ndocker run goharbor/prepare:v2.15.2 prepare $@\n")
    (folder / "prepare").chmod(0o755)
    return folder


def test_a_folder_is_read(tmp_path: Path) -> None:
    folder = installer(tmp_path / "harbor")
    (folder / "common").mkdir()
    (folder / "common" / "x").symlink_to("/etc")
    found = prepare.look(folder)
    assert found.version == "v2.15.2"
    assert found.template.startswith("hostname")
    assert {entry.path: (entry.kind, entry.executable) for entry in found.tree} == {
        "harbor.yml.tmpl": ("file", False),
        "prepare": ("file", True),
        "common": ("folder", False),
        "common/x": ("link", False),
    }


def test_without_a_tag_the_template_tells_the_version(tmp_path: Path) -> None:
    folder = installer(tmp_path / "harbor")
    (folder / "prepare").write_text("#!/bin/sh\n")
    assert prepare.look(folder).version == "2.15.0"


def test_a_tree_is_bounded(tmp_path: Path) -> None:
    folder = installer(tmp_path / "harbor")
    for number in range(prepare.TREE_LIMIT + 50):
        (folder / f"f{number}").touch()
    found = prepare.look(folder)
    assert (len(found.tree), found.more) == (prepare.TREE_LIMIT, 52)


def test_what_is_no_installer(tmp_path: Path) -> None:
    def kind(folder: Path) -> str:
        with pytest.raises(prepare.NoInstaller) as caught:
            prepare.look(folder)
        return caught.value.kind

    assert kind(tmp_path / "nowhere") == "no_folder"
    folder = installer(tmp_path / "harbor")
    (folder / "prepare").chmod(0o644)
    assert kind(folder) == "not_executable"
    (folder / "prepare").unlink()
    assert kind(folder) == "no_prepare"
    (folder / "prepare").touch()
    (folder / "harbor.yml.tmpl").write_bytes(b"\xff\xfe")
    (folder / "prepare").chmod(0o755)
    assert kind(folder) == "not_text"
    (folder / "harbor.yml.tmpl").unlink()
    assert kind(folder) == "no_template"


def test_the_root_is_the_folder_or_the_only_one_inside(tmp_path: Path) -> None:
    installer(tmp_path / "harbor")
    assert prepare.installer_root(tmp_path) == tmp_path / "harbor"
    assert prepare.installer_root(tmp_path / "harbor") == tmp_path / "harbor"


def answer(exit_code: int, stderr: str = "", stdout: str = "") -> Completed:
    return Completed(command=("./prepare",), exit_code=exit_code, stdout=stdout, stderr=stderr, seconds=1.0)


TRACE = "Traceback (most recent call last):\n  File x\n"
SPEC = "docker: invalid spec: :/data: empty section between colons\n\nRun 'docker run --help' for more information\n"
SOCKET = "docker: permission denied while trying to connect to the Docker daemon socket\n"


@pytest.mark.parametrize(
    ("completed", "kind", "detail"),
    [
        (answer(1, TRACE + "KeyError: 'hostname'\n"), "missing_key", "hostname"),
        (answer(1, TRACE + "Exception: log level must be one of debug\n"), "traceback", "log level"),
        (answer(255, "ERROR:root:Please specify hostname\n", "Error happened in config validation...\n"),
         "validation", "Please specify hostname"),
        (answer(125, SPEC), "docker_refused", "empty section"),
        (answer(126, SOCKET), "no_docker", "permission"),
        (answer(2, "Error: No such option: --bad\n"), "option", "--bad"),
        (answer(1, "no config file: /opt/harbor/harbor.yml\n"), "no_configuration", "harbor.yml"),
        (answer(7), "other", ""),
    ],
)  # fmt: skip
def test_every_exit_code_has_a_meaning(completed: Completed, kind: str, detail: str) -> None:
    failure = prepare.explain(completed)
    assert failure.kind == kind
    assert detail in failure.detail


def test_every_refusal_of_the_real_prepare_is_understood() -> None:
    rows = json.loads(parts.shared("prepare-verdicts.json").read_text())
    refused = [row for row in rows if int(row["prepare_exit"]) != 0]
    assert len(refused) > 20
    for row in refused:
        trace = "Traceback (most recent call last):\n" if int(row["prepare_exit"]) == 1 else ""
        failure = prepare.explain(answer(int(row["prepare_exit"]), trace + row["prepare_error"]))
        assert failure.kind != "other", row["case"]
        assert failure.detail, row["case"]
