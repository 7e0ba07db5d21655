"""The first step of every command, run by a bare Python: make the environment, then go on inside it."""

import os
import sys

from bin.lib import tools, venv
from bin.lib.say import ROOT, SetupError

MODULES = {"demo": "demo", "test": "checks"}


def main() -> None:
    """`start manage|demo|test …`: never returns but by an error."""
    os.environ.pop("PYTHONPATH", None)  # it was for us alone
    command, *arguments = sys.argv[1:]
    try:
        if command == "manage":
            python = venv.ensure(venv.RUNTIME)
            os.environ["PATH"] = tools.path()
            os.execv(python, [str(python), str(ROOT / "manage.py"), *arguments])
        python = venv.ensure(venv.TEST if command == "test" else venv.RUNTIME)
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(python, [str(python), "-P", "-m", f"bin.lib.{MODULES[command]}", *arguments])
    except SetupError as error:
        sys.exit(f"bin/{command}: {error}")


if __name__ == "__main__":
    main()
