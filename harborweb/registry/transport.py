"""One HTTP exchange with a registry, bounded in time, bytes, redirects and retries."""

import asyncio
import email.utils
import json
import logging
import os
import random
import re
import ssl
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

import aiohttp
from django.utils.translation import gettext as _
from multidict import CIMultiDictProxy
from yarl import URL

from harborweb.registry import errors
from harborweb.registry.endpoint import Endpoint, Limits, host_of
from harborweb.registry.errors import RegistryError
from harborweb.registry.politeness import Open

logger = logging.getLogger(__name__)

REDIRECTS = {HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.FOUND, HTTPStatus.SEE_OTHER, 307, 308}
REQUEST_ID = "X-Request-Id"  # Harbor echoes it and has it in its own log
LEAST_SECONDS = 0.05  # a retry that has less time is not begun
RETRIED = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
# A string that never ends is one to the end: to begin anew at each quote in it would take minutes.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"?|([\[{])|([\]}])', re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """A complete answer; `url` is where it came from after redirects."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: URL

    @property
    def media_type(self) -> str:
        """Content-Type without its parameters, lower case."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Transport:
    """A connection pool for one registry; keeps no cookies and follows nobody's proxy settings."""

    def __init__(self, endpoint: Endpoint, limits: Limits, gate: Open | None = None) -> None:
        self.endpoint = endpoint
        self.limits = limits
        self.gate = gate or Open()
        self._slots = asyncio.Semaphore(limits.connections)
        self._session: aiohttp.ClientSession | None = None

    def tls(self) -> ssl.SSLContext:
        """What a connection to this registry is checked by."""
        return self._tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.endpoint.ca_pem.strip():
            try:
                context.load_verify_locations(cadata=self.endpoint.ca_pem)
            except (ssl.SSLError, ValueError) as error:
                raise RegistryError(
                    "tls",
                    _("The CA certificate of this registry is no certificate in PEM form."),
                    _("Paste the whole text from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."),
                    field="ca_pem",
                ) from error
        return context

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pool, made at first use inside the running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=self.limits.connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.limits.connect_seconds),
                headers={"User-Agent": self.endpoint.agent, "Accept-Encoding": "identity"},
                middlewares=(_once,),
            )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def fetch(
        self, method: str, url: URL, *, headers: Mapping[str, str], limit: int, data: bytes | None = None
    ) -> Answer:
        """Ask, follow redirects, and ask again after 429, 502, 503, a time-out and a broken connection.

        Only GET and HEAD are asked again, a time-out once. The waits grow, each a little at random, so that many
        askers do not come back at once; all of it ends within `overall_seconds`. At most `limit` bytes of a
        successful answer are read, of others `error_bytes`. Returns whatever status came; raises RegistryError
        for everything below HTTP.
        """
        sent = {REQUEST_ID: str(uuid.uuid4()), **headers}
        left = self.limits.overall_seconds  # without the time in the queue for a connection
        retries = self.limits.retries if method in {"GET", "HEAD"} else 0
        for attempt in range(retries + 1):
            delay = 0.5 * 2**attempt
            failure: RegistryError | None = None
            async with self._slots, self.gate:
                begun = time.monotonic()
                try:
                    answer = await self._follow(method, url, dict(sent), limit, data, min(self.limits.seconds, left))
                except RegistryError as error:
                    if not error.passing or attempt >= (min(retries, 1) if error.kind == "timeout" else retries):
                        raise
                    failure = error
            if failure is None:
                if attempt == retries or answer.status not in RETRIED:
                    return answer
                delay = _retry_after(answer.headers.get("Retry-After", ""), delay)
                if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                    await self.gate.pause(min(delay, self.limits.wait_seconds))
            wait = delay * random.uniform(1, 1.25)  # noqa: S311 (no secret)
            left -= time.monotonic() - begun + wait
            if delay > self.limits.wait_seconds or left < LEAST_SECONDS:
                if failure:
                    raise failure
                return answer
            why = failure.kind if failure else str(answer.status)
            what = (method, host_of(url), url.raw_path, why, sent[REQUEST_ID], wait)
            logger.info("%s %s%s: %s, request %s is asked again in %.1f s", *what)
            await asyncio.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _follow(
        self, method: str, url: URL, headers: dict[str, str], limit: int, data: bytes | None, seconds: float
    ) -> Answer:
        """One request and its redirects within `seconds`; credentials stay with the first origin."""
        host = host_of(url)
        try:
            async with asyncio.timeout(seconds):
                for _hop in range(self.limits.redirects + 1):
                    answer = await self._exchange(method, url, headers, limit, data)
                    target = self._redirect(method, answer)
                    if target is None:
                        what = (method, host, url.raw_path, answer.status, headers.get(REQUEST_ID))
                        logger.debug("%s %s%s: %d, request %s", *what)
                        return answer
                    if target.origin() != url.origin():
                        headers.pop("Authorization", None)
                    url = target
        except TimeoutError as error:
            raise errors.timeout(host, round(seconds, 1) or seconds) from error
        raise RegistryError(
            "redirects",
            _("%(host)s redirected more than %(count)d times.") % {"host": host, "count": self.limits.redirects},
            _("Look at the proxy before the registry: it probably sends requests in a circle."),
        )

    def _redirect(self, method: str, answer: Answer) -> URL | None:
        """Where `answer` sends us, None when it does not; raises for targets that we do not follow."""
        if answer.status not in REDIRECTS:
            return None
        host = host_of(answer.url)
        location = answer.headers.get("Location", "")
        try:
            target = answer.url.join(URL(location, encoded=True))
            usable = bool(location) and target.scheme in {"http", "https"} and bool(target.host)
        except ValueError:
            target, usable = answer.url, False
        if not usable:
            raise RegistryError(
                "redirects",
                _("%(host)s redirects to nowhere.") % {"host": host},
                _("Look at the proxy before the registry."),
            )
        if method not in {"GET", "HEAD"}:
            raise RegistryError(
                "redirects",
                _("%(host)s redirects a write to %(target)s.") % {"host": host, "target": host_of(target)},
                _("Enter the address that it redirects to as this registry's address."),
            )
        return target.with_fragment(None)

    def route(self, url: URL) -> tuple[URL, dict[str, str], str | None]:
        """Where a request for `url` really goes, with which further headers and TLS name: here as it says."""
        return url, {}, None

    async def _exchange(self, method: str, url: URL, headers: dict[str, str], limit: int, data: bytes | None) -> Answer:
        """One request to one address, its answer read whole."""
        host = host_of(url)
        if url.scheme == "http" and not self.endpoint.allow_http:
            raise errors.http_refused(f"http://{host}")
        where, more, name = self.route(url)
        tls = self._tls if where.scheme == "https" else True
        try:
            async with self.session.request(
                method, where, headers={**headers, **more}, data=data, allow_redirects=False, ssl=tls,
                server_hostname=name,
            ) as response:  # fmt: skip
                cap = limit if response.status < HTTPStatus.MULTIPLE_CHOICES else self.limits.error_bytes
                body = await self._read(response, cap, host)
                return Answer(response.status, response.headers, body, url)
        except aiohttp.ClientConnectorCertificateError as error:
            raise errors.untrusted(host, getattr(error.certificate_error, "verify_message", "")) from error
        except aiohttp.ClientSSLError as error:
            raise errors.no_tls(host, getattr(error.os_error, "reason", "") or str(error)) from error
        except aiohttp.ClientConnectorError as error:
            raise errors.unreachable(host, _reason(error.os_error)) from error
        except aiohttp.ServerTimeoutError as error:
            raise errors.timeout(host, self.limits.connect_seconds, sent=False) from error
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            raise errors.broken_off(host, str(error)) from error
        except aiohttp.ClientResponseError as error:
            raise errors.not_a_registry(host, _("its answer is not HTTP as we know it")) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise errors.unreachable(host, str(error)) from error

    async def _read(self, response: aiohttp.ClientResponse, limit: int, host: str) -> bytes:
        """The body, counted as it comes whatever Content-Length claims; a compressed one is refused unread."""
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            raise errors.odd(host, _("it is compressed although that was not asked for"), response.status)
        if response.method != "HEAD" and (response.content_length or 0) > limit:
            raise errors.too_large(host, limit)
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > limit:
                response.close()
                raise errors.too_large(host, limit)
            parts.append(part)
        return b"".join(parts)


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request once: aiohttp by itself sends PUT and DELETE again after a connection that broke."""
    try:
        return await send(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError):
            raise  # nothing was sent
        raise errors.broken_off(host_of(request.url), str(error)) from error


def _reason(error: OSError) -> str:
    """The system's own words for why a connection failed."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _retry_after(header: str, default: float) -> float:
    """The wait in seconds that a Retry-After header asks for (number or date), `default` without a sound one."""
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return default


def parse_object(body: bytes, host: str, depth: int) -> dict[str, Any]:
    """The JSON object in `body`: UTF-8 without BOM, nested at most `depth` deep; raises RegistryError."""
    content = parse_json(body, host, depth)
    if not isinstance(content, dict):
        raise errors.not_a_registry(host, _("a JSON object was due and something else came"))
    return content


def parse_json(body: bytes, host: str, depth: int = Limits.json_depth) -> Any:
    """The JSON value in `body`, under the same rules."""
    try:
        text = body.decode()
        if body.count(b"[") + body.count(b"{") > depth:
            _check_depth(text, depth)
        return json.loads(text)
    except _TooDeep as error:
        raise errors.not_a_registry(host, _("its JSON is nested deeper than %d") % depth) from error
    except (ValueError, RecursionError) as error:
        raise errors.not_a_registry(host, _("JSON was due and something else came")) from error


class _TooDeep(ValueError):
    """JSON that is nested deeper than we go."""


def _check_depth(text: str, depth: int) -> None:
    level = 0
    for match in _STRUCTURE.finditer(text):
        level += (match[1] is not None) - (match[2] is not None)
        if level > depth:
            raise _TooDeep
