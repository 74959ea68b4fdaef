"""Replies through signed webhooks, and through polling where no webhook reaches us."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from notify_service.consent import ledger
from notify_service.replies.reply import Reply
from paybell_sandbox.twilio.network import NETWORK
from tests.integration.notify.delivery.desk import FINDER, FROM, Desk, desk, eventually

PHONE = "+14155551001"


async def handled(d: Desk, count: int) -> list[Any]:
    """Every reply, once so many have been acted on."""

    async def enough() -> bool:
        return bool(
            await d.pool.fetchval("SELECT count(*) >= $1 FROM inbound WHERE state IN ('done', 'set_aside')", count)
        )

    await eventually(enough)
    return list(await d.pool.fetch("SELECT * FROM inbound ORDER BY received_at"))


async def entries(d: Desk, number: str) -> list[tuple[str, str, str, str]]:
    rows = await d.pool.fetch(
        """SELECT e.channel, e.category, e.verdict, e.source FROM consent_entry e JOIN address a USING (account_id, address_id)
           WHERE a.lookup_hash = $1 AND e.actor = 'recipient' ORDER BY e.seq""",
        FINDER.hash(number),
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("webhooks", [True, False])
async def test_a_stop_closes_everything_and_a_start_opens_its_channel(
    notify_pool: asyncpg.Pool, webhooks: bool
) -> None:
    """On all channels and in all categories; back only for transactional texts. The same by webhook and by polling."""
    async with desk(notify_pool, webhooks=webhooks) as d:
        await d.reply(PHONE, "Stop")
        (row,) = await handled(d, 1)
        assert (row["state"], row["meaning"]) == ("done", "stop")
        assert await d.stopped(PHONE)  # although nobody had ever written to this number
        one = await d.submit(PHONE)
        assert (await d.until(one, "suppressed"))["reason"] == "opted_out"
        await asyncio.sleep(1.1)  # Twilio's dates are whole seconds, and of equal ones the stop wins
        await d.reply(PHONE, "START")
        await handled(d, 2)
        assert await entries(d, PHONE) == [
            ("all", "all", "revoked", "keyword"),
            ("sms", "transactional", "granted", "keyword"),
        ]
        two = await d.submit(PHONE)
        await d.until(two, "delivered")
        call = await d.submit(PHONE, channels=["voice"], sender="voice")
        assert (await d.until(call, "suppressed"))["reason"] == "opted_out"
        advert = await d.submit(PHONE, message_class="marketing", lane=4)
        assert (await d.until(advert, "suppressed"))["reason"] == "opted_out"
        address_id = await d.number(PHONE)
        async with notify_pool.acquire() as conn:
            assert await ledger.verify(conn, "main", address_id)
        assert len(await d.at_provider(PHONE)) == 1


async def test_help_and_answers_are_noted_and_change_no_consent(notify_pool: asyncpg.Pool) -> None:
    """A bare YES is an answer, not consent."""
    async with desk(notify_pool) as d:
        for word in ("HELP", "yes", "please stop texting me"):
            await d.reply(PHONE, word)
        rows = await handled(d, 3)
        assert sorted(row["meaning"] for row in rows) == ["help", "other", "other"]
        assert await entries(d, PHONE) == []


async def test_the_order_of_writing_decides_not_the_order_of_arrival(notify_pool: asyncpg.Pool) -> None:
    """A start that overtook its stop stands; a start that was written before the stop does not; of equal dates the stop wins."""
    base = datetime.now(UTC).replace(microsecond=0)
    later = base + timedelta(seconds=5)
    cases = [
        (stop_at, start_at, allowed, first)
        for stop_at, start_at, allowed in ((base, later, True), (later, base, False), (base, base, False))
        for first in ("STOP", "START")
    ]
    async with desk(notify_pool) as d:
        for number, (stop_at, start_at, allowed, first) in enumerate(cases):
            phone = f"+1415555{2000 + number}"
            for word in (first, "START" if first == "STOP" else "STOP"):
                message = d.box.app[NETWORK].receive_message(sender=phone, to=FROM, body=word)
                message.created = stop_at if word == "STOP" else start_at
                await d.replies.take("main", Reply(message.sid, "sms", phone, FROM, word))
                await handled(d, len(await notify_pool.fetch("SELECT 1 FROM inbound")))
            one = await d.submit(phone)
            row = await d.until(one, "delivered", "suppressed")
            assert (row["state"] == "delivered") == allowed, (first, stop_at, start_at)


async def test_a_reply_that_cannot_be_handled_is_set_aside_and_blocks_nobody(notify_pool: asyncpg.Pool) -> None:
    """After eight tries, with its reason."""
    async with desk(notify_pool, start=False) as d:
        await d.replies.take("main", Reply("SM" + "1" * 32, "sms", PHONE, FROM, "hi"))
        await notify_pool.execute("UPDATE inbound_payload SET ciphertext = 'garbage'::bytea || repeat('x', 40)::bytea")
        await d.replies.take("main", Reply("SM" + "2" * 32, "sms", PHONE, FROM, "STOP"))
        for _ in range(8):
            await d.replies.desks["main"].replies.turn()
            await notify_pool.execute("UPDATE inbound SET due_at = '-infinity'")
        rows = {r["sid"][2]: r for r in await notify_pool.fetch("SELECT * FROM inbound")}
        assert (rows["1"]["state"], rows["1"]["detail"]) == ("set_aside", "UnsealableError")
        assert rows["2"]["state"] == "done"
        assert await d.stopped(PHONE)


async def test_without_a_public_address_statuses_are_polled(notify_pool: asyncpg.Pool) -> None:
    """No callback is asked for, and the message still comes to its end."""
    async with desk(notify_pool, webhooks=False) as d:
        one = await d.submit(PHONE)
        await d.until(one, "delivered", seconds=30)
        creates = [r for r in await d.requests() if r["method"] == "POST"]
        assert creates
        assert not [name for r in creates for name, _ in r["form"] if name == "StatusCallback"]
        assert len(await d.at_provider(PHONE)) == 1
