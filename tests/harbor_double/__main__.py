"""`bin/manage harbor_double --port N`: run the double until it is stopped."""

import argparse
import json
import os
import secrets
import shutil
import signal
import tempfile
import threading
from pathlib import Path

from tests.harbor_double import harbor_double, keeping


def main() -> None:
    """Run it; say where it is and where its password lies, never the password itself."""
    parser = argparse.ArgumentParser(prog="bin/manage harbor_double", description=__doc__)
    parser.add_argument("--port", type=int, default=8085)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--folder", type=Path, help="where it keeps things; without it they go at the end")
    parser.add_argument("--registry", default="", help="a registry that runs already, instead of one of its own")
    parser.add_argument("--registry-program", type=Path, help="the program of the registry behind")
    parser.add_argument("--external-url", default="", help="what it takes for its address, behind a proxy")
    parser.add_argument("--admin-password-file", type=Path, help="the administrator's password; made if not there")
    parser.add_argument("--project", action="append", default=[], metavar="NAME", help="a project to make")
    parser.add_argument("--adopt", action="store_true", help="learn what the registry behind holds already")
    parser.add_argument("--seed", action="append", default=[], metavar="PROJECT/REPOSITORY=N",
                        help="make N artifacts that have no bytes")  # fmt: skip
    parser.add_argument("--no-contract", action="store_true", help="do not hold the answers to the contract: faster")
    options = parser.parse_args()
    if options.registry_program:
        os.environ["PATH"] = f"{options.registry_program.resolve().parent}{os.pathsep}{os.environ['PATH']}"
    folder = options.folder or Path(tempfile.mkdtemp(prefix="harbor-double-"))
    secret = options.admin_password_file or folder / "admin-password"
    stop = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stop.set())
    try:
        known = keeping.load(folder / "state.pickle")
        with harbor_double(
            folder, options.port, host=options.host, registry=options.registry, external_url=options.external_url,
            admin_password=_password(secret), contract=not options.no_contract, state=known,
        ) as double, keeping.kept(double.state, folder / "state.pickle", lambda: double.parts.writes):  # fmt: skip
            for name in options.project:
                if double.state.project(name) is None:
                    double.state.add_project(name)
            if options.adopt and known is None:
                double.adopt()
            for one in options.seed:
                name, _, count = one.rpartition("=")
                project, _, repository = name.partition("/")
                double.state.seed(project, repository, int(count), signed=int(count) // 2)
            print(json.dumps({"url": double.url, "admin": "admin", "password_file": str(secret)}), flush=True)
            stop.wait()
    finally:
        if not options.folder:
            shutil.rmtree(folder, ignore_errors=True)


def _password(path: Path) -> str:
    """The password in a file, which is made for its owner alone if it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(12) + "aA1")
    return path.read_text().strip()


if __name__ == "__main__":
    main()
