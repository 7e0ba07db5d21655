"""From synchronous code to the client, also where a loop runs already."""

import asyncio
import contextvars
import threading

from harborweb.registry.running import run

LANGUAGE = contextvars.ContextVar("LANGUAGE", default="en")


async def _seen() -> tuple[str, int]:
    await asyncio.sleep(0)
    return LANGUAGE.get(), threading.get_ident()


def test_what_belongs_to_the_request_goes_along() -> None:
    LANGUAGE.set("zh-hans")
    language, thread = run(_seen())
    assert language == "zh-hans"
    assert thread != threading.get_ident()


def test_a_loop_in_this_thread_does_not_matter() -> None:
    async def outside() -> str:
        return run(_seen())[0]

    assert asyncio.run(outside()) == LANGUAGE.get()
