"""How the turn of a loop shows that it goes on while it waits for others: slow is not dead."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

Beat = Callable[[], None]
"""Says that the turn goes on."""

EVERY_SECONDS = 3.0
"""How often a turn that waits for many says so."""


def silent() -> None:
    """Where nobody watches whether it turns."""


async def side_by_side(work: Iterable[Coroutine[Any, Any, T]], beat: Beat) -> list[T]:
    """Does all of this at once, and says `beat` while it waits: each has its own end, and a slow one is no standstill.

    Who cancels this cancels what is under way.

    Returns:
        What came of each, in order.

    Raises:
        Exception: what one of them raised, when all have ended.
    """
    under_way = [asyncio.ensure_future(one) for one in work]
    try:
        waiting = set(under_way)
        while waiting:
            _, waiting = await asyncio.wait(waiting, timeout=EVERY_SECONDS)
            beat()
    finally:
        for one in under_way:
            one.cancel()
    return [one.result() for one in under_way]
