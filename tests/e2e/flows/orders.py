"""The same events in many orders, with repeats, as Stripe may deliver them."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Final

from tests.e2e.pair import Pair

AT_ONCE: Final = 24


async def posted_in_some_order(pair: Pair, matters: Sequence[Sequence[dict[str, Any]]], seed: int) -> None:
    """Posts the events of each matter in an order of its own, two of them twice; many matters at once."""
    chance = random.Random(seed)
    orders = []
    for events in matters:
        order = [*events, *chance.choices(events, k=2)]
        chance.shuffle(order)
        orders.append(order)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(order: Sequence[dict[str, Any]]) -> None:
        async with gate:
            await pair.post_all(order, as_given=True)

    await asyncio.gather(*(one(order) for order in orders))
