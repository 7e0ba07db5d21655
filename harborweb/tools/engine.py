"""The docker engine through its API: is it there, and how are the containers of a compose project?"""

import socket
import time
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
    created: str = ""  # RFC 3339
    mounts: tuple[str, ...] = ()  # files and folders of the host that it sees
    oom_killed: bool = False  # the kernel killed a process of it for want of memory
    health_output: str = ""  # what its last health check said
    health_exit: int | None = None
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    restart_policy: str = "no"  # no, always, unless-stopped, on-failure:3
    detached: bool = True  # nobody sits at its standard input; of its output compose says nothing true
    read_only: bool = False  # its root file system
    user: str = ""  # "" is the image's own, mostly root
    no_new_privileges: bool = False
    memory_limit: int = 0  # bytes; 0 = all of the machine's
    cpu_limit: float = 0.0  # CPUs; 0 = all of the machine's
    log_driver: str = ""

    @property
    def well(self) -> bool:
        """Running, and healthy where it can tell."""
        return self.state == "running" and self.health in {"", "healthy"}


@dataclass(frozen=True)
class Use:
    """What a running container has used so far; two of them give its CPU load."""

    at: float  # seconds
    cpu: float  # seconds of CPU since it started
    memory: int  # bytes, without the page cache that the kernel would give back

    def load(self, before: "Use | None") -> float | None:
        """CPUs busy between `before` and now (1.0 = one whole CPU); None when that cannot be told."""
        if before is None or self.at <= before.at or self.cpu < before.cpu:  # less: it was started anew
            return None
        return (self.cpu - before.cpu) / (self.at - before.at)


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
    return _of_the_system(error) or str(error)[:500]


def _of_the_system(error: BaseException | None) -> str:
    """The system's own word, such as "Connection refused", from below what libraries wrapped around it; "" if none."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return str(error.strerror or error)
        error = error.__cause__ or error.__context__
    return ""


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


def lines_since(client: "docker.DockerClient", container_id: str, since: int, count: int) -> list[str]:
    """At most the last `count` lines written since second `since` (0 = ever), each with its RFC 3339 time before it.

    Empty when the container is gone. Raises EngineError, of kind refused where its log driver keeps nothing (since
    engine 20.10 every driver can be read, unless its cache is switched off).
    """
    try:
        text: bytes = client.api.logs(
            container_id, tail=count, stdout=True, stderr=True, timestamps=True, since=since or None
        )
    except NotFound:
        return []
    except APIError as error:
        raise EngineError("refused", _reason(error)) from error
    return text.decode(errors="replace").split("\n")[:-1][-count:]


def use(client: "docker.DockerClient", container_id: str) -> Use | None:
    """What a container has used until now; None of one that does not run. Takes some milliseconds."""
    try:
        seen: dict[str, Any] = client.api.stats(container_id, stream=False, one_shot=True)
    except NotFound:
        return None
    memory = seen.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    # as `docker stats` counts: cgroup v1 calls it total_inactive_file, v2 inactive_file
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    usage = int(memory["usage"])
    return Use(
        at=time.monotonic(), cpu=int(seen["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9,
        memory=usage - int(cache) if cache < usage else usage,
    )  # fmt: skip


def inside(
    client: "docker.DockerClient", container_id: str, command: list[str], most: int = 65536
) -> tuple[int | None, str]:
    """Run `command` (no shell) inside a running container; exit code and the first `most` bytes of its output.

    The code is None where the engine does not tell it; 126 and 127 mean that the program is not there. Raises
    EngineError inside `connect`, also when it takes longer than the client waits.
    """
    made = client.api.exec_create(container_id, command, stdout=True, stderr=True)
    output = b""
    try:
        for part in client.api.exec_start(made["Id"], stream=True):
            output += part
            if len(output) >= most:
                break
    except APIError as error:
        if error.status_code == 400 or "executable file not found" in str(error):
            return 127, ""
        raise
    code = client.api.exec_inspect(made["Id"]).get("ExitCode")
    return (int(code) if isinstance(code, int) else None), output[:most].decode(errors="replace")


def restart(client: "docker.DockerClient", container_id: str, patience: int) -> None:
    """Stop a container (TERM, after `patience` seconds KILL) and start it; raises EngineError inside `connect`."""
    client.api.restart(container_id, timeout=patience)


def start(client: "docker.DockerClient", container_id: str) -> None:
    """Start a container that does not run; raises EngineError inside `connect`."""
    client.api.start(container_id)


def stop(client: "docker.DockerClient", container_id: str, patience: int) -> None:
    """Stop a container: TERM, after `patience` seconds KILL; raises EngineError inside `connect`."""
    client.api.stop(container_id, timeout=patience)


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
        since="" if since.startswith("0001-") else since, created=str(seen.get("Created") or ""),
        mounts=tuple(sorted(str(one["Source"]) for one in seen.get("Mounts") or () if one.get("Type") == "bind")),
        **_last_check(state), **_flags(seen),
    )  # fmt: skip


def _flags(seen: dict[str, Any]) -> dict[str, Any]:
    """How it was created: what it may do, and its limits."""
    host, config, state = seen["HostConfig"], seen["Config"], seen["State"]
    policy = host.get("RestartPolicy") or {}
    tries = f":{policy['MaximumRetryCount']}" if policy.get("MaximumRetryCount") else ""
    cpus = (host.get("NanoCpus") or 0) / 1e9
    if not cpus and (host.get("CpuQuota") or 0) > 0:
        cpus = host["CpuQuota"] / (host.get("CpuPeriod") or 100_000)
    security = {str(one).replace("=", ":") for one in host.get("SecurityOpt") or ()}
    return {
        "oom_killed": bool(state.get("OOMKilled")), "privileged": bool(host.get("Privileged")),
        "cap_add": _capabilities(host.get("CapAdd")), "cap_drop": _capabilities(host.get("CapDrop")),
        "restart_policy": f"{policy.get('Name') or 'no'}{tries}",
        "detached": not config.get("AttachStdin"),
        "read_only": bool(host.get("ReadonlyRootfs")), "user": str(config.get("User") or ""),
        "no_new_privileges": bool(security & {"no-new-privileges", "no-new-privileges:true"}),
        "memory_limit": int(host.get("Memory") or 0), "cpu_limit": round(cpus, 3),
        "log_driver": str((host.get("LogConfig") or {}).get("Type") or ""),
    }  # fmt: skip


def _capabilities(given: list[str] | None) -> tuple[str, ...]:
    """Names without CAP_, which newer engines write and older ones do not."""
    return tuple(sorted({name.upper().removeprefix("CAP_") for name in given or ()}))


def _last_check(state: dict[str, Any]) -> dict[str, Any]:
    """What the last health check said, also of a container that has ended: often it says why."""
    checks = (state.get("Health") or {}).get("Log") or []
    if not checks:
        return {}
    return {"health_output": str(checks[-1].get("Output") or "").strip()[:2000], "health_exit": checks[-1]["ExitCode"]}


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
