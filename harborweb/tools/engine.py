"""The docker engine through its API: is it there, and how are the containers of a compose project?"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
WORKING_DIR = "com.docker.compose.project.working_dir"


class EngineError(Exception):
    """The engine cannot be used. `kind` in missing (no socket), permission, silent (no answer), refused (an error)."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True)
class Facts:
    """What the engine says of itself."""

    version: str
    api: str
    system: str
    cpus: int
    memory: int
    name: str  # of the machine it runs on


@dataclass(frozen=True)
class Container:
    """A container as the engine sees it now."""

    id: str
    name: str
    image: str
    project: str
    service: str
    working_dir: str
    state: str  # created, running, paused, restarting, removing, exited, dead
    health: str  # starting, healthy, unhealthy, or "" when it has no health check
    exit_code: int | None  # of its last end; None while it runs or never ran
    error: str
    ports: tuple[str, ...]  # "127.0.0.1:8080 → 5000/tcp"
    host_ports: tuple[int, ...]
    restarts: int
    since: str  # RFC 3339: when it started, or ended; "" before the first start

    @property
    def well(self) -> bool:
        """Running, and healthy where it can tell."""
        return self.state == "running" and self.health in {"", "healthy"}


@contextmanager
def connect(timeout: int = 20) -> Iterator["docker.DockerClient"]:
    """A client of the engine that DOCKER_HOST names, or of the local one; raises EngineError, also from the block."""
    try:
        client = docker.from_env(timeout=timeout)
        try:
            yield client
        finally:
            client.close()
    except (DockerException, requests.exceptions.RequestException) as error:
        raise EngineError(_kind(error), _reason(error)) from error


def _kind(error: Exception) -> str:
    text = str(error)
    if "PermissionError" in text or "Permission denied" in text:
        return "permission"
    if "FileNotFoundError" in text or "No such file" in text:
        return "missing"
    if isinstance(error, APIError):
        return "refused"
    return "silent"


def _reason(error: Exception) -> str:
    if isinstance(error, APIError):
        return str(error.explanation or error)[:500]
    return str(error)[:500]


def facts(client: "docker.DockerClient") -> Facts:
    """Version and size of the engine; raises EngineError inside `connect`."""
    version: dict[str, Any] = client.version()
    info: dict[str, Any] = client.info()
    return Facts(
        str(version.get("Version", "")), str(version.get("ApiVersion", "")), str(info.get("OperatingSystem", "")),
        int(info.get("NCPU", 0)), int(info.get("MemTotal", 0)), str(info.get("Name", "")),
    )  # fmt: skip


def containers(client: "docker.DockerClient", project: str = "") -> list[Container]:
    """All containers (also exited ones) of compose project `project`, or of every project; by name."""
    label = f"{PROJECT}={project}" if project else PROJECT
    rows = client.api.containers(all=True, filters={"label": [label]})
    found = []
    for row in rows:
        try:
            found.append(_container(client.api.inspect_container(row["Id"])))
        except NotFound:
            continue  # it went away between the two questions
    return sorted(found, key=lambda container: container.name)


def published(client: "docker.DockerClient") -> dict[int, str]:
    """Every host port that a running container of this engine holds, with the container's name."""
    return {
        int(port["PublicPort"]): str(row["Names"][0]).lstrip("/")
        for row in client.api.containers()
        for port in row.get("Ports") or ()
        if port.get("PublicPort")
    }


def holds_us(client: "docker.DockerClient") -> bool:
    """Whether this very process runs in a container of this engine, and so does not see the host's files.

    A container's host name is the beginning of its id unless somebody gave it another one.
    """
    try:
        client.api.inspect_container(socket.gethostname())
    except NotFound:
        return False
    return True


def last_lines(client: "docker.DockerClient", container_id: str, count: int) -> list[str]:
    """The last `count` lines a container wrote; empty when its log driver cannot be read."""
    try:
        text: bytes = client.api.logs(container_id, tail=count, stdout=True, stderr=True)
    except APIError:
        return []
    return [line[:500] for line in text.decode(errors="replace").splitlines()[-count:]]


def _container(seen: dict[str, Any]) -> Container:
    state, labels = seen["State"], seen["Config"].get("Labels") or {}
    running = state["Status"] in {"running", "restarting", "paused"}
    since = state["StartedAt"] if running else state["FinishedAt"]
    texts, numbers = _ports(seen)
    return Container(
        id=seen["Id"], name=seen["Name"].lstrip("/"), image=seen["Config"]["Image"],
        project=labels.get(PROJECT, ""), service=labels.get(SERVICE, ""), working_dir=labels.get(WORKING_DIR, ""),
        state=state["Status"], health=_health(state, running),
        exit_code=None if running or state["Status"] == "created" else int(state["ExitCode"]),
        error=state.get("Error") or "", ports=texts, host_ports=numbers, restarts=int(seen.get("RestartCount", 0)),
        since="" if since.startswith("0001-") else since,
    )  # fmt: skip


def _health(state: dict[str, Any], running: bool) -> str:
    """Health counts while a container runs: an exited one keeps the last answer, which says nothing."""
    status = (state.get("Health") or {}).get("Status", "")
    return str(status) if running and status != "none" else ""


def _ports(seen: dict[str, Any]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Published ports; of an ended container those it is configured to publish."""
    bound = seen["NetworkSettings"].get("Ports") or seen["HostConfig"].get("PortBindings") or {}
    pairs = sorted(
        {
            (int(binding["HostPort"]), binding.get("HostIp") or "0.0.0.0", inside)  # noqa: S104 - what docker means
            for inside, bindings in bound.items()
            for binding in bindings or ()
            if binding.get("HostPort", "").isdigit()
        }
    )
    texts = [f"{address}:{port} → {inside}" for port, address, inside in pairs if address != "::"]
    return tuple(texts), tuple(sorted({port for port, _, _ in pairs}))
