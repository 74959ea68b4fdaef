"""One message from the queue to the handset, and what the provider's answers make of it."""

import asyncpg
import structlog

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


async def test_a_message_that_needs_no_consent_names_none_and_is_sent(notify_pool: asyncpg.Pool) -> None:
    """Somebody who works here: the policy allows it, no entry of the ledger does."""
    async with desk(notify_pool) as d:
        await d.number("+14155551001", granted=())
        one = await d.submit("+14155551001", role="team", message_class="team", person_id="team:finance:ada")
        row = await d.until(one, "delivered")
        assert row["consent_seqs"] == []


async def test_what_became_of_a_message_is_logged_and_counted_once(notify_pool: asyncpg.Pool) -> None:
    """A line for the call, one for each receipt, one for the end; and one for what ran out of time without a call."""
    with structlog.testing.capture_logs() as lines:
        async with desk(notify_pool) as d:
            good, bad = await d.submit("+14155551001"), await d.submit("+14155550106")
            await d.until(good, "delivered")
            await d.until(bad, "undelivered")
            held = await d.submit("+14155551002", wake=False)
            await notify_pool.execute(
                "UPDATE notification SET state = 'held', due_at = NULL, not_after = now() WHERE notification_id = $1",
                held,
            )
            await d.until(held, "expired")
    told = [(one["event"], one.get("status") or one.get("state") or one.get("outcome")) for one in lines]
    for event, what in (
        ("attempt.called", "accepted"),
        ("receipt", "sent"),
        ("receipt", "delivered"),
        ("notification.ended", "delivered"),
        ("receipt", "undelivered"),
        ("notification.ended", "undelivered"),
        ("notification.ended", "expired"),
    ):
        assert (event, what) in told
    assert [one["code"] for one in lines if one.get("state") == "undelivered"] == [30006]
    assert [one["count"] for one in lines if one["event"] == "expiry.batch"] == [1]
    ends = {name: d.counted[f"ended{{{name}}}"] for name in ("code=0,state=delivered", "code=30006,state=undelivered")}
    assert set(ends.values()) == {1}
    assert d.counted["receipt{code=30006,status=undelivered}"] == 1
