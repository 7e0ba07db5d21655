"""Secrets at rest and in passing.

`seal` and `unseal` keep a secret in the database; `put_once` and `take_once`
pass one from the web to a worker through Redis: sealed, once, for minutes.
"""

import base64
import secrets
from collections.abc import Iterable
from functools import lru_cache

import redis
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext as _

from harborweb.errors import Problem

SLOT_SECONDS = 300


@lru_cache(maxsize=32)
def _fernet(app_secret: str, purpose: str) -> Fernet:
    derived = HKDF(hashes.SHA256(), 32, None, b"harborweb/" + purpose.encode()).derive(app_secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def seal(secret: bytes | str, purpose: str) -> bytes:
    """Encrypt `secret` with a key derived from the app's secret for this `purpose` (e.g. "signing-key")."""
    data = secret.encode() if isinstance(secret, str) else secret
    return _fernet(settings.SECRET_KEY, purpose).encrypt(data)


def unseal(sealed: bytes | memoryview, purpose: str) -> bytes:
    """Undo `seal`; raises Problem when the app's secret is not the one that sealed it."""
    try:
        return _fernet(settings.SECRET_KEY, purpose).decrypt(bytes(sealed))
    except InvalidToken as error:
        raise Problem(
            _("This secret was sealed with another app secret."),
            _("Start harborweb with the secret it had before, or enter this value again."),
        ) from error


def redis_client() -> redis.Redis:
    """The Redis that also is Celery's broker."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=5)


def put_once(secret: bytes | str, seconds: int = SLOT_SECONDS) -> str:
    """Lay `secret` into a slot that opens once within `seconds`; returns the slot's name, which is no secret."""
    slot = secrets.token_urlsafe(18)
    try:
        redis_client().set(f"harborweb:slot:{slot}", seal(secret, "slot:" + slot), ex=seconds)
    except redis.RedisError as error:
        raise Problem(
            _("Redis does not answer, so the secret could not be handed to a worker."), _("Start Redis and try again.")
        ) from error
    return slot


def take_once(slot: str) -> bytes:
    """The secret in `slot`, which is empty afterwards; raises Problem when it was taken or has expired."""
    sealed = redis_client().getdel(f"harborweb:slot:{slot}")
    if not isinstance(sealed, bytes):
        raise Problem(
            _("The secret typed for this job is gone: it is kept for five minutes and read once."),
            _("Start it again and type the secret once more."),
        )
    return unseal(sealed, "slot:" + slot)


def drop(slots: Iterable[str]) -> None:
    """Empty the given slots, when a job ends before it took them."""
    names = [f"harborweb:slot:{slot}" for slot in slots]
    if names:
        redis_client().delete(*names)
