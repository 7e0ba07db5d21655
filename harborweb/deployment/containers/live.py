"""What passes between a page that somebody looks at and the host worker: all of it in Redis, bounded, for a minute.

The page asks (`ask`): keys that expire after LOOKING seconds, and a wake-up where nobody serves yet. The host worker
(`watching`) serves what is asked for and lays it where `table` and `lines` find it: the containers as one JSON
value, the lines of a log in a Redis stream of at most KEPT entries. When nobody asks any more it goes back to sleep.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis

from harborweb.sealing import redis_client

LOOKING = 10  # seconds that one question lasts; pages ask every second or two
STAYS = 60  # seconds that an answer stays without anybody looking
KEPT = 2000  # lines of a log
SHOWN = 400  # of them on a page
FRESH = 6.0  # seconds after which an answer is no longer the present
TABLE = "table"

_PREFIX = "harborweb:live:"
WAKE, SERVING = _PREFIX + "wake", _PREFIX + "serving"
# What a Harbor's programs write where something is wrong: [ERROR], level=error, "FATAL:", nginx's [emerg], [alert] …
_BAD = re.compile(r"\b(error|err|fatal|panic|crit|critical|emerg|alert|traceback|exception)\b", re.IGNORECASE)
_LOOK = re.compile(r"\b(warn|warning|denied|refused|timed out|timeout|unhealthy)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One line of a container's log, masked; a note is harborweb's own word."""

    id: str
    at: datetime
    text: str
    note: bool

    @property
    def look(self) -> str:
        """The class of its row: error, err (look at it), note, out."""
        if self.note:
            return "note"
        return "error" if _BAD.search(self.text) else "err" if _LOOK.search(self.text) else "out"


@dataclass(frozen=True)
class Table:
    """The containers as the host worker has just seen them; `rows` as `watching` writes them."""

    at: float
    rows: list[dict[str, Any]]
    problem: str = ""
    advice: str = ""


def asked_key(what: str) -> str:
    """The key that says that somebody looks at `what`."""
    return f"{_PREFIX}asked:{what}"


def log_of(name: str) -> str:
    """What to ask for to see the log of container `name`."""
    return f"log:{name}"


def stream_key(name: str) -> str:
    """The stream that holds the log of container `name`."""
    return f"{_PREFIX}lines:{name}"


def ask(*what: str) -> bool:
    """Say that somebody looks at `what`; whether a host worker serves already. False without Redis."""
    try:
        client = redis_client()
        with client.pipeline(transaction=False) as together:
            for one in what:
                together.set(asked_key(one), 1, ex=LOOKING)
            together.exists(SERVING)
            *_, served = together.execute()
            if not served:
                together.lpush(WAKE, 1)
                together.ltrim(WAKE, 0, 0)
                together.expire(WAKE, LOOKING)
                together.execute()
    except redis.RedisError:
        return False
    return bool(served)


def table() -> Table | None:
    """The containers now; None while no host worker has answered."""
    try:
        found = redis_client().get(_PREFIX + TABLE)
    except redis.RedisError:
        return None
    if not isinstance(found, bytes):
        return None
    seen = Table(**json.loads(found))
    return seen if datetime.now(UTC).timestamp() - seen.at < FRESH else None


def put_table(client: redis.Redis, seen: Table) -> None:
    """Lay down what was seen."""
    client.set(_PREFIX + TABLE, json.dumps(seen.__dict__), ex=STAYS)


def lines(name: str, after: str = "", most: int = SHOWN) -> list[Line]:
    """The lines after the one with id `after`, or the last ones; oldest first, the newest `most` of them."""
    least = f"({after}" if re.fullmatch(r"\d{1,16}-\d{1,16}", after) else "-"
    try:
        found: Any = redis_client().xrevrange(stream_key(name), "+", least, count=most)
    except redis.RedisError:
        return []
    return [_line(one, fields) for one, fields in reversed(found)]


def _line(one: bytes, fields: dict[bytes, bytes]) -> Line:
    name = one.decode()
    return Line(
        id=name, at=datetime.fromtimestamp(int(name.split("-")[0]) / 1000, UTC),
        text=fields[b"text"].decode(errors="replace"), note=b"note" in fields,
    )  # fmt: skip


def put_lines(client: redis.Redis, name: str, fresh: Iterable[tuple[int, str, bool]]) -> None:
    """Add lines (nanoseconds, masked text, whether it is a note) to the log of container `name`.

    A line's id is its time, made larger than the one before where the engine's clock is not.
    """
    key = stream_key(name)
    last = last_id(client, name)
    with client.pipeline(transaction=False) as together:
        for nanoseconds, text, note in fresh:
            milli, nano = divmod(nanoseconds, 1_000_000)
            now = (milli, nano)
            last = now if now > last else (last[0], last[1] + 1)
            fields: dict[Any, Any] = {"text": text, "note": 1} if note else {"text": text}
            together.xadd(key, fields, id=f"{last[0]}-{last[1]}", maxlen=KEPT, approximate=False)
        together.expire(key, STAYS)
        together.execute()


def last_id(client: redis.Redis, name: str) -> tuple[int, int]:
    """The id of the newest line kept of this log, as numbers; (0, 0) of an empty one."""
    found: Any = client.xrevrange(stream_key(name), count=1)
    milli, nano = found[0][0].decode().split("-") if found else ("0", "0")
    return int(milli), int(nano)
