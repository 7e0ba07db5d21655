"""One writer of an image's signatures at a time, among all workers."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import redis
from django.utils.translation import gettext as _

from harborweb import sealing
from harborweb.errors import Problem
from harborweb.registry.endpoint import Endpoint

LONGEST = 240  # seconds a turn may take; a killed worker's ends by itself
PATIENCE = 60
ASK_SECONDS = 0.1


@contextmanager
def of(
    endpoint: Endpoint, images: Iterable[tuple[str, str]], holder: str, patience: float = PATIENCE
) -> Iterator[None]:
    """A block in which no other worker of ours signs these (repository, digest); raises Problem when one does.

    Who comes as the same `holder` takes over what its killed predecessor held; it has to write the same bytes then.
    """
    client = sealing.redis_client()
    with ExitStack() as turns:
        try:
            for repository, digest in sorted(set(images)):  # everybody in one order: no two wait for each other
                name = hashlib.sha256(f"{endpoint.host} {repository}@{digest}".encode()).hexdigest()[:32]
                turns.enter_context(_turn(client, f"harborweb:signs:{name}", holder.encode(), patience))
        except redis.RedisError as error:
            raise Problem(
                _("Redis does not answer, so it is not known whether somebody else signs the same digest."),
                _("Start Redis and try again."),
            ) from error
        yield


@contextmanager
def _turn(client: redis.Redis, name: str, holder: bytes, patience: float) -> Iterator[None]:
    until = time.monotonic() + patience
    while not client.set(name, holder, nx=True, ex=LONGEST):
        if client.get(name) == holder:
            client.expire(name, LONGEST)
            break
        if time.monotonic() > until:
            raise Problem(_("Another worker is signing the same digest."), _("Sign again when it has finished."))
        time.sleep(ASK_SECONDS)
    try:
        yield
    finally:
        with suppress(redis.RedisError):  # it ends by itself then
            if client.get(name) == holder:
                client.delete(name)
