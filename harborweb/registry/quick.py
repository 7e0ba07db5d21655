"""The bulk of a sweep's reads: plain answers, over a few connections of our own, with next to nothing around them.

A library's HTTP client costs more than the registry's own work and ours together, so what a registry answers plainly is
read here: status 200 or 404, in HTTP/1.1, with one Content-Length within the bound or a short body in plain chunks, as
lists of tags are, and no other coding. Whatever is not of
that form (a redirect, a sign-in that is due, 429, a fault, a late or cut answer, another connection than
expected) is no answer at all here: None, and the caller asks again by `Transport`, which decides what it was. So
nothing is decided by this module, and a verdict never depends on it.

A connection carries several requests, sent in one piece, and an answer is that of the request whose turn it is. So they
are believed only together: as many as were asked for, each whole, and not a byte behind the last. Where that is not so,
each is asked for once more, alone on its connection; where it happens often, all are.
"""

import asyncio
import contextlib
import re
import ssl
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import RegistryError
from harborweb.registry.plain import AS_BEFORE, Plain, joined

CONNECTIONS = 8
HEAD_BYTES = 16 * 1024
CHUNKED_BYTES = 256 * 1024
DEPTH = 64  # requests that a connection carries, at last: one at first, then twice as many with each lot
HELD_BYTES = 32 * 1024 * 1024  # of the answers to requests that were made together
TOGETHER_BYTES = HELD_BYTES // CONNECTIONS  # of the answers that one connection carries together
MOST_BROKEN = 4  # lots of several requests that were not answered as they should be; then each is alone
# After a fault that will not be over at once, a registry that asks for patience or is not there; then twice as long.
PAUSE_SECONDS, LONGEST_PAUSE = 10.0, 600.0
LONGEST_SECONDS = 5.0  # the careful way has more patience
FAULT_WEIGHT, MOST_FAULTS = 8, 512  # where most answers are none of ours, this way saves nothing

_PLAIN = re.compile(rb"HTTP/1\.1 (200|404)(?: [^\r\n]*)?\r\n")
_AS_BEFORE = re.compile(rb"HTTP/1\.1 304(?: [^\r\n]*)?\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*\r\n")
_FORBIDDEN = re.compile(rb"\r\n(?:transfer-encoding:|content-encoding:|upgrade:|[ \t])")
_CHUNKED = b"\r\ntransfer-encoding: chunked\r\n"
_WORD = re.compile(r"[!-~]+")
_TEXT = re.compile(r"[ -~]*")


Done = Callable[[Plain | None], None]


@dataclass(slots=True)
class _Job:
    request: bytes
    head_only: bool
    limit: int
    done: Done
    known: str = ""  # a digest: what was there before
    alone: bool = False


class Quick:
    """A few connections to one registry in one event loop; `close` them at the end."""

    def __init__(self, endpoint: Endpoint, limits: Limits, tls: Callable[[], ssl.SSLContext]) -> None:
        self._endpoint = endpoint
        self._limits = limits
        self._tls = tls
        self.error_bytes = limits.error_bytes
        self._most = min(CONNECTIONS, limits.connections)
        self._seconds = min(limits.seconds / 2, LONGEST_SECONDS)
        self._waiting: deque[_Job] = deque()
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._paused_until, self._pause = 0.0, PAUSE_SECONDS
        self._faults = self._broken = 0
        self._depth = 1
        self._closed = False
        self._number = 0
        self._run = uuid.uuid4().hex[:20]
        base = endpoint.base
        self._host, self._port = base.host or "", base.port or 443
        self._secure = base.scheme == "https"
        self._start = f"Host: {endpoint.host}\r\nUser-Agent: {endpoint.agent}\r\nAccept-Encoding: identity\r\n"

    async def get(self, path: str, accept: str, authorization: str, limit: int, method: str = "GET") -> Plain | None:
        """One plain answer, or None where the careful way has to ask."""
        return (await self.many([path], accept, authorization, limit, method))[0]

    async def many(
        self, paths: Sequence[str], accept: str, authorization: str, limit: int, method: str = "GET",
        known: Mapping[str, str] | None = None,
    ) -> list[Plain | None]:  # fmt: skip
        """The plain answers to many requests of one kind, in order; None where the careful way has to ask.

        `known` are digests, by path, of what was there before: where it is still there, the status is AS_BEFORE.
        Together they hold at most HELD_BYTES: what comes beyond is asked for again when it is needed, one by one.
        """
        found: list[Plain | None] = [None] * len(paths)
        if not self._usable(paths, accept, authorization):
            return found
        left, held = len(paths), 0
        all_done = asyncio.get_running_loop().create_future()

        def answered(position: int) -> Done:
            def done(answer: Plain | None) -> None:
                nonlocal left, held
                held += len(answer.body) if answer is not None else 0
                found[position] = answer if held <= HELD_BYTES else None
                left -= 1
                if not left and not all_done.done():
                    all_done.set_result(None)

            return done

        rest = self._start + (f"Accept: {accept}\r\n" if accept else "")
        rest += f"Authorization: {authorization}\r\n" if authorization else ""
        for position, path in enumerate(paths):
            self._number += 1
            digest = known.get(path, "") if known else ""
            more = f'If-None-Match: "{digest}"\r\n' if digest else ""
            text = f"{method} {path} HTTP/1.1\r\n{rest}{more}X-Request-Id: {self._run}-{self._number}\r\n\r\n"
            self._waiting.append(_Job(text.encode("ascii"), method == "HEAD", limit, answered(position), digest))
        self._feed()
        await all_done
        return found

    def close(self) -> None:
        """Close every connection; who still waits asks the careful way."""
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        for task in self._opening:
            task.cancel()
        for connection in list(self._open):
            connection.drop()
        self._give_up()

    def _usable(self, paths: Sequence[str], accept: str, authorization: str) -> bool:
        if not paths or self._faults > MOST_FAULTS or time.monotonic() < self._paused_until:
            return False
        if not (_TEXT.fullmatch(accept) and _TEXT.fullmatch(authorization)):
            return False
        return all(path.startswith("/") and _WORD.fullmatch(path) for path in paths)

    def _feed(self) -> None:
        """Give waiting requests to idle connections, and open more where all are busy."""
        while self._waiting and self._idle:
            self._idle.pop().send(self._lot())
        missing = min(len(self._waiting), self._most - len(self._open)) - len(self._opening)
        for _n in range(missing):
            task = asyncio.ensure_future(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        if self._watch is None and self._open:
            self._watch = asyncio.get_running_loop().call_later(0.25, self._look)

    def _lot(self) -> list[_Job]:
        """What the next connection shall carry: its share of what waits, which leaves something for the others."""
        count = min(self._depth, -(-len(self._waiting) // self._most))
        lot = [self._waiting.popleft()]
        while self._waiting and len(lot) < count and not lot[0].alone and not self._waiting[0].alone:
            lot.append(self._waiting.popleft())
        return lot

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                await loop.create_connection(
                    lambda: _Connection(self), self._host, self._port, ssl=self._tls() if self._secure else None
                )
        except (OSError, RegistryError, TimeoutError):
            self.pause()  # why, the careful way says

    def opened(self, connection: "_Connection") -> None:
        """A connection is there."""
        self._open.add(connection)
        self.free(connection)

    def answered(self, count: int) -> None:
        """A lot of answers was as it should be."""
        if self._broken <= MOST_BROKEN:
            self._depth = min(2 * self._depth, DEPTH)
        self._faults = max(0, self._faults - count)

    def free(self, connection: "_Connection") -> None:
        """A connection has nothing to do."""
        if self._waiting:
            connection.send(self._lot())
        else:
            self._idle.append(connection)
        if self._watch is None:
            self._watch = asyncio.get_running_loop().call_later(0.25, self._look)

    def lost(self, connection: "_Connection") -> None:
        """A connection is gone."""
        self._open.discard(connection)
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)
        if self._waiting:
            self._feed()

    def unanswered(self, jobs: Sequence[_Job]) -> None:
        """A connection is gone that carried these: each is asked for alone, or the careful way if it was."""
        gone = self._closed or self._faults > MOST_FAULTS or time.monotonic() < self._paused_until
        if gone or len(jobs) < 2:
            for job in jobs:
                job.done(None)
            return
        self._broken, self._depth = self._broken + 1, 1
        for job in reversed(jobs):
            job.alone = True
            self._waiting.appendleft(job)
        self._feed()

    def fault(self) -> None:
        """An answer was none of ours."""
        self._faults += FAULT_WEIGHT
        if self._faults > MOST_FAULTS:
            self._give_up()

    def pause(self) -> None:
        """Ask nothing for a while: whoever waits is sent the careful way, which knows how to wait."""
        if time.monotonic() >= self._paused_until:
            self._paused_until = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._give_up()

    def _give_up(self) -> None:
        waiting, self._waiting = self._waiting, deque()
        for job in waiting:
            job.done(None)

    def _look(self) -> None:
        """Drop connections whose answer takes too long."""
        self._watch = None
        late = time.monotonic() - self._seconds
        for connection in list(self._open):
            if connection.jobs and connection.begun < late:
                connection.fail()
        if self._open and (self._waiting or any(one.jobs for one in self._open)):
            self._watch = asyncio.get_running_loop().call_later(0.25, self._look)


class _Connection(asyncio.Protocol):
    """One connection and the requests that are out on it."""

    def __init__(self, quick: Quick) -> None:
        self.quick = quick
        self.jobs: list[_Job] = []
        self.begun = 0.0  # when something was last as it should be
        self._answers: list[Plain] = []
        self._held = 0
        self._buffer = b""
        self._parts: bytearray | None = None  # of a body that is not whole yet
        self._head = self._low = b""
        self._status = 0
        self._due = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast(asyncio.Transport, transport)
        self.quick.opened(self)

    def send(self, jobs: list[_Job]) -> None:
        """Ask."""
        self.jobs, self._answers, self._held = jobs, [], 0
        self.begun = time.monotonic()
        self.transport.write(b"".join([job.request for job in jobs]))

    def data_received(self, data: bytes) -> None:
        """Take what came; when all answers are whole they are handed over."""
        if not self.jobs:
            self.fail()  # nobody asked
            return
        if self._parts is not None:
            self._parts += data
            if len(self._parts) < self._due:
                return
            data, self._parts = bytes(self._parts), None
            at = self._whole(data, 0)
        else:
            data, at = self._buffer + data if self._buffer else data, 0
        while at >= 0 and at < len(data) and len(self._answers) < len(self.jobs):
            at = self._next(data, at)
        if at < 0:
            return
        self._buffer = b""
        if len(self._answers) == len(self.jobs):
            self._finish(at < len(data))

    def _next(self, data: bytes, at: int) -> int:
        """Read the answer that begins at `at`; where the next one does, or -1 where more has to come or all is over."""
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            self._buffer = data[at:]
            if len(self._buffer) > HEAD_BYTES:
                self.fail()
            return -1
        job = self.jobs[len(self._answers)]
        head = data[at : end + 2]
        match = _PLAIN.match(head)
        low = head.lower()
        if job.known and match is None and _AS_BEFORE.match(head):
            return self._as_before(head, low, job.known, end + 4)
        if match is not None and _CHUNKED in low and not job.head_only:
            return self._in_chunks(head, low, data, at, end + 4)
        lengths = _LENGTH.findall(low)
        if match is None or len(lengths) != 1 or low.count(b"content-length") != 1:
            if head[9:12] in {b"429", b"503"}:
                self.quick.pause()
            self.fail()
            return -1
        self._head, self._low, self._status = head, low, 200 if match[1] == b"200" else 404
        self._due = 0 if job.head_only else int(lengths[0])
        self._held += self._due
        cap = job.limit if self._status == 200 else self.quick.error_bytes
        too_much = self._due > cap or (self._held > TOGETHER_BYTES and len(self.jobs) > 1)
        if too_much or _FORBIDDEN.search(low):
            self.fail()
            return -1
        if len(data) - end - 4 >= self._due:
            return self._whole(data, end + 4)
        self._parts = bytearray(data[end + 4 :])
        return -1

    def _as_before(self, head: bytes, low: bytes, known: str, end: int) -> int:
        """Take the answer that `known` is still there: without a body, and naming nothing else; as `_next`."""
        answer = Plain(AS_BEFORE, head, low, b"")
        named = {answer.header(b"etag"), answer.header(b"docker-content-digest")}
        if _FORBIDDEN.search(low) or not named <= {"", known, f'"{known}"'}:
            self.fail()
            return -1
        self._head, self._low, self._status, self._due = head, low, AS_BEFORE, 0
        return end if self._whole(b"", 0) >= 0 else -1

    def _in_chunks(self, head: bytes, low: bytes, data: bytes, at: int, start: int) -> int:
        """Read the answer that begins at `at`, its chunks at `start`; as `_next`."""
        self._head, self._low, self._status = head, low, 200 if head[9:12] == b"200" else 404
        cap = self.jobs[len(self._answers)].limit if self._status == 200 else self.quick.error_bytes
        try:
            if b"content-length" in low or _FORBIDDEN.search(low.replace(_CHUNKED, b"\r\n", 1)):
                raise ValueError
            found = joined(data, start, min(cap, CHUNKED_BYTES))
        except ValueError:
            self.fail()
            return -1
        if found is None:
            self._buffer = data[at:]
            return -1
        body, end = found
        self._due = len(body)
        return end if self._whole(body, 0) >= 0 else -1

    def _whole(self, data: bytes, start: int) -> int:
        """Take the body that begins at `start`; where it ends, or -1 where the connection does and more was due."""
        end = start + self._due
        self._answers.append(Plain(self._status, self._head, self._low, data[start:end]))
        self.begun = time.monotonic()
        if b"\r\nconnection: close" in self._low and len(self._answers) < len(self.jobs):
            self.fail()
            return -1
        return end

    def _finish(self, more: bool) -> None:
        """Hand over what is complete, unless `more` came than was asked for: who knows whose answers these are."""
        if more:
            self.fail()
            return
        jobs, answers = self.jobs, self._answers
        self.jobs, self._answers = [], []
        self.quick.answered(len(answers))
        if b"\r\nconnection: close" in self._low:
            self.transport.abort()
        else:
            self.quick.free(self)
        for job, answer in zip(jobs, answers, strict=True):
            job.done(answer)

    def fail(self) -> None:
        """Leave the request to the careful way, and close: what else comes here is nobody's answer."""
        self.quick.fault()
        self.drop()

    def drop(self) -> None:
        """Close, without an answer."""
        jobs, self.jobs, self._answers = self.jobs, [], []
        self.transport.abort()
        self.quick.lost(self)
        self.quick.unanswered(jobs)

    def connection_lost(self, error: Exception | None) -> None:
        """The other end closed."""
        self.drop()
