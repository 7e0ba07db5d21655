"""What the real cosigns do with our commands, without any Django."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from harborweb.tools import cosign, cosign_features, process
from harborweb.tools.cosign import Cosign
from tests import parts


@pytest.fixture(params=["cosign-2.5", "cosign"], ids=["cosign2", "cosign3"])
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Cosign:
    """Each cosign, as it tells of itself."""
    path = parts.program(request.param)
    monkeypatch.setenv("HARBORWEB_COSIGN", path)
    assert cosign.find() == path
    answer = subprocess.run(cosign.version_command(path), check=True, capture_output=True, text=True)
    version = cosign.parse_version(answer.stdout)
    assert version is not None and cosign_features.supported(version)
    return Cosign(path, version)


def test_the_table_knows_every_flag_the_program_has(program: Cosign, tmp_path: Path) -> None:
    """Flags of the table are taken (a hidden, deprecated one too): cosign complains of the image, not of a flag."""
    cosign.workspace(tmp_path, cosign.Login("127.0.0.1:1"))
    (tmp_path / "ca.pem").write_text("")
    image = "127.0.0.1:1/none@sha256:" + "0" * 64
    access = cosign.Access(allow_http=True, ca_file="ca.pem")
    for command in (
        program.sign(image, access), program.sign(image, access, simple=True), program.verify(image, access, "k.pub"),
    ):  # fmt: skip
        env = cosign.environment(tmp_path, password="", private_key="none")
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 1
        assert "unknown flag" not in done.stderr and "not supported" not in done.stderr, done.stderr


def test_our_signing_config_is_the_one_cosign_makes(cosign3: str, tmp_path: Path) -> None:
    subprocess.run(
        [cosign3, "signing-config", "create", "--out", "sc.json"],
        check=True, cwd=tmp_path, env={"HOME": str(tmp_path)}, capture_output=True,
    )  # fmt: skip
    assert json.loads((tmp_path / "sc.json").read_text()) == json.loads(cosign.SIGNING_CONFIG_TEXT)


def test_the_workspace_is_private(tmp_path: Path) -> None:
    cosign.workspace(tmp_path, cosign.Login("registry.example:5000", "robot", "s3cret", "PEM"))
    assert json.loads((tmp_path / "config.json").read_text()) == {
        "auths": {"registry.example:5000": {"auth": "cm9ib3Q6czNjcmV0"}}
    }
    assert (tmp_path / cosign.CA_FILE).read_text() == "PEM"
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_the_environment_carries_the_secrets_and_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARBORWEB_SECRET_KEY", "the app's secret")
    monkeypatch.setenv("COSIGN_REPOSITORY", "elsewhere")
    env = cosign.environment(tmp_path, password="p", private_key="k")
    assert env["COSIGN_PASSWORD"] == "p" and env[cosign.KEY_VARIABLE] == "k"
    assert env["HOME"] == env["DOCKER_CONFIG"] == str(tmp_path)
    assert env["PATH"] == os.environ["PATH"]
    assert "HARBORWEB_SECRET_KEY" not in env and "COSIGN_REPOSITORY" not in env
    assert "COSIGN_PASSWORD" not in cosign.environment(tmp_path)


def test_no_cosign_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HARBORWEB_COSIGN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cosign.find() is None


def test_a_build_without_a_version_is_known_by_its_flags(program: Cosign, tmp_path: Path) -> None:
    env = cosign.environment(tmp_path)
    assert cosign.parse_version('{"gitVersion": "devel"}') is None  # Debian 13's 2.5.0
    answer = process.run(cosign.help_command(program.path), env=env)
    guessed = cosign.version_by_flags(answer.stdout + answer.stderr)
    assert guessed is not None
    assert guessed <= program.version
    for feature in {row.name for row in cosign_features.FEATURES}:
        assert cosign_features.can(guessed, feature) == cosign_features.can(program.version, feature), feature
    assert cosign.version_by_flags("no such program") is None
