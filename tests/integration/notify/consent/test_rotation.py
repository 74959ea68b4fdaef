"""Lookup keys are rotated while replicas of both rounds run: a number keeps one address, and so one gate."""

import asyncio
from collections.abc import Sequence

import asyncpg

from notify_service.consent.addresses import AddressBook
from notify_service.consent.number import Number
from notify_service.replies.consent import LedgerConsent
from notify_service.sealing import Finder, Sealer

SEALER = Sealer({"k1": bytes(32)})
OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
BEFORE, BEHIND, IN_FRONT = Finder({"l1": OLD}), Finder({"l1": OLD, "l2": NEW}), Finder({"l2": NEW, "l1": OLD})
"""The replicas of each round, as docs/operations.md orders them."""


def numbers(first: int, count: int) -> list[Number]:
    """So many mobiles."""
    return [Number(f"+1415555{first + n}", "US", "mobile", frozenset({"sms"})) for n in range(count)]


async def taken(pool: asyncpg.Pool, finder: Finder, wanted: Sequence[Number]) -> dict[str, object]:
    """The addresses that a replica finds or makes."""
    async with pool.acquire() as conn, conn.transaction():
        known = await AddressBook(SEALER, finder).find_or_make(conn, "main", wanted)
    return {number: one.address_id for number, one in known.items()}


async def test_each_round_finds_what_the_one_beside_it_makes(notify_pool: asyncpg.Pool) -> None:
    for first, maker, beside in ((1000, BEFORE, BEHIND), (2000, BEHIND, BEFORE), (3000, BEHIND, IN_FRONT), (4000, IN_FRONT, BEHIND)):  # fmt: skip
        wanted = numbers(first, 5)
        assert await taken(notify_pool, maker, wanted) == await taken(notify_pool, beside, wanted)
    assert await notify_pool.fetchval("SELECT count(*) FROM gate") == 20


async def test_replicas_that_make_under_different_keys_at_once_make_one_address_of_a_number(
    notify_pool: asyncpg.Pool,
) -> None:
    """No unique index tells the two hashes of a number apart."""
    wanted = numbers(1000, 40)
    turns = [taken(notify_pool, finder, wanted[n % 3 :]) for n in range(8) for finder in (BEHIND, IN_FRONT)]
    found: dict[str, set[object]] = {}
    for one in await asyncio.gather(*turns):
        for number, address in one.items():
            found.setdefault(number, set()).add(address)
    assert {len(addresses) for addresses in found.values()} == {1}
    assert await notify_pool.fetchval("SELECT count(*) FROM address") == await notify_pool.fetchval("SELECT count(*) FROM gate") == 40  # fmt: skip


async def test_a_stop_that_one_round_takes_binds_the_messages_of_the_other(notify_pool: asyncpg.Pool) -> None:
    [phone] = numbers(1000, 1)
    await taken(notify_pool, IN_FRONT, [phone])
    stopping = LedgerConsent(SEALER, BEHIND)
    async with notify_pool.acquire() as conn, conn.transaction():
        address = await stopping.ensure(conn, "main", phone.e164)
        assert address == await stopping.find(conn, "main", phone.e164)
    assert await taken(notify_pool, IN_FRONT, [phone]) == {phone.e164: address}
