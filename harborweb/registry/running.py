"""The way from synchronous code to the client."""

import asyncio
import contextvars
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of `coroutine`, awaited on an event loop in a thread of its own.

    A server's own loop is not held up by what a registry sends, and it does not matter whether this thread
    has a loop. The language of the request goes along; the database connection does not.
    """
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1, thread_name_prefix="registry") as pool:
        return pool.submit(context.run, asyncio.run, coroutine).result()
