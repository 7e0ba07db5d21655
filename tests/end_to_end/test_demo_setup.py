"""What bin/* do before anything runs: find a Python, make environments, choose programs, read forms."""

import os
import subprocess
from pathlib import Path

import pytest
import requests

from bin.lib import debian, tools, venv
from bin.lib.browse import Page
from bin.lib.say import SetupError
from tests import parts


def lock(folder: Path, text: str) -> tuple[str, Path]:
    file = folder / "some.lock"
    file.write_text(text)
    return ("venv", file)


def test_an_environment_is_made_once_and_again_when_its_lock_changes(tmp_path: Path) -> None:
    """The stamp decides, and a folder without one is not taken for good."""
    place = lock(tmp_path, "# nothing\n")
    python = venv.ensure(place, tmp_path)
    mark = tmp_path / "venv" / "mark"
    mark.touch()
    assert venv.ensure(place, tmp_path) == python
    assert mark.exists()
    place = lock(tmp_path, "# nothing, newer\n")
    venv.ensure(place, tmp_path)
    assert not mark.exists()
    mark.touch()
    (tmp_path / "venv" / venv.STAMP).unlink()
    venv.ensure(place, tmp_path)
    assert not mark.exists()


def test_a_package_without_its_hash_is_refused(tmp_path: Path) -> None:
    """pip's own words are in the error, and no half-made environment counts."""
    with pytest.raises(SetupError, match=r"(?s)some\.lock.*hash"):
        venv.ensure(lock(tmp_path, "django==5.2\n"), tmp_path)
    assert not (tmp_path / "venv" / venv.STAMP).exists()


def test_without_a_python_the_commands_say_what_to_install(tmp_path: Path) -> None:
    """A PATH with the shell's tools and no Python."""
    for name in ("sh", "dirname", "readlink", "env"):
        (tmp_path / name).symlink_to(parts.program(name))
    done = subprocess.run(
        [parts.ROOT / "bin" / "manage", "version"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "apt-get install python3 python3-venv" in done.stderr


@pytest.mark.parametrize(
    ("says", "good"),
    [
        ('{"gitVersion": "v3.1.2"}', True),
        ('{"gitVersion": "v3.0.4"}', False),
        ('{"gitVersion": "devel"}', False),
        ("", False),
    ],
)
def test_a_cosign_on_path_counts_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, good: bool
) -> None:
    """3.1.2 and newer 3.x serve; anything else is passed over."""
    program = tmp_path / "cosign"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(tools, "BIN", tmp_path / "none")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    found = tools.find("cosign")
    assert (found == program) == good


def test_trixie_is_taken_from_where_this_debian_comes_from() -> None:
    """Same address, same keyring, another release."""
    if not debian.codename():
        pytest.skip("this is no Debian")
    mirror = debian.trixie_mirror()
    configured = "".join(
        file.read_text() for file in Path("/etc/apt").rglob("*") if file.suffix in {".list", ".sources"}
    )
    assert mirror in configured


def test_a_page_is_read_as_a_browser_reads_it() -> None:
    """Present values, chosen options, ticked boxes, buttons outside of their form; disabled controls are not sent."""
    answer = requests.Response()
    answer.status_code, answer.url = 200, "http://127.0.0.1/page/"
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    answer._content = b"""<form id="f" action="/go/" method="post"><input name="a" value="1"><input name="b" disabled>
      <select name="s"><option value="x">X<option value="y" selected>Y</select><textarea name="t">
two &amp; two</textarea><input type="checkbox" name="c"><input type="checkbox" name="d" checked>
      <input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked></form>
      <button form="f" name="next" value="1">Next</button><a href="/away/">away</a>"""
    answer.encoding = "utf-8"
    page = Page(answer)
    form = page.form("/go/")
    assert form.fields == {"a": "1", "s": "y", "t": "two & two", "d": "on", "r": "2"}
    assert form.buttons == {"next": "1"}
    assert page.link("away") == "http://127.0.0.1/away/"
