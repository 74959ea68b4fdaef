"""Batches that make themselves."""

import asyncio
from collections.abc import Sequence

import pytest

from notify_service.delivery.batching import Batches


async def test_what_arrives_meanwhile_makes_the_next_batch() -> None:
    """A lone item goes at once; nothing waits for a timer."""
    batches: list[list[int]] = []
    go = asyncio.Event()

    async def write(items: Sequence[int]) -> None:
        batches.append(list(items))
        await go.wait()

    made: Batches[int] = Batches(write, (OSError,))
    waiting = [asyncio.create_task(made.add(n)) for n in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert batches == [[0, 1, 2, 3, 4]] or batches[0][0] == 0
    more = [asyncio.create_task(made.add(n)) for n in range(5, 8)]
    go.set()
    await asyncio.gather(*waiting, *more)
    assert [n for batch in batches for n in batch] == list(range(8))


async def test_a_bad_item_harms_no_other() -> None:
    """They are written one by one, and only the bad one fails."""
    written: list[int] = []

    async def write(items: Sequence[int]) -> None:
        if 3 in items:
            raise ValueError("three")
        written.extend(items)

    made: Batches[int] = Batches(write, (OSError,))
    results = await asyncio.gather(*(made.add(n) for n in range(6)), return_exceptions=True)
    assert [type(r) for r in results] == [type(None)] * 3 + [ValueError] + [type(None)] * 2
    assert sorted(written) == [0, 1, 2, 4, 5]


async def test_a_database_that_went_away_is_told_to_everybody_at_once() -> None:
    """Trying each alone would only take as many times longer."""
    tries = 0

    async def write(_items: Sequence[int]) -> None:
        nonlocal tries
        tries += 1
        raise ConnectionResetError

    made: Batches[int] = Batches(write, (OSError,))
    results = await asyncio.gather(*(made.add(n) for n in range(6)), return_exceptions=True)
    assert {type(r) for r in results} == {ConnectionResetError}
    assert tries <= 2
    with pytest.raises(ConnectionResetError):
        await made.add(7)
