"""The other files and folders that a harbor.yml names, on a root of the test's own."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from harborweb.configuration.rules import check
from harborweb.deployment import host
from harborweb.deployment.host import files, folders, trust
from tests import parts
from tests.deployment.host import authority
from tests.deployment.host.look import faults, findings, the_one

BUNDLE = "storage_service.ca_bundle"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture(scope="module")
def root() -> authority.Made:
    return authority.make("Root", ca=True)


def internal(folder: Path, root: authority.Made, *names: str) -> Path:
    """A folder as `gencert` fills it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "harbor_internal_ca.crt").write_text(root.pem)
    for name in names or (*trust.PAIRS, "harbor_db", "trivy_adapter"):
        authority.make(name, root, names=(name,)).write(folder, name)
    return folder


# --- the real prepare's verdicts that only the machine knows


def machine_of(folder: Path, root: authority.Made) -> None:
    """The files that the recorded configurations name (facts: below /srv/harbor), below `folder`."""
    authority.make("harbor.test", root, names=("harbor.test",)).write(folder / "certs", "s", root)
    ca = folder / "certs" / "ca600.crt"
    ca.write_text(root.pem)
    ca.chmod(0o600)
    for name in ("certs/adir", "certs/emptydir", "data", "log"):
        (folder / name).mkdir(parents=True)
    internal(folder / "certs" / "itls", root)


def verdicts() -> list[dict[str, Any]]:
    path = parts.SHARED / "prepare-verdicts.json"
    return json.loads(path.read_text()) if path.exists() else []


WANTED = {
    "https-cert-is-dir": "https.certificate",
    "storage-ca-bundle-0600-root": BUNDLE,
    "internal-tls-dir-nonexistent": "internal_tls.dir",
    "data-volume-is-file": "data_volume",
}
# The installer's folder is not part of the recordings, and ports and names may be taken on the tests' machine.
OF_THE_FILES = {
    "https.certificate",
    "https.private_key",
    BUNDLE,
    "internal_tls.dir",
    "data_volume",
    "log.local.location",
}


def test_the_real_prepares_verdicts_with_the_machine(tmp_path: Path, root: authority.Made) -> None:
    parts.shared("prepare-verdicts.json")
    machine_of(tmp_path, root)
    met = {}
    for case in verdicts():
        text = case["harbor_yml"].replace("/srv/harbor", str(tmp_path))
        found = [
            one
            for look in (host.certificate.look, trust.look, folders.look, folders.logs)
            for one in (findings(look, text) if check(text).word != "refused" else [])
            if one.state == "error"
        ]
        if found:
            met[case["case"]] = found[0].key
            assert {one.key for one in found} == {WANTED[case["case"]]}
            assert found[0].line and found[0].advice
            assert case["should"] == "refuse"
    assert met == WANTED


# --- storage_service.ca_bundle


def bundle(path: Path | str, data: str = "/d/a") -> str:
    return f"hostname: a\ndata_volume: {data}\nstorage_service:\n  ca_bundle: {path}\n  s3:\n    region: x\n"


def test_a_bundle(tmp_path: Path, root: authority.Made) -> None:
    ca = tmp_path / "ca.crt"
    assert faults(trust.look, bundle(ca)) == [("error", BUNDLE)]  # not there: prepare "Can not get file info"
    ca.write_text(root.pem)
    ca.chmod(0o644)
    assert faults(trust.look, bundle(ca)) == []
    ca.chmod(0o640)
    found = the_one(trust.look, bundle(ca))
    assert (found.state, "mode 0640" in found.message, "chmod 644" in found.advice) == ("error", True, True)


@AS_ROOT
@pytest.mark.parametrize(("mode", "uid", "state"), [(0o600, 10000, []), (0o200, 10000, ["error"]), (0o604, 999, []),
                                                    (0o440, 999, ["error"]), (0o4, 10000, ["error"])])  # fmt: skip
def test_whose_bundle_it_is(tmp_path: Path, root: authority.Made, mode: int, uid: int, state: list[str]) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text(root.pem)
    os.chown(ca, uid, uid)
    ca.chmod(mode)
    assert [one for one, _key in faults(trust.look, bundle(ca))] == state


def test_a_bundle_below_data_is_looked_for_in_data_volume(tmp_path: Path, root: authority.Made) -> None:
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "ca.crt").write_text(root.pem)
    assert faults(trust.look, bundle("/data/certs/ca.crt", str(tmp_path))) == []
    assert "data_volume" in the_one(trust.look, bundle("/data/certs/other.crt", str(tmp_path))).why


def test_what_is_in_a_bundle(tmp_path: Path, root: authority.Made) -> None:
    leaf = authority.make("s3.example", root, names=("s3.example",))
    for name, content, words in [
        ("leaf", leaf.pem, "is no authority’s certificate"),
        ("key", root.pem + root.key_pem(), "private key"),
        ("empty", "", "holds no certificate"),
        ("old", authority.make("Old", ca=True, begins=-90, days=-3).pem, "has expired"),
    ]:
        path = tmp_path / name
        path.write_text(content)
        path.chmod(0o644)
        assert words in the_one(trust.look, bundle(path)).message
    der = tmp_path / "der"
    der.write_bytes(root.der)
    assert "DER" in the_one(trust.look, bundle(der)).message
    tmp_path.chmod(0o755)
    assert the_one(trust.look, bundle(tmp_path)).state == "warning"  # a folder others may read: prepare goes on
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "leaf")
    assert the_one(trust.look, bundle(link)).state == "error"
    assert the_one(trust.look, bundle("ca.crt")).state == "warning"


# --- files that compose mounts, and Redis's authority


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("uaa:\n  ca_file: {}\n", "uaa.ca_file"),
        ("storage_service:\n  gcs:\n    keyfile: {}\n", "storage_service.gcs.keyfile"),
    ],
)
def test_files_that_compose_mounts(tmp_path: Path, root: authority.Made, text: str, key: str) -> None:
    path = tmp_path / "file"
    assert faults(trust.look, "hostname: a\n" + text.format(path)) == [("error", key)]
    path.write_text(root.pem)
    assert faults(trust.look, "hostname: a\n" + text.format(path)) == []
    assert faults(trust.look, "hostname: a\n" + text.format(tmp_path)) == [("warning", key)]


def test_redis_authority(tmp_path: Path, root: authority.Made) -> None:
    text = "hostname: a\nexternal_redis:\n  host: r:1\n  tlsOptions:\n    enable: {}\n    rootCA: {}\n"
    path = tmp_path / "ca.crt"
    key = "external_redis.tlsOptions.rootCA"
    assert faults(trust.look, text.format("true", path)) == [("warning", key)]  # prepare leaves it out, and goes on
    assert faults(trust.look, text.format("false", path)) == []
    path.write_text(root.pem)
    assert faults(trust.look, text.format("true", path)) == []


# --- internal_tls.dir


def itls(folder: Path, more: str = "") -> str:
    return f"hostname: a\ninternal_tls:\n  enabled: true\n  dir: {folder}\n{more}"


def test_the_internal_certificates(tmp_path: Path, root: authority.Made) -> None:
    folder = internal(tmp_path / "itls", root)
    assert faults(trust.look, itls(folder)) == []
    (folder / "harbor_db.key").unlink()
    missing = the_one(trust.look, itls(folder))
    assert (missing.state, "harbor_db.key" in missing.message) == ("error", True)
    assert faults(trust.look, itls(folder, "external_database:\n  harbor:\n    host: x\n")) == []
    assert faults(trust.look, itls(folder).replace("true", "false")) == []
    key = folder / "core.key"
    (tmp_path / "core.key").write_text(key.read_text())
    key.unlink()
    key.symlink_to("../core.key")  # copied as a link, it leads nowhere
    assert "core.key" in the_one(trust.look, itls(folder, "external_database:\n  harbor:\n    host: x\n")).message


def test_internal_certificates_that_do_not_fit(tmp_path: Path, root: authority.Made) -> None:
    folder = internal(tmp_path / "itls", root)
    authority.make("core", root).write(folder, "core")
    assert "core.crt names no host" in the_one(trust.look, itls(folder)).message
    assert the_one(trust.look, itls(folder)).state == "error"
    stranger = authority.make("core", authority.make("Other", ca=True), names=("core",))
    stranger.write(folder, "core")
    assert "was not signed by harbor_internal_ca.crt" in the_one(trust.look, itls(folder)).message
    internal(folder, root, "core")
    shutil.copy(folder / "portal.key", folder / "core.key")
    assert "core.crt and core.key do not belong together" in the_one(trust.look, itls(folder)).message


# --- data_volume and logs


def volume(path: Path | str, logs: Path | str = "") -> str:
    return f"hostname: a\ndata_volume: {path}\n" + (f"log:\n  local:\n    location: {logs}\n" if logs else "")


def test_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [key for _state, key in faults(folders.look, volume(tmp_path / "new" / "a"))] in ([], ["data_volume"])
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "below"):
        found = [one for one in findings(folders.look, volume(path)) if one.state == "error"]
        assert [(one.key, one.line) for one in found] == [("data_volume", 2)]
    monkeypatch.setattr(folders, "LEAST_FREE", 1 << 60)
    assert any("GiB left" in one.message and one.state == "warning" for one in findings(folders.look, volume(tmp_path)))
    monkeypatch.setattr(folders, "LEAST_INODES", 1 << 60)
    assert any("inodes" in one.message for one in findings(folders.look, volume(tmp_path)))


def test_disks_that_do_not_fit(tmp_path: Path) -> None:
    """The kernel's own mounts: /sys is read-only or of a kind of its own, /dev/shm is tmpfs everywhere."""
    if (mount := folders.mount_of(Path("/dev/shm"))) and mount.kind == "tmpfs":
        found = [one for one in findings(folders.look, volume("/dev/shm/harbor")) if "tmpfs" in one.message]
        assert [(one.state, one.key) for one in found] == [("warning", "data_volume")]
    assert folders.mount_of(tmp_path) is not None


def test_who_may_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert any("Everybody" in one.message for one in findings(folders.look, volume(tmp_path)))
    tmp_path.chmod(0o755)
    assert not any("Everybody" in one.message for one in findings(folders.look, volume(tmp_path)))
    (tmp_path / "database").mkdir()  # the folder itself prepare gives to the database's user
    assert not any("belongs to user" in one.message for one in findings(folders.look, volume(tmp_path)))
    (tmp_path / "database" / "pg15").mkdir()
    assert any("belongs to user" in one.message for one in findings(folders.look, volume(tmp_path)))


def test_the_log_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert the_one(folders.logs, volume("/d", file)).state == "error"
    assert faults(folders.logs, volume("/d", tmp_path / "new")) == []
    assert the_one(folders.logs, volume("/d", "logs")).state == "warning"
    assert findings(folders.logs, volume("/d")) == []


def test_a_device_is_not_read_without_end() -> None:
    assert files.read(Path("/dev/zero")) is None
    assert files.read(Path("/etc/hostname")) == Path("/etc/hostname").read_bytes()
