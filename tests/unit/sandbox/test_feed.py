"""The feed of changes, for whoever listens and whoever comes back."""

import asyncio
from typing import Any

from paybell_sandbox.sandbox import SLOWEST_LISTENER, Sandbox
from paybell_sandbox.settings import Settings


async def heard(sandbox: Sandbox, after: int | None, count: int) -> list[tuple[str, Any]]:
    found = []
    async with asyncio.timeout(5):
        async for change in sandbox.changes(after):
            found.append((change.kind, change.data))
            if len(found) == count:
                break
    return found


async def test_who_begins_hears_what_comes_and_who_comes_back_hears_the_rest() -> None:
    sandbox = Sandbox.create(Settings())
    sandbox.publish("message", {"n": 1})
    listening = asyncio.ensure_future(heard(sandbox, None, 2))
    await asyncio.sleep(0)
    sandbox.publish("message", {"n": 2})
    sandbox.publish("call", {"n": 3})
    assert await listening == [("message", {"n": 2}), ("call", {"n": 3})]
    assert await heard(sandbox, 1, 2) == [("message", {"n": 2}), ("call", {"n": 3})]
    assert await heard(sandbox, 0, 3) == [("message", {"n": 1}), ("message", {"n": 2}), ("call", {"n": 3})]


async def test_who_is_too_far_behind_loads_anew_and_hears_what_comes_then() -> None:
    sandbox = Sandbox.create(Settings())
    for number in range(SLOWEST_LISTENER + 5):
        sandbox.publish("message", {"n": number})
    listening = asyncio.ensure_future(heard(sandbox, 3, 2))
    await asyncio.sleep(0)
    sandbox.publish("message", {"n": "new"})
    assert await listening == [("reset", {}), ("message", {"n": "new"})]


async def test_a_number_of_an_earlier_start_is_not_taken_for_one_of_this() -> None:
    sandbox = Sandbox.create(Settings())
    sandbox.publish("message", {})
    assert await heard(sandbox, 99, 1) == [("reset", {})]


def test_the_seed_decides_all_that_is_random_and_is_another_one_each_time() -> None:
    settings = (Settings(seed=5), Settings(seed=5), Settings())
    one, same, other = (Sandbox.create(one).random.random() for one in settings)
    assert one == same != other
