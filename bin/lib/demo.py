"""bin/demo: everything harborweb needs, on loopback, from one command."""

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bin.lib import engine, tools
from bin.lib.processes import Children, Died, Stop, stop_on_signals
from bin.lib.say import ROOT, VAR, SetupError, say

QUEUES = {"worker-host": ("host", 1), "worker": ("default", 2)}


def options(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="bin/demo",
        description="Runs harborweb with a registry, Redis and sample images on this machine, on loopback only. "
        "Installs what is missing below var/. Ctrl-C ends everything; the next start goes on where it was.",
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where its state is (var/demo; with --harbor var/demo-harbor)"
    )
    parser.add_argument("--port", type=int, default=8800, metavar="N", help="of the web pages (8800)")
    parser.add_argument(
        "--harbor", action="store_true", help="with the tests' Harbor double before the registry: projects, robots, …"
    )
    parser.add_argument(
        "--smoke", action="store_true", help="on free ports and a temporary folder: walk the main job and judge it"
    )
    wanted = parser.parse_args(arguments)
    wanted.data = wanted.data or VAR / ("demo-harbor" if wanted.harbor else "demo")
    return wanted


class Demo:
    """One running demo; `with Demo(data, port) as demo:` starts it, and nothing of it outlives the block."""

    def __init__(self, data: Path, port: int, harbor: bool = False) -> None:
        self.data = data.resolve()
        self.port = port
        self.with_harbor = harbor
        self.harbor = ""  # the double's address
        self.address = f"http://127.0.0.1:{port}"
        self.python = Path(sys.executable)
        self.env: dict[str, str] = {}
        self._ends = contextlib.ExitStack()

    def __enter__(self) -> "Demo":
        try:
            self._start()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.close()

    def link(self) -> str:
        """A sign-in link that works once."""
        command: list[str | Path] = [self.python, ROOT / "manage.py", "sign_in_link", "--base", self.address]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise Died(f"No sign-in link could be made:\n{done.stderr}")
        return done.stdout.strip()

    def _start(self) -> None:
        """Redis and the registry, then the data, then harborweb's own processes."""
        cosign, registry, redis = tools.given("cosign"), tools.given("registry"), tools.redis(self.python)
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._only_one()
        self.env = self._environment(cosign)
        self.children = Children(self.data / "logs")
        self._ends.callback(self.children.stop)
        self._start_redis(redis)
        self._start_registry(registry)
        if self.with_harbor:
            self._start_harbor()
        self._fill(cosign)
        self._start_own()
        self.children.wait_for("web", lambda: answers(f"{self.address}/health/"))

    def _only_one(self) -> None:
        lock = self._ends.enter_context((self.data / "demo.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(
                f"A demo runs with {self.data} already. Stop it first, or give this one a folder: --data DIR"
            ) from None
        if not free(self.port):
            raise SetupError(
                f"Port {self.port} of 127.0.0.1 is taken. Stop what listens there, or take another one: "
                f"bin/demo --port {free_port()}"
            )

    def _environment(self, cosign: Path) -> dict[str, str]:
        """What every child gets; the cosign chosen is the first on PATH."""
        programs = self.data / "bin"
        programs.mkdir(exist_ok=True)
        link = programs / "cosign"
        link.unlink(missing_ok=True)
        link.symlink_to(cosign)
        folder = self.data
        if len(str(self.data)) > 80:  # a socket's path has 107 characters at most
            folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory(prefix="harborweb-")))
        self.socket = folder / "redis.sock"
        ours = {key: value for key, value in os.environ.items() if not key.startswith(("HARBORWEB_", "DJANGO_"))}
        ours.pop("PYTHONPATH", None)
        return ours | {
            "PATH": f"{programs}{os.pathsep}{tools.path()}",
            "PYTHONUNBUFFERED": "1",
            "OTEL_TRACES_EXPORTER": "none",  # the registry would look for a collector
            "DJANGO_SETTINGS_MODULE": "harborweb.settings",
            "HARBORWEB_DATA": str(self.data / "app"),
            "HARBORWEB_INSTALLERS": str(self.data / "installers"),
            "HARBORWEB_PLAIN_HTTP": "1",
            "HARBORWEB_REDIS": f"unix://{self.socket}?db=0",
        }

    def _start_redis(self, redis: Path) -> None:
        self.socket.unlink(missing_ok=True)
        command: list[str | Path] = [
            redis, "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700", "--save", "",
            "--appendonly", "no", "--dir", self.data, "--daemonize", "no",
        ]  # fmt: skip
        self.children.start("redis", command, self.env)

    def _start_registry(self, registry: Path) -> None:
        """On the port it had before, because that port is in the signatures' references, or on another one."""
        port = self._port("registry")
        self.registry = f"http://127.0.0.1:{port}"
        self.env["HARBORWEB_PRACTICE_PORT"] = str(self._port("practice"))
        configuration = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.data / "registry")},
                "delete": {"enabled": True},
            },
            "http": {"addr": f"127.0.0.1:{port}"},
        }
        file = self.data / "registry.yml"
        file.write_text(json.dumps(configuration))  # JSON is YAML
        self.children.start("registry", [registry, "serve", file], self.env)
        self.children.wait_for("registry", lambda: answers(f"{self.registry}/v2/"))
        self.children.wait_for("redis", self.socket.exists)

    def _port(self, name: str) -> int:
        """The port that `name` had before, or another one where that is taken."""
        state = self.data / "state.json"
        known = json.loads(state.read_text()) if state.exists() else {}
        port = int(known.get(name) or 0)
        if not port or (name != "practice" and not free(port)):
            port = free_port()
        state.write_text(json.dumps(known | {name: port}))
        return port

    def _start_harbor(self) -> None:
        """The tests' Harbor double, with the registry behind it; it keeps its state in a folder of its own."""
        from bin.lib.samples import SAMPLES  # a bare Python reads the options and has no Django

        self.secret = self.data / "harbor" / "admin-password"
        port = self._port("harbor")
        self.harbor = f"http://127.0.0.1:{port}"
        command: list[str | Path] = [
            self.python, "-P", "-m", "tests.harbor_double", "--port", str(port), "--folder", self.data / "harbor",
            "--registry", self.registry, "--admin-password-file", self.secret,
        ]  # fmt: skip
        for project in sorted({one.repository.partition("/")[0] for one in SAMPLES}):
            command += ["--project", project]
        self.children.start("harbor", command, self.env | {"PYTHONPATH": str(ROOT)})
        self.children.wait_for("harbor", lambda: answers(f"{self.harbor}/api/v2.0/health"))

    def _fill(self, cosign: Path) -> None:
        say("Preparing the database and the sample images")
        (self.data / "app").mkdir(exist_ok=True, mode=0o700)
        (self.data / "installers").mkdir(exist_ok=True)
        command: list[str | Path] = [
            self.python, "-P", "-m", "bin.lib.fill", self.data, self.harbor or self.registry, cosign,
        ]  # fmt: skip
        if self.harbor:
            command += ["--harbor", self.secret]
        self.docker = shutil.which("docker") is not None and engine.answers()
        if self.docker:
            command.append("--engine")
        done = subprocess.run(command, env=self.env | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Died("The demo's data could not be prepared, see above.")

    def _start_own(self) -> None:
        """Web, the workers of both queues, and the scheduler."""
        env = self.env | {"PYTHONPATH": str(ROOT)}
        celery: list[str | Path] = [self.python, "-P", "-m", "celery", "-A", "harborweb.celery"]
        self.children.start("web", [
            self.python, "-P", "-m", "uvicorn", "harborweb.asgi:application", "--host", "127.0.0.1",
            "--port", str(self.port), "--lifespan", "off", "--log-level", "warning", "--no-server-header",
            "--no-proxy-headers", "--timeout-graceful-shutdown", "2",
        ], env)  # fmt: skip
        for name, (queue, count) in QUEUES.items():
            self.children.start(name, [
                *celery, "worker", "-Q", queue, "-n", f"{name}@%h", "--concurrency", str(count), "-l", "warning",
                "--without-gossip", "--without-mingle",
            ], env)  # fmt: skip
        self.children.start("scheduler", [*celery, "beat", "-l", "warning", "--pidfile="], env)


def free(port: int) -> bool:
    """Whether nothing listens on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a GET gets a good answer."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _greet(demo: Demo, seconds: float) -> None:
    shown = demo.data.relative_to(ROOT) if demo.data.is_relative_to(ROOT) else demo.data
    practice = demo.data / "installers" / "practice"
    print(
        f"\nharborweb runs at {demo.address}/ (started in {seconds:.0f} s)\n"
        f"  sign in, once:    {demo.link()}\n"
        f"  another link:     HARBORWEB_DATA={shown}/app bin/manage sign_in_link --base {demo.address}\n"
        f"  sample registry:  {demo.harbor or demo.registry}\n{_harbor(demo)}"
        f"  deploying:        {_deploying(demo, practice)}\n"
        f"  state and logs:   {shown}\n"
        "Ctrl-C stops everything.",
        flush=True,
    )


def _harbor(demo: Demo) -> str:
    if not demo.harbor:
        return ""
    return f"  as a Harbor:      its API is a double’s, user admin, password in {demo.secret}\n"


def _deploying(demo: Demo, practice: Path) -> str:
    if not demo.docker:
        return "needs a Docker engine with compose; none answers here, so the wizard goes as far as review"
    return f"with the practice installer in {practice}"


def main() -> int:
    """Run until a signal or until a child ends."""
    os.environ.pop("PYTHONPATH", None)
    wanted = options(sys.argv[1:])
    stop_on_signals()
    try:
        began = time.monotonic()
        with Demo(wanted.data, wanted.port, wanted.harbor) as demo:
            _greet(demo, time.monotonic() - began)
            while True:
                demo.children.check()
                time.sleep(0.5)
    except SetupError as error:
        say(f"bin/demo: {error}")
    except Died as error:
        say(f"bin/demo: {error}\nEverything else was stopped.")
    except Stop as signal:
        say(f"Stopped ({signal}).")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
