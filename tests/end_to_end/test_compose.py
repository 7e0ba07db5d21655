"""compose.yml for real: built, started, signed in, worked with; nothing of it is privileged."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bin.lib.browse import Browser, watch_job
from tests import parts
from tests.end_to_end import base_image

pytestmark = [pytest.mark.docker, pytest.mark.timeout(3000)]  # building cosign is minutes of work
SERVICES = {"web", "worker-host", "worker", "scheduler", "redis"}
SECONDS = 2400


class Stack:
    """The services of compose.yml under a project name of their own."""

    def __init__(self, installers: Path) -> None:
        self.port = parts.free_port()
        self.installers = installers
        self.name = f"harborweb-test-{os.getpid()}"
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("HARBORWEB_")} | {
            "COMPOSE_PROJECT_NAME": self.name,
            "BASE_IMAGE": base_image.BASE_IMAGE,
            "HARBORWEB_IMAGE": "harborweb:test",
            "HARBORWEB_BUILD_NETWORK": "host",
            "HARBORWEB_LISTEN": f"127.0.0.1:{self.port}",
            "HARBORWEB_INSTALLERS": str(installers),
            "HARBORWEB_DATA_VOLUME": str(installers.parent / "data"),
        }

    def run(self, *arguments: str, seconds: float = 120) -> str:
        """What `docker compose …` prints; fails when it does."""
        done = subprocess.run(
            ["docker", "compose", *arguments], cwd=parts.ROOT, env=self.env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
        assert done.returncode == 0, f"docker compose {' '.join(arguments)}: {(done.stdout + done.stderr)[-4000:]}"
        return done.stdout

    def inside(self, service: str, *command: str) -> str:
        """What a command prints in a service's container."""
        return self.run("exec", "-T", service, *command).strip()

    def inspected(self, service: str) -> dict[str, Any]:
        """The engine's own words on a service's container."""
        container = self.run("ps", "--all", "--quiet", service).strip()
        done = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)[0]
        return found

    def browser(self) -> Browser:
        """A browser that has signed in by a one-time link."""
        address = f"http://127.0.0.1:{self.port}"
        browser = Browser(address)
        assert "/sign-out/" in browser.get(self.inside("web", "manage", "sign_in_link", "--base", address)).body
        return browser


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, built and healthy."""
    parts.program("docker")
    if subprocess.run(["docker", "info"], capture_output=True).returncode:
        parts.missing("no Docker engine answers")
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        parts.missing("docker compose is missing")
    base_image.provide()
    stack = Stack(tmp_path_factory.mktemp("installers"))
    try:
        stack.run("build", seconds=SECONDS)
        stack.run("up", "--detach", "--wait", "--wait-timeout", "300", seconds=400)
        yield stack
    finally:
        for name in SERVICES:  # for pytest's report of what went wrong
            print(subprocess.run(
                ["docker", "compose", "logs", "--tail", "15", name],
                cwd=parts.ROOT, env=stack.env, capture_output=True, text=True,
            ).stdout)  # fmt: skip
        subprocess.run(
            ["docker", "compose", "down", "--volumes", "--timeout", "5"], cwd=parts.ROOT, env=stack.env,
            capture_output=True,
        )  # fmt: skip


def test_every_service_is_healthy(stack: Stack) -> None:
    """All five run, each with a health check that passes."""
    for service in SERVICES:
        assert stack.inspected(service)["State"]["Health"]["Status"] == "healthy", service


def test_both_workers_do_their_jobs(stack: Stack) -> None:
    """The host worker reads an installer on the host's own path; any worker finds cosign 3.1.2."""
    shutil.copytree(parts.ROOT / "tests" / "practice" / "harbor", stack.installers / "practice")
    browser = stack.browser()
    page = browser.get("/deployment/installer/")
    page = browser.submit(page, page.form("installer/folder/"), folder=str(stack.installers / "practice"))
    watch_job(browser, page)
    assert "harbor.yml.tmpl" in browser.get(page.url).text
    page = browser.get("/keys/")
    log = watch_job(browser, browser.submit(page, page.form("/keys/look/")))
    assert "3.1.2" in log


def test_what_was_saved_outlives_the_containers(stack: Stack) -> None:
    """down and up again: people, secret and database are on the volume."""
    secret = stack.inside("web", "sha256sum", "/var/lib/harborweb/secret.key")
    people = stack.inside("web", "manage", "shell", "-v", "0", "-c", PEOPLE)
    stack.run("down", "--timeout", "5", seconds=180)
    stack.run("up", "--detach", "--wait", "--wait-timeout", "300", seconds=400)
    assert stack.inside("web", "sha256sum", "/var/lib/harborweb/secret.key") == secret
    assert stack.inside("web", "manage", "shell", "-v", "0", "-c", PEOPLE) == people != "0"


PEOPLE = "from harborweb.accounts.models import User; print(User.objects.count())"


def test_only_the_host_worker_sees_the_engine(stack: Stack) -> None:
    """The socket, the installers' folder and data_volume are mounted there, at the same path, and nowhere else."""
    for service in SERVICES:
        found = stack.inspected(service)
        binds = {mount["Source"]: mount["Destination"] for mount in found["Mounts"] if mount["Type"] == "bind"}
        if service == "worker-host":
            assert binds == {
                "/var/run/docker.sock": "/var/run/docker.sock",
                str(stack.installers): str(stack.installers),
                stack.env["HARBORWEB_DATA_VOLUME"]: stack.env["HARBORWEB_DATA_VOLUME"],
            }
        else:
            assert binds == {}
    assert "Server" in stack.inside("worker-host", "docker", "version")


def test_nothing_is_privileged(stack: Stack) -> None:
    """No privileged container, read-only root file systems, root for the host worker alone, loopback only."""
    for service in SERVICES:
        host = stack.inspected(service)["HostConfig"]
        assert host["Privileged"] is False
        assert host["ReadonlyRootfs"] is True
        user = stack.inside(service, "id", "-u")
        assert (user == "0") == (service == "worker-host"), f"{service}: {user}"
        addresses = {one["HostIp"] for ports in host["PortBindings"].values() for one in ports}
        assert addresses == ({"127.0.0.1"} if service == "web" else set())
    assert stack.inside("web", "stat", "-c", "%a", "/var/lib/harborweb/secret.key") == "600"


def test_the_tools_are_the_pinned_ones(stack: Stack) -> None:
    """cosign 3.1.2, and the compose plugin that the image names."""
    assert '"v3.1.2"' in stack.inside("worker", "cosign", "version", "--json")
    assert "2.26.1" in stack.inside("worker-host", "docker", "compose", "version")
