"""Packages of Debian: installed by apt-get (as root), or taken from trixie and unpacked, whatever release runs here."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from bin.lib.golang import TOOLS
from bin.lib.say import SetupError, say

APT = TOOLS / "apt"


def is_root() -> bool:
    """Whether packages can be installed at all."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> None:
    """`apt-get install`; raises SetupError with what apt said."""
    say(f"Installing {', '.join(packages)} (apt-get)")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *packages]
    for first in (["true"], ["apt-get", "-qq", "update"]):  # old lists often do
        subprocess.run(first, env=environment, capture_output=True)
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode == 0:
            return
    raise SetupError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def install_asleep(*packages: str) -> None:
    """`install`, but no service of these packages is started, now or when the machine starts again.

    invoke-rc.d asks /usr/sbin/policy-rc.d before it starts a service (101: forbidden). Raises SetupError.
    """
    policy, before = Path("/usr/sbin/policy-rc.d"), _enabled()
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        install(*packages)
    finally:
        if ours:
            policy.unlink()
        for name in _enabled() - before:
            command = ["deb-systemd-helper"] if name.endswith((".service", ".socket", ".timer")) else ["update-rc.d"]
            words = ["disable", name] if command == ["deb-systemd-helper"] else [name, "disable"]
            subprocess.run([*command, *words], capture_output=True)


def _enabled() -> set[str]:
    """The units and init scripts that a start of the machine would start."""
    units = {link.name for link in Path("/etc/systemd/system").glob("*.wants/*")}
    return units | {link.name[3:] for link in Path("/etc").glob("rc[2-5].d/S??*")}


def unpack_from_trixie(package: str) -> Path:
    """Download `package` of Debian trixie with lists of our own and unpack it below var/tools/apt; the folder.

    Nothing of the machine's own apt is changed, and no root is needed. Raises SetupError.
    """
    folder = APT / package
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("lists/partial", "archives/partial", package):
        (APT / part).mkdir(parents=True, exist_ok=True)
    (APT / "sources.list").write_text("\n".join(_trixie_sources()) + "\n")
    own = [
        "-o", f"Dir::Etc::sourcelist={APT / 'sources.list'}", "-o", "Dir::Etc::sourceparts=-",
        "-o", f"Dir::State::Lists={APT / 'lists'}", "-o", f"Dir::Cache={APT}",
    ]  # fmt: skip
    for command in (["apt-get", *own, "-qq", "update"], ["apt-get", *own, "-qq", "download", package]):
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise SetupError(f"{package} could not be taken from Debian trixie: {done.stderr[-1000:]}")
    archive = next(folder.glob("*.deb"))
    subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    return folder


def _trixie_sources() -> list[str]:
    """The machine's own Debian sources, with trixie in the place of its release; raises SetupError."""
    sources = [f"deb {options}{uri} trixie main" for options, uri in _sources(codename())]
    if not sources:
        raise SetupError(
            f"No apt source for Debian {codename() or '(this is none)'} was found to derive trixie's from."
        )
    return sources


def trixie_mirror() -> str:
    """The address this machine takes Debian from, for debootstrap; raises SetupError."""
    return _trixie_sources()[0].split()[-3]


def codename() -> str:
    """The name of the Debian release that runs here, empty elsewhere."""
    found = re.search(r'^VERSION_CODENAME="?(\w+)', Path("/etc/os-release").read_text(), re.MULTILINE)
    return found[1] if found else ""


def _sources(release: str) -> list[tuple[str, str]]:
    """(options, URI) of every source of the main archive, in one-line and deb822 files."""
    etc = Path("/etc/apt")
    found: dict[str, str] = {}
    for file in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        text = file.read_text() if file.exists() else ""
        for options, uri in re.findall(rf"^deb\s+(\[.*?\]\s+)?(\S+)\s+{release}\s+main\b", text, re.MULTILINE):
            found[uri] = options
    for file in sorted((etc / "sources.list.d").glob("*.sources")):
        for paragraph in re.split(r"\n\s*\n", file.read_text()):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*)$", paragraph, re.MULTILINE))
            if release in fields.get("Suites", "").split() and "main" in fields.get("Components", "").split():
                key = fields.get("Signed-By", "")
                for uri in fields.get("URIs", "").split():
                    found[uri] = f"[signed-by={key}] " if key.startswith("/") else ""
    return [(options, uri) for uri, options in found.items()]
