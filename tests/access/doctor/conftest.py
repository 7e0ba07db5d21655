"""A Harbor behind a real nginx, healthy or broken in one way, and the doctor's look at it."""

import asyncio
import contextlib
import queue
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harborweb.access.doctor import workshop
from harborweb.access.doctor.diagnosis import Diagnosis, diagnose
from harborweb.access.doctor.examining import Credentials, Examination
from harborweb.access.doctor.questions import Question, questions
from harborweb.access.doctor.seen import Seen, Target
from harborweb.access.doctor.wire import Bounds
from harborweb.access.recipes.front import Front
from harborweb.access.recipes.proxies import recipe
from harborweb.registry.running import run
from tests.access.doctor.seals import NAME, Seal, Seals
from tests.access.proxies import front_for, running
from tests.harbor_double import HarborDouble, harbor_double
from tests.registry.images import client, push_image

QUICK = Bounds(seconds=15, connect=6, hold=0.8, pause=0.1)
PAUSE = 1.5  # longer than the second that a broken proxy allows
PROJECT = "library"


@dataclass(frozen=True)
class Looked:
    """What the doctor saw and thinks."""

    seen: Seen
    found: list[Diagnosis]
    asked: list[Question]

    @property
    def rules(self) -> set[str]:
        return {one.rule for one in self.found}

    def __getitem__(self, rule: str) -> Diagnosis:
        found = [one for one in self.found if one.rule == rule]
        assert found, f"{rule} was not found: {self.seen}"
        return found[0]

    def question(self, name: str) -> Question:
        return next(one for one in self.asked if one.id == name)


def look(target: Target, who: Credentials, ca_pem: str = "", bounds: Bounds = QUICK) -> Looked:
    """One examination, as the job does it."""
    one = Examination.of(target, who, ca_pem, bounds)
    for _name, step in workshop.STEPS:
        run(workshop.take(step, one))
    found = diagnose(one.seen, workshop.RULES)
    return Looked(one.seen, found, questions(one.seen, found))


@pytest.fixture(scope="module")
def seals(tmp_path_factory: pytest.TempPathFactory) -> Seals:
    return Seals(tmp_path_factory.mktemp("seals"))


@pytest.fixture(scope="module")
def harbor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HarborDouble]:
    with harbor_double(tmp_path_factory.mktemp("harbor")) as double:
        an_image(double)
        yield double


def an_image(double: HarborDouble) -> None:
    """One image, whose layer can be asked for."""
    name, password = double.admin

    async def push() -> None:
        async with client(double.url, username=name, password=password) as one:
            await push_image(one, f"{PROJECT}/app", "1.0")

    run(push())


@dataclass
class Proxy:
    """Makes an nginx in front of the double: the recipe's own text, changed by `mend`."""

    harbor: HarborDouble
    seals: Seals
    folder: Path
    temporary: Path  # where nginx' workers, which are another user, may write

    def front(self, seal: Seal | None = None) -> Front:
        seal = seal or self.seals.good()
        port = int(self.harbor.url.rpartition(":")[2])
        return replace(front_for(port, seal.certificate, seal.key), name=NAME)

    def target(self, front: Front, **more: object) -> Target:
        self.harbor.state.external_url = front.url
        given: dict[str, object] = {
            "external_url": front.url, "deployed": True, "revision": 14, "direct": self.harbor.url, "at": "127.0.0.1",
            "repository": f"{PROJECT}/doctor", "plain_port": front.http_port, "username": self.harbor.admin[0],
        }  # fmt: skip
        return Target(**{"url": front.url, **given, **more})  # type: ignore[arg-type]

    @contextmanager
    def behind(self, front: Front, *mends: tuple[str, str]) -> Iterator[None]:
        """nginx with each text replaced; every one has to be there, so that no break breaks nothing."""
        text = recipe("nginx", front).pieces[0].text
        for before, after in mends:
            assert before in text, f"{before!r} is not in\n{text}"
            text = text.replace(before, after)
        with running("nginx", front, self.folder, text):
            yield

    def looked(
        self, *mends: tuple[str, str], front: Front | None = None, bounds: Bounds = QUICK, **more: object
    ) -> Looked:
        """The doctor's look at a broken proxy."""
        front = front or self.front()
        with self.behind(front, *mends):
            return look(self.target(front, **more), Credentials(*self.harbor.admin), self.seals.ca_pem, bounds)


@pytest.fixture
def proxy(harbor: HarborDouble, seals: Seals, tmp_path: Path) -> Iterator[Proxy]:
    with tempfile.TemporaryDirectory(prefix="nginx-") as temporary:
        Path(temporary).chmod(0o777)
        yield Proxy(harbor, seals, tmp_path, Path(temporary) / "bodies")


@pytest.fixture(scope="module")
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield int(server.getsockname()[1])


@contextmanager
def passing_on(proxy: Proxy, front: Front) -> Iterator[int]:
    """Ends TLS and offers HTTP/2 in it, and passes every byte on to nginx' port of HTTP/1.1 behind TLS."""
    outside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    outside.load_cert_chain(front.certificate, front.private_key)
    outside.set_alpn_protocols(["h2", "http/1.1"])
    inside = ssl.create_default_context(cadata=proxy.seals.ca_pem)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, onward = await asyncio.open_connection("127.0.0.1", front.https_port, ssl=inside, server_hostname=NAME)
        await asyncio.gather(pump(reader, onward), pump(behind, writer))

    started: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = queue.Queue()

    async def run_until_told() -> None:
        over = asyncio.Event()
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=outside)
        started.put((asyncio.get_running_loop(), over, server.sockets[0].getsockname()[1]))
        await over.wait()

    # One loop and no threads around one TLS connection: OpenSSL does not let two threads use it at a time.
    thread = threading.Thread(target=asyncio.run, args=(run_until_told(),), daemon=True)
    thread.start()
    loop, over, port = started.get(timeout=10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
