"""The database goes away again and again while messages are sent: nothing lost, nothing twice."""

import asyncio

import asyncpg

from tests.integration.notify.delivery.desk import desk

_KILL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
"""Not what cleans up behind the scenes: that is the server's own, and nobody else may end it."""


async def test_connections_cut_under_load_lose_and_double_nothing(
    notify_pool: asyncpg.Pool, notify_database_url: str
) -> None:
    """150 messages, every connection cut fifteen times, commits' answers among what is lost."""
    async with desk(notify_pool, start=False) as d:
        phones = [f"+1415555{1000 + n}" for n in range(150)]
        made = {phone: await d.submit(phone, wake=False) for phone in phones}
        killer = await asyncpg.connect(notify_database_url)
        d.delivery.start(d.loops)
        for _ in range(15):
            await asyncio.sleep(0.15)
            await killer.execute(_KILL)
        await killer.close()
        await asyncio.sleep(0.3)
        ends = [await d.until(one, "delivered", seconds=60) for one in made.values()]
        held = [len(await d.at_provider(phone)) for phone in phones]
        assert held == [1] * len(phones)
        assert len(ends) == len(phones)
        assert d.counted["second_sid"] == d.counted["possible_duplicate"] == 0
