"""The first step of every command, run by a bare Python: make the environment, then go on inside it."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from bin.lib import tools, venv
from bin.lib.say import ROOT, SetupError, say

MODULES = {"benchmark": "benchmark", "demo": "demo", "pictures": "pictures", "test": "checks"}
BUILT = {
    "benchmark": ("cosign", "registry 3"),
    "demo": ("cosign", "registry"),
    "pictures": ("cosign", "registry"),
    "test": ("cosign", "registry 3", "cosign 2.5", "versitygw"),
}


def main() -> None:
    """`start manage|demo|pictures|test …`: goes over to the command itself, and returns only by an error."""
    os.environ.pop("PYTHONPATH", None)  # it was for us alone
    command, *arguments = sys.argv[1:]
    module, harbor = MODULES.get(command, ""), False
    try:
        if command == "manage" and arguments[:1] == ["harbor_double"]:
            python = venv.ensure(venv.TEST)
            tools.bring("registry")
            os.environ["PATH"], os.environ["PYTHONPATH"] = tools.path(), str(ROOT)
            os.execv(python, [str(python), "-P", "-m", "tests.harbor_double", *arguments[1:]])
        if command == "manage":
            python = venv.ensure(venv.RUNTIME)
            os.environ["PATH"] = tools.path()
            os.execv(python, [str(python), str(ROOT / "manage.py"), *arguments])
        if command == "demo":
            from bin.lib.demo import options

            wanted = options(arguments)  # --help and a wrong option need no set-up
            module, harbor = "smoke" if wanted.smoke else module, wanted.harbor
        with ThreadPoolExecutor() as together:  # building the tools takes minutes: begin at once
            runtime = command == "demo" and not harbor  # the Harbor double is the tests'
            environment = together.submit(venv.ensure, venv.RUNTIME if runtime else venv.TEST)
            try:
                tools.bring(*BUILT[command])
            except SetupError as error:
                if command != "test":
                    raise
                say(f"{error}\nThe tests that need it are skipped, or fail where CI=true.")
            python = environment.result()
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(python, [str(python), "-P", "-m", f"bin.lib.{module}", *arguments])
    except SetupError as error:
        sys.exit(f"bin/{command}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
