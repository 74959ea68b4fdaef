"""One message from the queue to the handset, and what the provider's answers make of it."""

import asyncpg

from tests.integration.notify.delivery.desk import desk


async def test_a_queued_notification_is_sent_once_and_its_receipts_are_kept(notify_pool: asyncpg.Pool) -> None:
    """From queued to delivered by callbacks; one message at the provider; the caller is told once."""
    async with desk(notify_pool) as d:
        one = await d.submit("+14155551001")
        row = await d.until(one, "delivered")
        sent = await d.at_provider("+14155551001")
        assert [m["sid"] for m in sent] == [row["last_sid"]]
        (attempt,) = await d.attempts(one)
        assert (attempt["state"], attempt["status"], attempt["sid"]) == ("accepted", "delivered", row["last_sid"])
        statuses = await notify_pool.fetch("SELECT status FROM receipt ORDER BY received_at")
        assert [r["status"] for r in statuses] == ["sent", "delivered"]
        assert [kind for kind, _ in await d.outcomes(one)] == ["ended"]
        assert row["consent_seqs"]
