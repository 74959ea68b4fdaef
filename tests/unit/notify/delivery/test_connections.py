"""How many connections to the provider there may be."""

from dataclasses import replace

import asyncpg

from notify_service.accounts import Sender
from tests.integration.notify.delivery.desk import FROM, MovableClock, account, wired


async def test_no_call_that_has_a_slot_waits_for_a_connection() -> None:
    """Slots are each sender's own; looks and listings take none of their connections."""
    senders = tuple(Sender(f"sms-{n}", "sms", f"brand_{n}" if n else "", FROM) for n in range(7))
    accounts = {one: replace(account(one), senders=senders) for one in ("main", "live")}
    pool: asyncpg.Pool | None = None
    _, delivery, _ = wired(
        pool, MovableClock(), accounts, "http://127.0.0.1:9", None, slots=64, count=lambda _what, _labels, _by: None
    )
    connector = delivery._transport.session.connector
    assert connector is not None
    assert connector.limit > 2 * 7 * 64
    await delivery.close()
