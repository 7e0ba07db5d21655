"""Every bound of reading a registry says its number when it is hit."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from harborweb.registry.client import Client, Endpoint, Limits, RegistryError
from tests.registry.lying import Lie, answer, endless, lying, redirect, reply

DIGEST = "sha256:" + "0" * 64
JSON = {"Content-Type": "application/json"}
INDEX = {"Content-Type": "application/vnd.oci.image.index.v1+json"}


async def _tags(client: Client) -> None:
    _all = [one async for one in client.tags("a/b")]


async def _manifest(client: Client) -> None:
    await client.manifest("a/b", "v1")


async def _referrers(client: Client) -> None:
    await client.referrers("a/b", DIGEST)


async def _blob(client: Client) -> None:
    await client.blob("a/b", DIGEST)


def _pages() -> Lie:
    """A list whose every page names another one."""
    numbers = iter(range(1000))

    async def lie(request, writer):  # type: ignore[no-untyped-def]
        more = {"Link": f'</v2/a/b/tags/list?page={next(numbers)}>; rel="next"'}
        await reply({"tags": ["x"]}, more)(request, writer)

    return lie


@pytest.mark.parametrize(
    "limits, lie, ask, number",
    [
        (Limits(pages=7), _pages, _tags, "7"),
        (Limits(json_depth=9), lambda: answer(200, b"[" * 10 + b"]" * 10, JSON), _tags, "9"),
        (Limits(redirects=3), lambda: redirect("/v2/a/b/manifests/v1"), _manifest, "3"),
        (Limits(list_bytes=3000), lambda: endless(JSON), _tags, "3000|2.9 KiB|3 kB|3.0"),
        (Limits(manifest_bytes=3000), lambda: endless(JSON), _manifest, "3000|2.9 KiB|3 kB|3.0"),
        (Limits(blob_bytes=3000), lambda: endless(), _blob, "3000|2.9 KiB|3 kB|3.0"),
        (Limits(referrers=2), lambda: reply({"schemaVersion": 2, "manifests": [{"digest": DIGEST}] * 3}, INDEX),
         _referrers, "2"),
        (Limits(seconds=0.4, overall_seconds=0.5, retries=0), lambda: endless(JSON, b" ", 0.1), _tags, "0.4|0.5"),
    ],
    ids=["pages", "depth", "redirects", "list", "manifest", "blob", "referrers", "seconds"],
)  # fmt: skip
def test_a_bound_says_its_number(
    limits: Limits, lie: Callable[[], Lie], ask: Callable[[Client], Awaitable[None]], number: str
) -> None:
    """Bytes, time, redirects, count and nesting."""

    async def walk() -> None:
        with lying() as liar:
            liar.on(re.compile(r"/v2/a/b/.*"), lie())
            async with Client(Endpoint(liar.url, allow_http=True), limits) as client:
                await ask(client)

    with pytest.raises(RegistryError) as caught:
        asyncio.run(walk())
    assert re.search(rf"\b(?:{number})\b", caught.value.message), caught.value.message
