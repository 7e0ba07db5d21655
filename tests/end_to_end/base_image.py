"""The base image of compose.yml: pulled, or made by debootstrap where nothing can be pulled."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bin.lib import debian
from bin.lib.say import SetupError
from tests import parts

BASE_IMAGE = os.environ.get("BASE_IMAGE", "debian:trixie-slim")
CACHE = parts.ROOT / "var" / "debootstrap-trixie.tar"
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def provide() -> str:
    """The name of a base image that the engine has; skips or fails with the reason where there is no way."""
    if _quiet("docker", "image", "inspect", BASE_IMAGE) or _quiet("docker", "pull", "--quiet", BASE_IMAGE):
        return BASE_IMAGE
    if not CACHE.exists():
        try:
            _make(CACHE)
        except SetupError as error:
            parts.missing(str(error))
    if not _quiet("docker", "import", str(CACHE), BASE_IMAGE):
        parts.missing(f"the engine does not take {CACHE} as an image")
    return BASE_IMAGE


def _make(archive: Path) -> None:
    """A root file system of trixie from this machine's own mirror, with its settings for pip, apt and TLS."""
    if not debian.is_root():
        raise SetupError(f"{BASE_IMAGE} cannot be pulled, and only root can make it with debootstrap")
    if shutil.which("debootstrap") is None:
        debian.install("debootstrap")
    archive.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="harborweb-base-") as folder:
        root = Path(folder) / "root"
        command = ["debootstrap", "--variant=minbase", "trixie", str(root), debian.trixie_mirror()]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SetupError(f"debootstrap failed: {(done.stdout + done.stderr)[-800:]}")
        _settings(root)
        half = archive.with_suffix(".half")
        subprocess.run(["tar", "-C", root, "-cf", half, "."], check=True)
        half.rename(archive)


def _settings(root: Path) -> None:
    """What lets this machine reach its mirrors lets a build in the image reach them, too."""
    proxies = [file for file in Path("/etc/apt/apt.conf.d").glob("*") if "proxy" in file.read_text().lower()]
    for file in (Path("/etc/pip.conf"), *proxies):
        if file.exists():
            shutil.copy2(file, root / file.relative_to("/"))
    bundle = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    usual = {
        found
        for file in Path("/usr/share/ca-certificates").rglob("*.crt")
        for found in CERTIFICATE.findall(file.read_text())
    }
    own = root / "usr/local/share/ca-certificates"
    own.mkdir(parents=True, exist_ok=True)
    for number, found in enumerate(CERTIFICATE.findall(bundle.read_text()) if bundle.exists() else []):
        if found not in usual:
            (own / f"host-{number}.crt").write_text(found + "\n")


def _quiet(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=300).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
