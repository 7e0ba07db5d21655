"""How much of a registry all workers together ask at a time: requests at once, requests a second, and 429 for all.

Each asker (a process with a client) has a lease in Redis: how many requests it may have out, never more than its
connections, so that one that rests holds nothing that it cannot use. A lease is renewed before it is used, by a script
that counts what the others hold, so the sum never passes the limit; who is gone loses it after a moment. The rate is
divided by the number of askers. A 429 holds up every asker of the registry for as long as it says, and each begins
again with half of what it had out.

Without Redis there would be no worker; where it does not answer for a moment, the last lease holds on.
"""

import asyncio
import logging
import time
import uuid
from types import TracebackType
from typing import Any

import redis
import redis.asyncio

logger = logging.getLogger(__name__)

LEASE_SECONDS = 10
RENEWED = 0.5  # seconds after which a lease is renewed at its next use
ROUND = 0.1  # seconds between two looks where nothing may be asked
_LEASE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[2])) do
  redis.call('ZREM', KEYS[2], gone)
  redis.call('HDEL', KEYS[1], gone)
end
redis.call('ZADD', KEYS[2], now, ARGV[1])
local limit, used, rank, others = tonumber(ARGV[4]), tonumber(ARGV[3]), 0, 0
local askers = redis.call('ZRANGE', KEYS[2], 0, -1)
for _, one in ipairs(askers) do
  if one < ARGV[1] then rank = rank + 1 end
  if one ~= ARGV[1] then others = others + tonumber(redis.call('HGET', KEYS[1], one) or 0) end
end
local share = math.floor(limit / #askers)
if rank < limit % #askers then share = share + 1 end
local allowed = math.max(0, math.min(share, limit - others, tonumber(ARGV[5])))
redis.call('HSET', KEYS[1], ARGV[1], math.max(allowed, used))
redis.call('EXPIRE', KEYS[1], 60)
redis.call('EXPIRE', KEYS[2], 60)
return {allowed, #askers, math.max(0, redis.call('PTTL', KEYS[3]))}
"""
_UNLIMITED = 10_000


class Open:
    """No gate: whoever is not part of a sweep asks within the bounds of its own client alone."""

    limited = False

    async def __aenter__(self) -> None:
        """Ask at once."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The answer is there."""

    async def pause(self, seconds: float) -> None:
        """The registry wants patience; the one request that was answered so has it."""

    async def close(self) -> None:
        """Nothing is held."""


class Gate(Open):
    """`async with gate:` around each request; the requests of all gates of one `name` keep the limits together."""

    def __init__(self, url: str, name: str, *, at_once: int = 0, per_second: int = 0, connections: int = 16) -> None:
        self.limited = bool(at_once or per_second)
        self._redis: Any = redis.asyncio.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self._keys = [f"harborweb:polite:{name}:{part}" for part in ("held", "askers", "pause")]
        self._me = uuid.uuid4().hex
        self._at_once, self._per_second, self._most = at_once or _UNLIMITED, per_second, connections
        self._own = float(connections)  # what this asker dares, less after a 429
        self._allowed, self._askers = 0, 1
        self._used = 0
        self._renewed = float("-inf")
        self._until = 0.0
        self._next = 0.0
        self._lock = asyncio.Lock()
        self._left = asyncio.Event()

    async def __aenter__(self) -> None:
        """Wait until one more request may go out."""
        while True:
            await self._renew()
            now = time.monotonic()
            if now < self._until:
                await asyncio.sleep(min(self._until - now, RENEWED))
            elif self._used < min(self._allowed, max(1, int(self._own))):
                self._used += 1
                break
            else:
                await self._somebody_leaves()
        if self._per_second:
            await self._pace()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The request is over."""
        self._used -= 1
        self._own = min(self._most, self._own + 0.5 / max(1.0, self._own))
        self._left.set()

    async def pause(self, seconds: float) -> None:
        """The registry answered 429: nobody asks it for so long, and then less at once."""
        now = time.monotonic()
        if now >= self._until:  # one halving for all that were out together
            self._own = max(1.0, min(self._own, self._used + 1) / 2)
        self._until = max(self._until, now + seconds)
        try:
            if await self._redis.pttl(self._keys[2]) < seconds * 1000:
                await self._redis.set(self._keys[2], "1", px=max(1, int(seconds * 1000)))
        except redis.RedisError:
            logger.warning("Redis does not answer: the other workers learn of a 429 by themselves")

    async def close(self) -> None:
        """Give back the lease."""
        try:
            await self._redis.hdel(self._keys[0], self._me)
            await self._redis.zrem(self._keys[1], self._me)
        except redis.RedisError:
            logger.info("a lease that could not be given back ends by itself")
        await self._redis.aclose()

    async def _renew(self) -> None:
        """Renew the lease where it is not fresh."""
        if time.monotonic() - self._renewed < RENEWED:
            return
        async with self._lock:
            if time.monotonic() - self._renewed < RENEWED:
                return
            try:
                allowed, askers, pause = await self._redis.eval(
                    _LEASE, 3, *self._keys, self._me, LEASE_SECONDS, self._used, self._at_once, self._most
                )
            except redis.RedisError as error:
                logger.warning("Redis does not answer (%s): the last lease holds on", type(error).__name__)
                self._allowed = self._allowed or 1
            else:
                self._allowed, self._askers = int(allowed), int(askers)
                if pause > 0:
                    self._until = max(self._until, time.monotonic() + pause / 1000)
            self._renewed = time.monotonic() if self._allowed else time.monotonic() - RENEWED + ROUND

    async def _somebody_leaves(self) -> None:
        self._left.clear()
        try:
            async with asyncio.timeout(ROUND):
                await self._left.wait()
        except TimeoutError:
            return

    async def _pace(self) -> None:
        """This asker's share of the rate, evenly spread."""
        now = time.monotonic()
        self._next = max(self._next, now) + self._askers / self._per_second
        await asyncio.sleep(self._next - now - self._askers / self._per_second)
