"""The real registry behind the double, which nobody else is told of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import urllib3

DROPPED = ("connection", "transfer-encoding", "keep-alive", "content-length", "host", "authorization", "cookie")


@dataclass(frozen=True)
class Answer:
    """What a registry said."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Backend:
    """The registry at `url`."""

    url: str
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=20, retries=False))

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
        accept: str = "",
    ) -> Answer:  # fmt: skip
        """Send a request as it is; the registry's answer, whatever it is."""
        sent = dict(headers or {})
        if accept:
            sent["Accept"] = accept
        timeout = urllib3.Timeout(connect=5, read=60)
        try:
            got = self.pool.request(
                method, self.url + path, body=body, headers=sent, redirect=False, timeout=timeout, decode_content=False
            )
        except urllib3.exceptions.HTTPError as error:
            return Answer(502, str(error).encode())
        return Answer(got.status, got.data, dict(got.headers))


def passed_on(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers of a request that go on to the registry behind; one that comes on several lines, as one."""
    kept: dict[str, str] = {}
    for name, value in headers:
        if name.lower() not in DROPPED:
            kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept
