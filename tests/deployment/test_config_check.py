"""`bin/manage config_check`: verdict, form and exit status, also for what is no harbor.yml at all."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from harborweb.configuration.text.document import Document
from tests import parts

TEMPLATE = parts.ROOT / "tests" / "practice" / "harbor" / "harbor.yml.tmpl"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit status and standard output of the command."""
    try:
        call_command("config_check", *arguments)
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except CommandError as error:
        status = error.returncode
    return status, capsys.readouterr().out


def verdict(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and the JSON."""
    status, out = run(capsys, *arguments, "--format", "json")
    return status, json.loads(out)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A harbor.yml of the practice installer with nothing wrong."""
    document = Document(TEMPLATE.read_text()).set("hostname", "registry.example").disable("https")
    document = document.set("harbor_admin_password", "Longer-than-8").set("database.password", "w8zKq0Lm3x")
    path = tmp_path / "harbor.yml"
    path.write_text(document.text)
    return path


def test_ok(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(capsys, str(good), "--template", str(TEMPLATE)) == (0, {"verdict": "ok", "problems": []})
    assert run(capsys, str(good), "--installer", str(TEMPLATE.parent)) == (0, f"{good}: ok\n")


def test_the_template_beside_the_file_is_the_installers(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(capsys, str(good))[0] == 1, "the keys of 2.15 are missing"
    (good.parent / "harbor.yml.tmpl").write_text(TEMPLATE.read_text())
    assert verdict(capsys, str(good)) == (0, {"verdict": "ok", "problems": []})
    (good.parent / "harbor.yml.tmpl").write_text("a: [b")
    assert verdict(capsys, str(good))[0] == 1


def test_warned_is_no_failure(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(good.read_text().replace("_version: 2.15.0", "_version: 2.14.0"))
    status, found = verdict(capsys, str(good), "--template", str(TEMPLATE))
    assert (status, found["verdict"]) == (0, "warned")
    (problem,) = found["problems"]
    assert list(problem) == ["severity", "key", "line", "message", "advice"]
    assert (problem["severity"], problem["key"]) == ("warning", "_version")
    assert problem["line"] == good.read_text().split("\n").index("_version: 2.14.0") + 1
    status, out = run(capsys, str(good), "--template", str(TEMPLATE))
    first, last = out.strip().split("\n")
    assert first.startswith(f"{good}:{problem['line']}: warning: _version: This file is for Harbor 2.14.0")
    assert (status, last) == (0, f"{good}: warned: 1 warning")


def test_refused(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(good.read_text().replace("hostname: registry.example", "hostname: http://registry.example"))
    status, found = verdict(capsys, str(good), "--template", str(TEMPLATE))
    assert (status, found["verdict"]) == (1, "refused")
    assert [problem["key"] for problem in found["problems"]] == ["hostname"]
    status, out = run(capsys, str(good), "--template", str(TEMPLATE))
    assert (status, out.strip().split("\n")[-1]) == (1, f"{good}: refused: 1 error")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"\n# nothing\n", 1),
        (b"---\n", 1),
        (b"- a\n- b\n", 1),
        (b"just words\n", 1),
        (b"hostname: a\nhttp: [\n", 3),
        (b"hostname: a\nhttp:\n\tport: 80\n", 3),
        (b"hostname: a\n---\nhostname: b\n", 2),
        (b"hostname: a\n\xff\xfe\n", 2),
        ("hostname: a\n".encode("utf-16"), 1),
        (b"\x00\x01\x02\x03", 1),
        (b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)), 2),
        (b"# " + b"x" * 1024 * 1024, None),
        (b"[" * 200_000, 1),
        (b"a: " * 2000, 1),
        (b"a: 1\nb: !!python/object/apply:os.system [ls]\n", 2),
        (b"hostname: *nobody\n", 1),
        (b"? [a, b]\n: c\n", 1),
    ],
    ids=range(18),
)
def test_what_is_no_harbor_yml_is_refused_in_json(
    content: bytes, line: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "harbor.yml"
    path.write_bytes(content)
    status, found = verdict(capsys, str(path))
    assert (status, found["verdict"]) == (1, "refused")
    assert found["problems"][0]["line"] == line
    assert all(problem["message"] and problem["advice"] for problem in found["problems"])


def test_what_cannot_be_opened_is_another_status(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, str(good.parent / "nobody.yml")) == (2, "")
    assert run(capsys, str(good.parent)) == (2, "")
    assert run(capsys, str(good), "--template", "nobody.tmpl") == (2, "")
    assert run(capsys, str(good), "--installer", str(good.parent)) == (2, "")
    if os.geteuid():
        good.chmod(0)
        assert run(capsys, str(good)) == (2, "")
