"""A real server before a real registry that counts what is out at a time and can want patience."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

SLOW = 0.02  # seconds that each answer takes at least


@dataclass
class Front:
    """What was seen; `patience` seconds are wanted, once, from request `after` on."""

    url: str = ""
    out: int = 0
    most: int = 0
    after: int = 0
    patience: float = 0.0
    asked: list[float] = field(default_factory=list)  # when
    begged: list[float] = field(default_factory=list)  # when 429 was the answer
    until: float = 0.0

    def wants_patience(self) -> bool:
        """Whether this request, at this moment, is one too many."""
        now = time.monotonic()
        if self.patience and not self.until and len(self.asked) > self.after:
            self.until = now + self.patience
        if now < self.until:
            self.begged.append(now)
            return True
        return False


@contextmanager
def before(upstream: str) -> Iterator[Front]:
    """A Front before the registry at `upstream`, in a thread of its own."""
    front, loop, ready = Front(), asyncio.new_event_loop(), threading.Event()
    over: list[asyncio.Event] = []

    async def answer(request: web.Request) -> web.Response:
        front.asked.append(time.monotonic())
        front.out += 1
        front.most = max(front.most, front.out)
        try:
            await asyncio.sleep(SLOW)
            if front.wants_patience():
                return web.Response(status=429, headers={"Retry-After": f"{front.patience:.0f}"})
            headers = {"Accept": request.headers.get("Accept", "*/*"), "Accept-Encoding": "identity"}
            async with session[0].request(request.method, f"{upstream}{request.raw_path}", headers=headers) as inner:
                names = ("Content-Type", "Docker-Content-Digest", "Docker-Distribution-Api-Version", "Link")
                kept = {name: inner.headers[name] for name in names if name in inner.headers}
                return web.Response(status=inner.status, body=await inner.read(), headers=kept)
        finally:
            front.out -= 1

    session: list[aiohttp.ClientSession] = []

    async def serve() -> None:
        over.append(asyncio.Event())
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        async with aiohttp.ClientSession() as one:
            session.append(one)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
            front.url = f"http://127.0.0.1:{port}"
            ready.set()
            await over[0].wait()
            await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield front
    finally:
        loop.call_soon_threadsafe(over[0].set)
        thread.join(20)
