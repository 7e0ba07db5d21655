"""Lists that come in pages, linked by `Link: <…>; rel="next"` (RFC 8288, distribution specification)."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.registry import errors
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.transport import Answer, parse_object

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w*-]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]+))?)*)')
_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next)(?=\s*(?:;|$))', re.IGNORECASE)


@dataclass(frozen=True)
class TagPage:
    """Some tags in order; `last` is what the next page is asked with, None when there is none."""

    tags: list[str]
    last: str | None


class Asker(Protocol):
    """What a page reader needs of a client."""

    endpoint: Endpoint
    limits: Limits

    async def ask(self, method: str, path: str, *, scope: str, what: str, headers: dict[str, str] | None) -> Answer: ...


class PageReader:
    """Reads a list page by page: on the registry's own origin only, never a page twice, never without end."""

    def __init__(
        self, client: Asker, path: str, scope: str, what: str, *,
        accept: str = "application/json", first: Answer | None = None,
    ) -> None:  # fmt: skip
        self._client = client
        self._path = path
        self._scope = scope
        self._what = what
        self._headers = {"Accept": accept}
        self._host = client.endpoint.host
        self._first = first

    async def page(self, path: str) -> tuple[dict[str, Any], Answer]:
        """One page: the object in it, and the answer for its Link."""
        answer, self._first = self._first, None
        if answer is None:
            answer = await self._client.ask("GET", path, scope=self._scope, what=self._what, headers=self._headers)
        return parse_object(answer.body, self._host, self._client.limits.json_depth), answer

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        seen: set[str] = set()
        path: str | None = self._path
        while path is not None:
            if path in seen:
                raise errors.odd(self._host, _("its pages have no end (%s)") % self._what)
            if len(seen) >= (most := self._client.limits.pages):
                raise errors.odd(
                    self._host, _("it has more than %(n)d pages (%(what)s)") % {"n": most, "what": self._what}
                )
            seen.add(path)
            try:
                content, answer = await self.page(path)
            except errors.NotFound as error:
                if len(seen) == 1:
                    raise
                raise errors.odd(self._host, _("its next page is not there (%s)") % self._what, 404) from error
            yield content
            path = self._local(next_page(answer))

    def _local(self, url: URL | None) -> str | None:
        """The path of the next page; raises when it lies elsewhere."""
        if url is None:
            return None
        if (
            not url.absolute
            or url.scheme not in {"http", "https"}
            or url.origin() != self._client.endpoint.base.origin()
            or not url.raw_path.startswith("/v2/")
        ):
            raise errors.odd(self._host, _("its next page lies at another address"))
        return url.raw_path_qs

    def strings(self, content: dict[str, Any], key: str, sound: Callable[[str], bool]) -> list[str]:
        """The names in a page (null is none); raises when one is no such name: nothing may be left out unseen."""
        listed = content.get(key)
        if listed is None and key in content:
            return []
        if not isinstance(listed, list) or not all(isinstance(one, str) and sound(one) for one in listed):
            raise errors.odd(self._host, _("%s hold something that is no name") % self._what)
        return listed


def next_page(answer: Answer) -> URL | None:
    """Where the Link header of an answer says the next page is, None without one."""
    for header in answer.headers.getall("Link", []):
        for target, parameters in _LINK.findall(header):
            if _NEXT.search(parameters):
                try:
                    return answer.url.join(URL(target, encoded=True))
                except ValueError:
                    raise errors.odd(answer.url.host or "", _("the address of its next page is none")) from None
    return None


def one_page(tags: list[str], following: URL | None, last: str, n: int) -> TagPage:
    """At most `n` of `tags`; older registries ignore n and last and send all of them: then we cut here."""
    if len(tags) > n or last in tags:
        rest = sorted(tag for tag in tags if tag > last)
        return TagPage(rest[:n], rest[n - 1] if len(rest) > n else None)
    if following is None or not tags:
        return TagPage(tags, None)
    return TagPage(tags, following.query.get("last") or tags[-1])
