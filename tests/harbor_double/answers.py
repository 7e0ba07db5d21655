"""The forms of Harbor's answers: errors, pages, queries, times."""

import datetime
import functools
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from starlette.responses import Response

T = TypeVar("T")
CODES = {
    400: "BAD_REQUEST", 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT", 412: "PRECONDITION", 422: "UNPROCESSABLE_ENTITY", 429: "TOOMANYREQUESTS", 500: "UNKNOWN",
}  # fmt: skip


class Refusal(Exception):
    """Harbor says no: the handler stops, and the answer is an error."""

    def __init__(self, status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code or CODES[status], headers or {}

    def response(self) -> Response:
        """The answer itself."""
        body = json.dumps({"errors": [{"code": self.code, "message": self.message}]}) + "\n"
        return Response(body, self.status, dict(self.headers), "application/json; charset=utf-8")


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    """A success with JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(json.dumps(body) + "\n", status, named, "application/json")


def done(status: int = 200, **headers: str) -> Response:
    """A success without a body."""
    return Response(b"", status, {name.replace("_", "-"): value for name, value in headers.items()})


def when(time: datetime.datetime) -> str:
    """A time as the API writes it."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S').rjust(19, '0')}.{time.microsecond // 1000:03d}Z"


def paged(path: str, query: Mapping[str, str], found: Sequence[T], make: Callable[[T], Any]) -> Response:
    """One page of `found`, with X-Total-Count and Link (repositories-list-page2-size1 and its neighbours)."""
    page, size = number(query, "page", 1), number(query, "page_size", 10)
    if size > 100:
        raise Refusal(422, "validation failure list:\npage_size in query should be less than or equal to 100")
    begin = (page - 1) * size
    shown = found[begin : begin + size] if size > 0 else found
    headers = {"X-Total-Count": str(len(found))}
    links = []
    if page > 1 and begin < len(found) and size > 0:
        links.append((page - 1, "prev"))
    if size and page * size < len(found):
        links.append((page + 1, "next"))
    if links:
        headers["Link"] = " , ".join(f'<{_page(path, query, other)}>; rel="{name}"' for other, name in links)
    made = answer([make(one) for one in shown])
    made.headers.update(headers)
    return made


def _page(path: str, query: Mapping[str, str], page: int) -> str:
    size = query.get("page_size", "10")
    values = sorted({**query, "page": str(page), "page_size": size}.items())
    return f"{path}?{'&'.join(f'{name}={value}' for name, value in values)}"


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """A number of the query; 422 where it is none."""
    try:
        return int(query.get(name, default))
    except ValueError:
        raise Refusal(
            422, f'validation failure list:\n{name} in query must be of type int64: "{query[name]}"'
        ) from None


def flag(query: Mapping[str, str], name: str, default: bool) -> bool:
    """A yes or no of the query."""
    return {"true": True, "false": False}.get(query.get(name, "").lower(), default)


def asked(query: Mapping[str, str]) -> dict[str, str]:
    """The parts of `q`: `name=~app,public=true`. Harbor unescapes it once more (auditlog-exts-q-username)."""
    text = query.get("q", "")
    found = {}
    for part in re.split(r",(?![^{(\[]*[})\]])", urllib.parse.unquote_plus(text)) if text else []:
        name, equals, value = part.partition("=")
        if not equals or not name or not value:
            raise Refusal(400, 'the query string must contain "=" and the key/value cannot be empty')
        found[name.strip().lower()] = value
    return found


def matches(wanted: str | None, *values: str) -> bool:
    """Whether one of `values` is what a part of `q` wants: exact, `~part`, `{one of}`, `(all of)`."""
    if wanted is None:
        return True
    if wanted.startswith("~"):
        return any(wanted[1:].lower() in value.lower() for value in values)
    if wanted.startswith(("{", "(")):
        several = _several(wanted)
        return bool(several & set(values)) if wanted[0] == "{" else several <= set(values)
    if wanted.startswith("["):
        low, _, high = wanted[1:-1].partition("~")
        return any((not low or low <= value) and (not high or value <= high) for value in values)
    return wanted in values


@functools.lru_cache(maxsize=64)
def _several(wanted: str) -> frozenset[str]:
    """The values of a list, kept: it is asked for each of 50,000 artifacts."""
    return frozenset(one.strip("\"' ") for one in wanted[1:-1].split(" "))


def ordered(found: list[T], query: Mapping[str, str], keys: Mapping[str, Callable[[T], Any]], default: str) -> list[T]:
    """`found` in the order that `sort` asks for, `-` turning it round."""
    for part in reversed((query.get("sort") or default).split(",")):
        key = keys.get(part.strip().lstrip("-"))
        if key:
            found = sorted(found, key=key, reverse=part.strip().startswith("-"))
    return found
