"""A plain answer of a registry, as `quick` takes it from the wire."""

import re
from dataclasses import dataclass

from multidict import CIMultiDict, CIMultiDictProxy

AS_BEFORE = 304  # the answer to who says what they know already
_SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain answer: its status, the lines of its head, and its body, unhashed."""

    status: int
    head: bytes
    low: bytes  # the same in small letters
    body: bytes

    def header(self, name: bytes) -> str | None:
        """The one value of a header, empty without it; None where it stands there more than once."""
        low = self.low
        at = low.find(b"\r\n" + name + b":")
        if at < 0:
            return ""
        start = at + len(name) + 3
        if low.find(b"\r\n" + name + b":", start) >= 0:
            return None
        return self.head[start : low.find(b"\r\n", start)].decode("latin-1").strip()

    def headers(self) -> CIMultiDictProxy[str]:
        """All of its headers."""
        lines = [line.partition(":") for line in self.head.decode("latin-1").split("\r\n")[1:-1]]
        return CIMultiDictProxy(CIMultiDict([(name, value.strip()) for name, _colon, value in lines]))


def joined(data: bytes, at: int, limit: int) -> tuple[bytes, int] | None:
    """The body whose chunks begin at `at`, and where they end; None while more has to come.

    Raises ValueError where they are not plain (no extensions, no trailers) or larger than `limit`.
    """
    parts: list[bytes] = []
    while True:
        end = data.find(b"\r\n", at, at + 10)
        if end < 0 and len(data) < at + 10:
            return None
        size = data[at:end]
        limit -= (count := int(size, 16) if end >= 0 and _SIZE.fullmatch(size) else limit + 1)
        if limit < 0:
            raise ValueError
        start, at = end + 2, end + 2 + count + 2
        if len(data) < at:
            return None
        if data[at - 2 : at] != b"\r\n":
            raise ValueError
        if not count:
            return b"".join(parts), at
        parts.append(data[start : at - 2])
