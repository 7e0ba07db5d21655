"""A running double: its state, the registry behind it, and the address of both."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from tests import parts as real
from tests.harbor_double import (  # noqa: F401  the rooms of the API register their addresses when they are imported
    adopting,
    artifacts,
    projects,
    repositories,
    robots,
    system,
    upstreams,
    users,
    webhooks,
)
from tests.harbor_double.backend import Backend
from tests.harbor_double.contract import Contract
from tests.harbor_double.deliveries import Deliveries
from tests.harbor_double.faults import Faults
from tests.harbor_double.front import Front, new_csrf_token
from tests.harbor_double.state import State
from tests.harbor_double.tokens import Tokens


@dataclass
class Parts:
    """What the double is made of."""

    state: State
    backend: Backend
    folder: Path
    contract: Contract | None
    tokens: Tokens = field(default_factory=Tokens)
    faults: Faults = field(default_factory=Faults)
    deliveries: Deliveries = field(init=False)
    pending: dict[str, dict[str, tuple[bytes, str]]] = field(default_factory=dict)  # manifests on their way to a cache
    requests: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))  # `GET /path?query 200`
    csrf: deque[str] = field(default_factory=lambda: deque(maxlen=1000))
    writes: int = 0  # requests that may have changed something
    broken: list[str] = field(default_factory=list)  # what went wrong in the double itself
    visitors: deque[str] = field(default_factory=lambda: deque(maxlen=1000))  # sessions of nobody

    def __post_init__(self) -> None:
        self.deliveries = Deliveries(self.state)

    def csrf_token(self) -> str:
        """A token that a write with a session may show."""
        self.csrf.append(new_csrf_token())
        return self.csrf[-1]

    def is_csrf_token(self, token: str) -> bool:
        return token in self.csrf


@dataclass
class HarborDouble:
    """A Harbor on loopback: `url` is where it is; fill it by `state`, break it by `faults`."""

    url: str
    parts: Parts

    @property
    def host(self) -> str:
        """Name and port, as in the name of an image."""
        return self.url.partition("://")[2]

    @property
    def state(self) -> State:
        return self.parts.state

    @property
    def faults(self) -> Faults:
        return self.parts.faults

    @property
    def requests(self) -> list[str]:
        """What was asked so far, and the status of each answer: `GET /api/v2.0/projects?page=1 200`."""
        return list(self.parts.requests)

    @property
    def admin(self) -> tuple[str, str]:
        """The administrator's name and password."""
        return self.state.admin.name, self.state.admin.password

    @property
    def violations(self) -> list[str]:
        """Answers that broke the contract, and faults of the double's own."""
        return [*(self.parts.contract.violations if self.parts.contract else []), *self.parts.broken]

    def adopt(self) -> None:
        """Learn what the registry behind holds already: a project for each first part of a name."""
        adopting.adopt(self.parts)

    def replicated(self, name: str, tag: str) -> None:
        """Say by webhook that a replication brought a tag of a repository, which has to be there."""
        project, repository = self.state.project(name.partition("/")[0]), self.state.repository(name)
        assert project is not None
        assert repository is not None
        self.parts.deliveries.replication(project, repository, repository.tags[tag].digest, tag)

    def wait_for_webhooks(self) -> None:
        """Return when every webhook message so far was sent."""
        self.parts.deliveries.wait()


@contextmanager
def harbor_double(
    folder: Path, port: int | None = None, *, registry: str = "", external_url: str = "",
    admin_password: str = "", contract: bool = True, host: str = "127.0.0.1", state: State | None = None,
) -> Iterator[HarborDouble]:  # fmt: skip
    """Run a Harbor in this process, with a real registry behind it (its own in `folder`, or the one at `registry`).

    `external_url` is what Harbor takes for its address (https behind a proxy); without it, where it listens. `state` is
    one that was kept (keeping.py). On the way out an answer that broke the contract raises AssertionError.
    """
    port = port or real.free_port()
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        behind = registry or stack.enter_context(real.registry_server(folder / "registry")).url
        url = f"http://{host}:{port}"
        state = state or State()
        state.external_url = external_url or url
        if admin_password:
            state.admin.password = admin_password
        made = Parts(state, Backend(behind), folder, Contract.shared() if contract else None)
        made.deliveries.host = state.external_url.partition("://")[2]
        stack.callback(made.deliveries.close)
        stack.enter_context(_serving(Front(made), host, port))
        double = HarborDouble(url, made)
        yield double
    if double.violations:
        raise AssertionError("The double broke Harbor's contract:\n" + "\n".join(double.violations))


@contextmanager
def _serving(app: Front, host: str, port: int) -> Iterator[None]:
    config = uvicorn.Config(
        app, host=host, port=port, log_level="error", lifespan="off", server_header=False, access_log=False,
        proxy_headers=False, headers=[("server", "nginx")], timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="harbor double", daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the double does not start"
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
