"""bin/test: bring every real part here, then run lint, types, migrations and all tests.

The checks before pytest never stop it: one run shows everything that is wrong.
pytest comes last, so that its summary is the last line; where another check
failed, one more line says which.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bin.lib import engine, schemas, tools
from bin.lib.say import ROOT, SetupError, say

PYTHON = Path(sys.executable)
PROGRAMS = PYTHON.parent


def set_up() -> None:
    """Bring the real parts; what cannot be had is said here, and skipped (CI=true: failed) by its tests."""
    parts: dict[str, Callable[[], object]] = {
        "Redis": lambda: tools.redis(PYTHON),
        "Chromium": engine.chromium,
        "a Docker engine": engine.docker,
        "docker compose": engine.compose,
        "the servers of Debian": engine.servers,
        "the schemas of reports": schemas.bring,
    }
    for name, bring in parts.items():
        try:
            bring()
        except SetupError as error:
            say(f"Without {name}: {error}")


def commands(data: str) -> dict[str, list[str]]:
    """Every check but pytest, by name; `data` is a folder for what Django wants to keep."""
    manage = ["env", f"HARBORWEB_DATA={data}", sys.executable, "manage.py"]
    return {
        "ruff check": [str(PROGRAMS / "ruff"), "check", "."],
        "ruff format": [str(PROGRAMS / "ruff"), "format", "--check", "--quiet", "."],
        "mypy": [str(PROGRAMS / "mypy")],
        "lint-imports": [str(PROGRAMS / "lint-imports")],
        "makemigrations": [*manage, "makemigrations", "--check", "--dry-run"],
        "check --deploy": [*manage, "check", "--deploy", "--fail-level", "WARNING"],
    }


def main() -> int:
    """Run everything; 0 when all is well."""
    os.environ.pop("PYTHONPATH", None)
    os.chdir(ROOT)
    try:
        set_up()
    except KeyboardInterrupt:
        return 130
    os.environ["PATH"] = tools.path()
    failed = []
    with tempfile.TemporaryDirectory(prefix="harborweb-checks-") as data:
        for name, command in commands(data).items():
            began = time.monotonic()
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            word = "failed" if done.returncode else "passed"
            print(f"{name}: {word} ({time.monotonic() - began:.1f} s)", flush=True)
            if done.returncode:
                failed.append(name)
                print(done.stdout + done.stderr, flush=True)
    tests = subprocess.run([sys.executable, "-m", "pytest", *sys.argv[1:]]).returncode
    if failed:
        print(f"failed before pytest, see above: {', '.join(failed)}", flush=True)
    return tests or int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
