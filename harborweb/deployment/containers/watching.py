"""The host worker's second pair of eyes: a thread beside its jobs that serves pages somebody looks at.

The queue `host` does one job at a time and a deployment takes minutes, so logs cannot be a job of it
(docs/decisions/0005). The thread lives in the worker's main process, sleeps in Redis until somebody asks, asks the
engine once a second while somebody looks, and changes nothing but what `live` keeps.
"""

import logging
import re
import threading
import time
import uuid
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from harborweb.deployment import looking, sentences, wanted
from harborweb.deployment.containers import live, reasons
from harborweb.deployment.containers.compose_file import generated
from harborweb.errors import Problem
from harborweb.masking import Masker
from harborweb.tools import compose, engine

logger = logging.getLogger(__name__)

ROUND = 1.0  # seconds between two looks at a log
TABLE_EVERY = 2.0  # seconds between two looks at all containers
KNOWN = 5.0  # seconds after which it is asked again which deployment runs
SLEEP = 30  # seconds of one sleep in Redis
LINE = 4000  # characters of a line
_PAINT = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROLS = {number: "\ufffd" for number in (*range(32), *range(127, 160)) if chr(number) != "\t"}


class _Log:
    """What is known of one log that somebody looks at."""

    def __init__(self) -> None:
        self.id = ""
        self.last: set[str] = set()  # the lines of the last answer
        self.newest = 0  # nanoseconds
        self.standing = ""


class Watch:
    """Serves what is asked for, round by round."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._name = uuid.uuid4().hex
        self._logs: dict[str, _Log] = {}
        self._uses: dict[str, engine.Use] = {}
        self._looked = self._known = 0.0
        self._folder: Path | None = None
        self._masker = Masker(())
        self._found: list[engine.Container] = []

    def sleep(self, seconds: int = SLEEP) -> bool:
        """Wait until somebody asks; whether somebody did. Costs one command in `seconds`."""
        return self._redis.blpop([live.WAKE], timeout=seconds) is not None

    def serve(self) -> None:
        """Serve until nobody asks any more, or another worker serves."""
        while self._mine() and self._anybody():
            try:
                with engine.connect(timeout=8) as client:
                    while self._mine() and self._anybody():
                        began = time.monotonic()
                        self.round(client)
                        time.sleep(max(0.1, ROUND - (time.monotonic() - began)))
            except engine.EngineError as error:
                self._tell(sentences.engine(error))
            except Problem as problem:
                self._tell(problem)
        self._logs.clear()
        self._uses.clear()
        if self._redis.get(live.SERVING) == self._name.encode():
            self._redis.delete(live.SERVING)

    def round(self, client: Any) -> None:
        """Look once: at all containers where that is due, and at each log that is asked for."""
        now = time.monotonic()
        if now - self._known >= KNOWN:
            self._learn()
            self._known = now
        if now - self._looked >= TABLE_EVERY:
            self._table(client)
            self._looked = now
        asked = self._redis.mget([live.asked_key(live.log_of(one.name)) for one in self._found] or ["-"])
        names = {one.name for one, wish in zip(self._found, asked, strict=False) if wish}
        for name in [name for name in self._logs if name not in names]:
            del self._logs[name]
        for one in self._found:
            if one.name in names:
                self._follow(client, one)

    def _mine(self) -> bool:
        """Whether this worker serves; of several the first one does."""
        if not self._redis.set(live.SERVING, self._name, nx=True, ex=5):
            if self._redis.get(live.SERVING) != self._name.encode():
                return False
            self._redis.expire(live.SERVING, 5)
        return True

    def _anybody(self) -> bool:
        names = [one.name for one in self._found]
        return bool(self._redis.exists(*map(live.asked_key, [live.TABLE, *map(live.log_of, names)])))

    def _tell(self, problem: Problem) -> None:
        live.put_table(self._redis, live.Table(time.time(), [], problem.message, problem.advice))
        time.sleep(2 * ROUND)

    def _learn(self) -> None:
        """Which folder's containers are Harbor's, and which secrets their logs must not show."""
        try:
            deployment = looking.running()
            self._folder = Path(deployment.installer.path) if deployment else None
            secrets = wanted.secrets(deployment.revision.text()) if deployment else []
        finally:
            connection.close()  # this thread lives for weeks, and its process forks
        if self._folder:
            secrets += generated(self._folder)
        self._masker = Masker(secrets)

    def _table(self, client: Any) -> None:
        self._found = []
        if self._folder:
            self._found = looking.here(engine.containers(client, compose.project_name(self._folder)), self._folder)
        rows = [self._row(one, engine.use(client, one.id) if one.state == "running" else None) for one in self._found]
        live.put_table(self._redis, live.Table(time.time(), rows))

    def _row(self, one: engine.Container, used: engine.Use | None) -> dict[str, Any]:
        before = self._uses.get(one.id)
        if used:
            self._uses[one.id] = used
        return {
            **looking.record(one, self._masker),
            "cpu": used.load(before) if used else None,
            "memory": used.memory if used else None,
        }

    def _follow(self, client: Any, one: engine.Container) -> None:
        """Put what is new in the log of `one` where the page finds it."""
        log = self._logs.setdefault(one.name, _Log())
        kept = self._redis.expire(live.stream_key(one.name), live.STAYS)
        fresh: list[tuple[int, str, bool]] = []
        if not kept or not log.id:  # it was forgotten, here or there: only what is newer than what is kept
            milli, nano = live.last_id(self._redis, one.name)
            log.last, log.newest = set(), milli * 1_000_000 + nano if kept else 0
        elif log.id != one.id:
            fresh.append((time.time_ns(), _("A new container of this name: %(id)s") % {"id": one.id[:12]}, True))
            log.last = set()
        changed, log.id = log.id == one.id, one.id
        try:
            found = engine.lines_since(client, one.id, log.newest // 1_000_000_000, live.KEPT)
        except engine.EngineError as error:
            found = []
            if not kept:
                fresh.append((time.time_ns(), _unreadable(one, error), True))
        fresh += self._new(found, log)
        standing = f"{reasons.word(asdict(one))}. {reasons.why(asdict(one))}".strip()
        if changed and log.standing != standing:
            fresh.append((time.time_ns(), self._masker.mask(standing), True))
        log.standing = standing
        if fresh:
            live.put_lines(self._redis, one.name, fresh)

    def _new(self, found: list[str], log: _Log) -> list[tuple[int, str, bool]]:
        """What of the answer was not in the last one; time and order are the engine's."""
        first = not log.last
        fresh = []
        for raw in found:
            at, text = _parted(raw, log.newest)
            if raw in log.last or (first and at <= log.newest):
                continue
            fresh.append((at, self._clean(text), False))
        if log.last and len(fresh) == live.KEPT:
            words = _("More than %(n)d lines came at once; some before these are not shown.") % {"n": live.KEPT}
            fresh.insert(0, (fresh[0][0], words, True))
        log.last = set(found)
        log.newest = max([log.newest, *(at for at, _text, note in fresh if not note)])
        return fresh

    def _clean(self, text: str) -> str:
        text = self._masker.mask(_PAINT.sub("", text).rstrip("\r"))
        return (text if len(text) <= LINE else text[:LINE] + " …").translate(_CONTROLS)


def _parted(raw: str, before: int) -> tuple[int, str]:
    """The nanoseconds and the text of a line as the engine gives it: "2026-11-23T18:01:56.295987367Z text"."""
    stamp, _space, text = raw.partition(" ")
    try:
        whole, _dot, rest = stamp.removesuffix("Z").partition(".")
        seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
        return seconds * 1_000_000_000 + int(rest.ljust(9, "0")[:9] or 0), text
    except ValueError:
        return before + 1, raw


def _unreadable(one: engine.Container, error: engine.EngineError) -> str:
    return _(
        "The engine keeps no log of this container: its log driver is %(driver)s (%(error)s). "
        "Where log.local is set, its lines are in a file of that folder."
    ) % {"driver": one.log_driver, "error": error.detail}


def forever(stopping: threading.Event) -> None:
    """Sleep, serve, sleep; whatever goes wrong is logged and tried again."""
    while not stopping.is_set():
        try:
            client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=SLEEP + 10, socket_connect_timeout=5)
            watch = Watch(client)
            while not stopping.is_set():
                if watch.sleep():
                    watch.serve()
        except redis.RedisError:
            stopping.wait(2)
        except Exception:  # the thread has to outlive a surprise: nobody would start it again
            logger.exception("the watch over containers stumbled")
            stopping.wait(5)


def begin(sender: Any = None, **_signal: Any) -> None:
    """Start the thread in a worker that serves the queue `host`."""
    if "host" in sender.app.amqp.queues.consume_from:
        threading.Thread(target=forever, args=(threading.Event(),), name="containers-live", daemon=True).start()
