"""A database that hangs or is gone costs a sender two seconds, and the process no more memory than it allows itself."""

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import pytest

from ingest_service.accounts import Account
from ingest_service.edge.stripe_webhook import Limits
from ingest_service.inbox import envelope
from ingest_service.inbox.envelope import Arrival
from ingest_service.inbox.group_commit import GroupCommit, NotStoredError, Room
from ingest_service.sealing import Sealer, parse_keys
from tests.postgres import MigratedServer
from tests.standins.wire import Wire, wired

MAIN = Account(
    "main", None, livemode=False, api_key="sk_test_x", webhook_secrets=(), region="US", zone="UTC", rules_file=None
)
SECONDS = Limits().store_seconds
STORED = "SELECT count(*) FROM event WHERE account_id = 'main'"
IN_STORE = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%INSERT INTO event %'
    AND pid <> pg_backend_pid()
"""


def arrival(number: int, size: int = 200) -> Arrival:
    """An event of so many bytes."""
    event = {
        "id": f"evt_{number}",
        "object": "event",
        "type": "invoice.paid",
        "created": int(time.time()),
        "livemode": False,
    }
    return envelope.arrival(MAIN, event, b"x" * size, "webhook", datetime.now(UTC))


def inbox(pool: asyncpg.Pool, room: Room | None = None) -> GroupCommit:
    """An inbox over this pool."""
    sealer = Sealer(parse_keys(f"k1:{base64.b64encode(os.urandom(32)).decode()}"))
    return GroupCommit(pool, sealer, lambda: datetime.now(UTC), lambda _: None, room)


async def refused(store: asyncio.Future[None]) -> str:
    """Why an event was not stored."""
    with pytest.raises(NotStoredError) as why:
        await store
    return str(why.value)


@pytest.fixture
async def line(ingest_database_url: str) -> AsyncIterator[tuple[Wire, asyncpg.Pool]]:
    """A pool whose connections go over a wire that can be stopped."""
    async with wired(ingest_database_url) as (wire, url):
        pool = await asyncpg.create_pool(url, min_size=1, max_size=4, timeout=5)
        yield wire, pool
        wire.mend()
        pool.terminate()


async def test_what_a_hanging_database_does_not_take_is_refused_within_two_seconds_and_forgotten(
    line: tuple[Wire, asyncpg.Pool], ingest_pool: asyncpg.Pool
) -> None:
    wire, pool = line
    held = inbox(pool)
    wire.stop()
    started = time.monotonic()
    answers = await asyncio.gather(
        *(refused(asyncio.ensure_future(held.store(arrival(n), SECONDS))) for n in range(600))
    )
    assert time.monotonic() - started < SECONDS + 1, "each within its time; all of them on a busy machine"
    assert set(answers) <= {"the database did not answer in time", "TimeoutError"}
    async with asyncio.timeout(5):  # those that were being written are given up soon after
        await asyncio.gather(*held._committers, return_exceptions=True)
    assert (held.held_events, held.held_bytes, held._waiting) == (0, 0, {})
    wire.mend()
    async with asyncio.timeout(10):
        while True:  # the pool finds out that its connections are gone
            try:
                await held.store(arrival(1), SECONDS)
                break
            except NotStoredError:
                continue
    assert (
        await ingest_pool.fetchval("SELECT count(*) FROM event WHERE account_id = 'main' AND event_id = 'evt_1'") == 1
    )


async def test_a_statement_that_hangs_is_given_up_and_its_repeat_is_stored_once(ingest_pool: asyncpg.Pool) -> None:
    held = inbox(ingest_pool)
    async with ingest_pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        assert await refused(asyncio.ensure_future(held.store(arrival(1), SECONDS)))
        assert time.monotonic() - started < 2.0
        await transaction.rollback()
    await held.store(arrival(1), SECONDS)
    assert await ingest_pool.fetchval(STORED) == 1


async def test_a_connection_that_is_killed_while_it_stores_refuses_at_once_and_the_repeat_is_stored_once(
    ingest_pool: asyncpg.Pool,
) -> None:
    held = inbox(ingest_pool)
    async with ingest_pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        storing = asyncio.ensure_future(held.store(arrival(1), SECONDS))
        async with asyncio.timeout(1.5):
            while not (pid := await ingest_pool.fetchval(IN_STORE)):
                assert not storing.done()
        await other.execute("SELECT pg_terminate_backend($1)", pid)
        assert await refused(storing)
        await transaction.rollback()
    await held.store(arrival(1), SECONDS)
    assert await ingest_pool.fetchval(STORED) == 1


async def test_a_database_that_lets_nobody_in_refuses_within_two_seconds(
    ingest_pool: asyncpg.Pool, ingest_database_url: str, postgres_server: MigratedServer
) -> None:
    held = inbox(ingest_pool)
    name = urlsplit(ingest_database_url).path[1:]
    postgres_server.server.execute(
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'",
    )
    for number in range(5):
        started = time.monotonic()
        assert await refused(asyncio.ensure_future(held.store(arrival(number), SECONDS)))
        assert time.monotonic() - started < 2.0
    postgres_server.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await held.store(arrival(1), SECONDS)
    assert await ingest_pool.fetchval(STORED) == 1


@pytest.mark.parametrize("room", [Room(events=10), Room(bytes=10 * 200)])
async def test_beyond_its_room_nothing_is_kept_waiting_and_the_answer_comes_at_once(
    ingest_pool: asyncpg.Pool, room: Room
) -> None:
    held = inbox(ingest_pool, room)
    async with ingest_pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
        waiting = [asyncio.ensure_future(held.store(arrival(n), SECONDS)) for n in range(50)]
        done, under_way = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert {str(each.exception()) for each in done} == {"too many events are waiting to be stored"}
        assert (len(done), len(under_way), held.held_events) == (40, 10, 10)
        await transaction.rollback()
        await asyncio.gather(*under_way, *held._committers)
    assert (held.held_events, held.held_bytes) == (0, 0)
    assert await ingest_pool.fetchval(STORED) == 10
