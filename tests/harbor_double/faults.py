"""Faults on order: what a Harbor, or the proxy before it, does on a bad day."""

import asyncio
import re
import threading
from dataclasses import dataclass, field

from starlette.responses import HTMLResponse, Response

from tests.harbor_double.answers import Refusal

BAD_GATEWAY = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center>"


@dataclass
class Fault:
    """What happens to requests whose `METHOD path` matches `where`, `times` times (-1: always)."""

    kind: str
    where: str = ""
    times: int = 1
    seconds: float = 0
    after: bool = False  # the request is carried out first, and the answer is lost

    async def happen(self) -> Response | None:
        """The fault's answer; None lets the request go on."""
        if self.kind == "slow":
            await asyncio.sleep(self.seconds)
            return None
        if self.kind == "timeout":
            await asyncio.sleep(self.seconds or 3600)
            return Response(b"", 504)
        if self.kind == "html":
            return HTMLResponse("<!doctype html><title>Sign in</title><h1>Please sign in to the network</h1>")
        if self.kind == "429":
            again = {"Retry-After": str(int(self.seconds))} if self.seconds else {}
            return Refusal(429, "too many requests", headers=again).response()
        return HTMLResponse(BAD_GATEWAY.replace("502 Bad Gateway", f"{self.kind} Bad Gateway"), int(self.kind))


@dataclass
class Faults:
    """The faults that are on order, and how many happened."""

    waiting: list[Fault] = field(default_factory=list)
    starting: bool = False  # nginx answers, nobody behind it does yet: 502 with HTML to everything
    happened: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def order(self, kind: str, where: str = "", times: int = 1, seconds: float = 0, after: bool = False) -> Fault:
        """Order `429`, `502`, `503`, `504`, `timeout`, `slow` or `html` for requests that match `where`.

        `where` is looked for in `GET /api/v2.0/projects?page=1`; `seconds` is how slow, or the Retry-After of a 429.
        """
        fault = Fault(kind, where, times, seconds, after)
        with self.lock:
            self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        """No more faults."""
        with self.lock:
            self.waiting.clear()
            self.starting = False

    def take(self, request: str) -> Fault | None:
        """The next fault for this request, used up."""
        with self.lock:
            for fault in self.waiting:
                if fault.times and re.search(fault.where, request):
                    fault.times -= 1
                    self.happened += 1
                    return fault
        return None
