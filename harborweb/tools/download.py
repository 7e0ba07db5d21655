"""Fetch one file over http(s), bounded in size and time."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO
from urllib.parse import urljoin, urlsplit

import aiohttp

REDIRECTS = 5
CHUNK = 64 * 1024


class DownloadError(Exception):
    """Nothing was fetched. `kind` in scheme, credentials, downgrade, redirects, status, unreachable, tls, timeout,
    too_large, stopped; `detail` says more."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True)
class Fetched:
    """What came: its size, its SHA-256, and the address that answered in the end."""

    size: int
    sha256: str
    url: str


def check(url: str) -> None:
    """Raise DownloadError unless `url` is http(s) with a host and without a name and password in it."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise DownloadError("scheme", url) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise DownloadError("scheme", url)
    if parts.username is not None or parts.password is not None:
        raise DownloadError("credentials")


def fetch(
    url: str, into: IO[bytes], *, limit: int, seconds: float, stopping: Callable[[], bool] = lambda: False
) -> Fetched:
    """Write what `url` serves into `into`; at most `limit` bytes within `seconds`; raises DownloadError.

    Redirects are followed, REDIRECTS of them, never from https to http. Proxies come from the environment.
    """
    return asyncio.run(_fetch(url, into, limit, seconds, stopping))


async def _fetch(url: str, into: IO[bytes], limit: int, seconds: float, stopping: Callable[[], bool]) -> Fetched:
    try:
        async with asyncio.timeout(seconds), aiohttp.ClientSession(trust_env=True, auto_decompress=False) as session:
            for _hop in range(REDIRECTS + 1):
                check(url)
                async with session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer:
                    if answer.status in {301, 302, 303, 307, 308} and "Location" in answer.headers:
                        url = _next(url, answer.headers["Location"])
                        continue
                    if answer.status != 200:
                        raise DownloadError("status", str(answer.status))
                    return await _save(answer, url, into, limit, stopping)
    except TimeoutError as error:
        raise DownloadError("timeout", f"{seconds:g}") from error
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError) as error:
        raise DownloadError("tls", str(error)[:300]) from error
    except aiohttp.ClientConnectorError as error:
        raise DownloadError("unreachable", f"{error.host}:{error.port}, {_reason(error.os_error)}") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise DownloadError("unreachable", (str(error) or type(error).__name__)[:300]) from error
    raise DownloadError("redirects", str(REDIRECTS))


def _reason(error: OSError) -> str:
    """The system's own words for why a connection failed."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _next(url: str, location: str) -> str:
    target = urljoin(url, location)
    if url.startswith("https:") and target.startswith("http:"):
        raise DownloadError("downgrade", target)
    return target


async def _save(
    answer: aiohttp.ClientResponse, url: str, into: IO[bytes], limit: int, stopping: Callable[[], bool]
) -> Fetched:
    if (answer.content_length or 0) > limit:
        raise DownloadError("too_large", str(answer.content_length))
    size, digest = 0, hashlib.sha256()
    async for chunk in answer.content.iter_chunked(CHUNK):
        if stopping():
            raise DownloadError("stopped")
        size += len(chunk)
        if size > limit:
            raise DownloadError("too_large", str(size))
        digest.update(chunk)
        into.write(chunk)
    return Fetched(size, digest.hexdigest(), url)
