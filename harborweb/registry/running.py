"""The way from synchronous code to the client."""

import asyncio
import contextvars
from collections.abc import Awaitable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from harborweb.registry.errors import timeout

Result = TypeVar("Result")


async def within(seconds: float, host: str, question: Awaitable[Result]) -> Result:
    """The answer to `question`, which may ask many things, or RegistryError "timeout" after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await question
    except TimeoutError as error:
        raise timeout(host, seconds) from error


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of `coroutine`, awaited on an event loop in a thread of its own.

    A server's own loop is not held up by what a registry sends, and it does not matter whether this thread
    has a loop. The language of the request goes along; the database connection does not.
    """
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1, thread_name_prefix="registry") as pool:
        return pool.submit(context.run, asyncio.run, coroutine).result()
