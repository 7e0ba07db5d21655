"""The CI page's snippets: their YAML parses, and their commands run against a real registry."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

from harborweb.accounts.roles import Role
from harborweb.audit.ci import snippets
from harborweb.audit.formats.about import TrustedBy
from harborweb.audit.models import PolicyRevision
from harborweb.registry.models import Registry
from harborweb.signing.models import Key
from tests import parts

# What stands for docker: the image's `manage` is ours, and its /keys is the folder keys beside us.
DOCKER = """#!/bin/sh
while [ "$1" != manage ]; do shift; done
shift
for word; do shift; set -- "$@" "$(printf %s "$word" | sed 's,^/keys/,keys/,')"; done
exec {python} {manage} "$@"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pipeline's folder, with stand-ins for the ways to harborweb."""
    for name, text in {
        "docker": DOCKER.format(python=sys.executable, manage=parts.ROOT / "manage.py"),
        "manage": f'#!/bin/sh\nexec {sys.executable} {parts.ROOT / "manage.py"} "$@"\n',
    }.items():
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def shell(command: str, folder: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    env = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "HARBORWEB_SECRET_KEY": "x" * 50,
        "HARBORWEB_DATA": "/nonexistent", "HARBORWEB_REDIS": "redis://127.0.0.1:1", **more,
    }  # fmt: skip
    return subprocess.run(["bash", "-ec", command], cwd=folder, env=env, capture_output=True, text=True, check=False)


def commands(shown: list[snippets.Snippet]) -> dict[str, str]:
    """The shell lines inside the snippets, as the CI server would run them."""
    by_name = {one.name: one.text for one in shown}
    github = YAML(typ="safe").load(by_name["GitHub Actions"])
    gitlab = YAML(typ="safe").load(by_name["GitLab CI"])
    steps = github["jobs"]["audit"]["steps"]
    return {
        "github": next(step["run"] for step in steps if "run" in step),
        "gitlab": gitlab["signatures"]["script"][0],
        "jenkins": by_name["Jenkins"].partition("sh '''")[2].partition("'''")[0],
        "image": by_name["Shell, with the image"],
        "folder": by_name["Shell, with harborweb’s folder"],
    }


def test_every_snippet_runs_against_a_real_registry(
    known: Registry, as_role: Callable[[int], Any], folder: Path
) -> None:
    document = {"rules": [{"match": ["*"], "require": "none"}]}
    PolicyRevision.objects.create(registry=known, number=1, document=document)
    client = as_role(Role.VIEWER)
    answer = client.get(f"/audit/ci/?registry={known.pk}")
    assert shell(answer.context["files"], folder).returncode == 0
    policy = client.get(f"/audit/policy/{known.pk}/export.json")
    (folder / "keys" / "policy.json").write_text(policy.text)
    for name, command in commands(answer.context["snippets"]).items():
        done = shell(command, folder)
        assert done.returncode == 0, (name, done.stderr)  # the policy asks for nothing
        assert "10 rows" in done.stderr or "rows:" in done.stderr
    assert ElementTree.parse(folder / "signatures.xml").getroot().get("failures") == "0"
    (folder / "keys" / "policy.json").write_text("{}")
    assert shell(commands(answer.context["snippets"])["gitlab"], folder).returncode == 1
    root = ElementTree.parse(folder / "signatures.xml").getroot()
    assert int(root.get("failures", "0")) > 3


def test_a_key_is_left_out_that_the_command_would_trust_too_far(known: Registry, as_role: Callable[[int], Any]) -> None:
    client = as_role(Role.VIEWER)
    for change in ({"revoked_from": "2020-01-01T00:00Z"}, {"not_after": "2020-01-01T00:00Z"}, {"projects": ["team"]}):
        Key.objects.update(**{"revoked_from": None, "not_after": None, "projects": [], **change})
        answer = client.get(f"/audit/ci/?registry={known.pk}")
        assert "demo.pub" not in answer.text and "Left out: demo." in answer.text


STRANGE = snippets.Setting(
    "https://registry.lab.example", [TrustedBy("a b", "f" * 64, "ECDSA P-256", "PEM\nPEM", "a-b.pub")],
    username="robot$ci'x", ca_pem="-----BEGIN CERTIFICATE-----\nAA==", policy=True,
)  # fmt: skip


def test_a_robots_name_is_quoted_and_its_password_stands_nowhere(folder: Path) -> None:
    (folder / "bin" / "manage").write_text('#!/bin/sh\ncat > stdin; printf "%s\\n" "$@"\n')
    found = commands(snippets.snippets(STRANGE))
    done = shell(found["gitlab"], folder, REGISTRY_PASSWORD="s3cret $x")
    assert done.returncode == 0, done.stderr
    words = (folder / "signatures.xml").read_text().splitlines()
    assert words[words.index("--username") + 1] == "robot$ci'x" and "--ca-file" in words
    assert (folder / "stdin").read_text() == "s3cret $x\n"
    for command in found.values():
        assert "REGISTRY_PASSWORD" in command and "--password-stdin" in command


def test_yaml_is_what_the_servers_read() -> None:
    for setting in (STRANGE, snippets.Setting("http://127.0.0.1:5000", [], allow_http=True)):
        by_name = {one.name: one for one in snippets.snippets(setting)}
        github = YAML(typ="safe").load(by_name["GitHub Actions"].text)
        assert set(github) == {"name", "on", "permissions", "jobs"}
        upload = github["jobs"]["audit"]["steps"][-1]
        assert upload["if"] == "always()" and upload["with"]["sarif_file"] == "signatures.sarif"
        gitlab = YAML(typ="safe").load(by_name["GitLab CI"].text)["signatures"]
        assert gitlab["artifacts"]["reports"]["junit"] == "signatures.xml" and gitlab["artifacts"]["when"] == "always"
