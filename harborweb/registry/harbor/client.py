"""One Harbor's API, asked with the same bounds as its registry.

Source: Harbor API v2.0 (swagger of 2.15) and what a real Harbor 2.15.2 answered. No cookies are kept: basic
authentication together with a `sid` cookie is refused on writes. Projects are asked for by name, which a header has to
say: a project may be called 2026, and Harbor would take that for an id. Every failure is a RegistryError.
"""

import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from yarl import URL

from harborweb.registry import errors
from harborweb.registry.auth import basic
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import RegistryError
from harborweb.registry.harbor.paths import API, MAX_PAGE
from harborweb.registry.transport import REQUEST_ID, Answer, Transport, parse_json

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Query = Mapping[str, str | int | bool]
READING = ("GET", "HEAD")
BY_NAME = {"X-Is-Resource-Name": "true"}
GAVE_UP = {502, 504}  # a proxy's own words: what stands behind it may have done it all the same


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A page of a list; `total` is what Harbor counts in all (X-Total-Count), None where it does not say."""

    items: list[Item]
    total: int | None
    number: int = 1
    size: int = MAX_PAGE

    @property
    def last(self) -> int:
        """The number of the last page, 1 for an empty list."""
        return max(1, -(-(self.total or len(self.items)) // self.size))


class Harbor:
    """`async with Harbor(endpoint) as h:`; reads may be asked again, writes never."""

    def __init__(self, endpoint: Endpoint, limits: Limits | None = None, transport: Transport | None = None) -> None:
        self.endpoint = endpoint
        self.limits = limits or Limits()
        self.transport = transport or Transport(endpoint, self.limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.transport.close()

    async def get(self, path: str, query: Query | None = None, *, what: str) -> Any:
        """The JSON at `path` (below /api/v2.0, already encoded); `what` names it in sentences of failure."""
        return parse_json((await self.ask("GET", path, query, what=what)).body, self.endpoint.host)

    async def page(
        self, path: str, read: Callable[[dict[str, Any]], Item], query: Query | None = None, *, what: str,
        number: int = 1, size: int = MAX_PAGE,
    ) -> Page[Item]:  # fmt: skip
        """Page `number` of a list, each object read by `read`; null counts as an empty list."""
        size = min(size, MAX_PAGE)
        answer = await self.ask("GET", path, {**(query or {}), "page": number, "page_size": size}, what=what)
        listed = parse_json(answer.body, self.endpoint.host)
        if listed is None:
            listed = []
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise errors.not_a_registry(self.endpoint.host, errors.plain(f"{what}: no list"))
        total = answer.headers.get("X-Total-Count", "")
        count = int(total) if total.isdecimal() and len(total) < 12 else None
        return Page([read(one) for one in listed], count, number, size)

    async def all(
        self, path: str, read: Callable[[dict[str, Any]], Item], query: Query | None = None, *, what: str
    ) -> AsyncIterator[Item]:
        """Every item of a list, page by page, never more pages than the limits allow."""
        number = 1
        while True:
            page = await self.page(path, read, query, what=what, number=number)
            for item in page.items:
                yield item
            if len(page.items) < page.size or (page.total is not None and number >= page.last):
                return
            number += 1
            if number > self.limits.pages:
                raise errors.too_large(self.endpoint.host, self.limits.pages * MAX_PAGE)

    async def write(self, method: str, path: str, body: object = None, *, what: str, look: str) -> Answer:
        """Change something, once, whatever happens.

        `what` names the thing in sentences of failure, `look` is the sentence that says where to see whether it
        was done. Raises RegistryError "unsure" where the answer did not come, or came from a proxy that gave up.
        """
        data = b"" if body is None else json.dumps(body).encode()
        try:
            return await self.ask(method, path, what=what, data=data)
        except RegistryError as error:
            if error.status in GAVE_UP or (error.sent and error.status < 300):
                raise errors.unsure(self.endpoint.host, what, error.message, look) from error
            raise

    async def create(self, path: str, body: object, *, what: str, look: str) -> int:
        """Make something by POST; the id at the end of the answer's Location, 0 where it ends with a name."""
        answer = await self.write("POST", path, body, what=what, look=look)
        last = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        return int(last) if last.isdecimal() and len(last) < 19 else 0

    async def ask(
        self, method: str, path: str, query: Query | None = None, *, what: str, data: bytes | None = None
    ) -> Answer:
        """One request with our credentials and a request id that the log names; raises for all but success."""
        url = self.endpoint.base.join(URL(path if path.startswith(API) else API + path, encoded=True))
        words = {
            key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in (query or {}).items()
        }
        if words:
            url = url.update_query(words)
        request = str(uuid.uuid4())
        headers = {"Accept": "application/json", REQUEST_ID: request, **BY_NAME}
        if self.endpoint.username:
            headers["Authorization"] = basic(self.endpoint.username, self.endpoint.password)
        if data:
            headers["Content-Type"] = "application/json"
        place = f"{self.endpoint.host}{url.raw_path}"
        try:
            answer = await self.transport.fetch(method, url, headers=headers, limit=self.limits.list_bytes, data=data)
        except RegistryError as error:
            logger.warning("%s %s: %s, request %s", method, place, error.kind, request)
            raise
        level = logging.DEBUG if method in READING and answer.status < 400 else logging.INFO
        logger.log(level, "%s %s: %d, request %s", method, place, answer.status, request)
        if answer.status < 300:
            return answer
        raise errors.from_harbor(self.endpoint.host, self.endpoint.username, answer.status, answer.body, what)
