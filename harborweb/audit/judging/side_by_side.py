"""Several things worked at together in one event loop, what is found handed over as it comes."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

AT_A_STRETCH = 8  # items that are worked at before others have their turn

Item = TypeVar("Item")
Found = TypeVar("Found")


async def side_by_side(
    items: Iterable[Item], work: Callable[[Item, Callable[[Found], None]], Awaitable[None]], most: int
) -> AsyncGenerator[Found]:
    """What `work` finds of each item, at most `most` of them worked at together; closing it early cancels them."""
    waiting, done, news = iter(items), deque[Found](), asyncio.Event()

    def found(one: Found) -> None:
        done.append(one)
        news.set()

    async def take() -> None:
        try:
            for count, item in enumerate(waiting, 1):
                await work(item, found)
                if count % AT_A_STRETCH == 0:
                    await asyncio.sleep(0)
        finally:
            news.set()

    tasks = [asyncio.create_task(take()) for _number in range(most)]
    try:
        while done or not all(task.done() for task in tasks):
            await news.wait()
            news.clear()
            while done:
                yield done.popleft()
            for task in tasks:
                if task.done():
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
