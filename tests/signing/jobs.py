"""Perform jobs in this process, as a worker would, and look at what they left."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import async_to_sync
from cryptography.hazmat.primitives import serialization
from django.db import connections

from harborweb import sealing
from harborweb.jobs.models import Job
from harborweb.jobs.run import perform
from harborweb.registry.client import Client
from harborweb.signing import found, keysmith, services, workshop
from harborweb.signing.models import Key
from harborweb.tools import cosign
from tests.signing.conftest import Image


def done(job: Job, work: Callable[..., Any]) -> Job:
    """Do the job's work; the row as it is settled."""
    perform(job.pk, work)
    job.refresh_from_db()
    assert job.settled
    return job


def log(job: Job) -> str:
    """Everything in the job's log."""
    return "\n".join(job.log.values_list("text", flat=True))


def elsewhere(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call `work` in another thread: Playwright keeps an event loop in this one."""

    def call() -> Any:
        try:
            return work(*arguments, **named)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


PAIR = (
    "kind", "state", "algorithm", "public_pem", "fingerprint", "private_sealed", "password_sealed", "password_mode",
)  # fmt: skip
_pairs: dict[tuple[str | None, str, str], list[dict[str, Any]]] = {}


def made(asked: Any, name: str, mode: str, password: str, *, afresh: bool = False) -> Key:
    """A pair as the job makes it: the first time, or `afresh`, by that job, else what it left, with no job to its name
    and nothing in the activity trail."""
    pairs = _pairs.setdefault((cosign.find(), mode, password), [])
    here = set(Key.objects.values_list("fingerprint", flat=True))
    pair = next((one for one in pairs if one["fingerprint"] not in here), None)
    if pair and not afresh:
        found.remember()  # the job would have: which cosign there is
        return Key.objects.create(name=name, created_by=asked.user.get_username() if asked else "harborweb", **pair)
    key = services.request_pair(asked, name, mode, password, trusted=True)
    assert key.job is not None
    job = done(key.job, keysmith.make_key)
    assert job.state == "succeeded", job.error + log(job)
    key.refresh_from_db()
    pairs.append({field: getattr(key, field) for field in PAIR})
    return key


def taken_in(asked: Any, name: str, private: Any) -> Key:
    key = services.request_import(asked, name, "none", "", pem_of(private), trusted=True)
    assert key.job is not None
    assert done(key.job, keysmith.import_key).state == "succeeded"
    key.refresh_from_db()
    return key


def signed(asked: Any, row: Any, image: Image, key: Key, **more: Any) -> Job:
    job = services.request_sign(asked, row, image.repository, image.digest, more.pop("tag", image.tag), key, **more)
    return done(job, workshop.sign)


def verified(asked: Any, row: Any, image: Image, key: Key | None = None) -> Job:
    return done(services.request_verify(asked, row, image.repository, image.digest, image.tag, key), workshop.verify)


def tags(row: Any, repository: str) -> list[str]:
    async def listed() -> list[str]:
        async with Client(row.endpoint()) as client:
            return [tag async for tag in client.tags(repository)]

    return async_to_sync(listed)()


def delete(row: Any, image: Image) -> None:
    async def deleted() -> None:
        async with Client(row.endpoint()) as client:
            await client.delete_manifest(image.repository, image.digest)

    async_to_sync(deleted)()


def slots() -> set[bytes]:
    """The slots that hold something."""
    return set(sealing.redis_client().scan_iter("harborweb:slot:*"))


def pem_of(key: Any, form: Any = serialization.PrivateFormat.PKCS8) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_of(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
