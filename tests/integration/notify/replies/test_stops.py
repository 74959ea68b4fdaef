"""A stop closes its gate, whatever hangs, fails or is unreadable beside it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import structlog

from notify_service.delivery.listed import Listed
from notify_service.delivery.service import sending_bell
from notify_service.delivery.twilio_client import ReadFailedError, TwilioClient
from notify_service.replies.reply import Reply
from tests.integration.notify.delivery.desk import FROM, Desk, desk, eventually

PHONE, OTHER, THIRD = "+14155551001", "+14155551002", "+14155551003"
SIDS = iter(f"SM{number:032x}" for number in range(1, 1000))


class HangingTwilio:
    """Look-ups that never come back; set when the first one is under way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = asyncio.Event()
        monkeypatch.setattr(TwilioClient, "look_up", self.look_up)

    async def look_up(self, *_: Any) -> Listed:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError


async def took(d: Desk, sender: str, words: str, provider_at: datetime | None = None) -> str:
    """A reply, stored."""
    sid = next(SIDS)
    await d.replies.take("main", Reply(sid, "sms", sender, FROM, words, "", provider_at))
    return sid


async def handle(d: Desk) -> int:
    """One turn of the handling, whatever was put off included."""
    await d.pool.execute("UPDATE inbound SET due_at = '-infinity' WHERE state = 'received'")
    return await d.replies.desks["main"].replies.turn()


async def date(d: Desk) -> int:
    """One turn of the dating."""
    await d.pool.execute("UPDATE inbound SET due_at = '-infinity' WHERE state = 'undated'")
    return await d.replies.desks["main"].dating.turn()


async def state(d: Desk, sid: str) -> str:
    """Where a reply stands."""
    return str(await d.pool.fetchval("SELECT state FROM inbound WHERE sid = $1", sid))


async def test_a_stop_closes_its_gate_without_asking_anybody(
    notify_pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although a start of that number was there within the day, so that dates would order them."""
    async with desk(notify_pool, start=False) as d:
        twilio = HangingTwilio(monkeypatch)
        await took(d, PHONE, "START")
        await took(d, PHONE, "STOP")
        async with asyncio.timeout(10):
            assert await handle(d) == 2
        assert await d.stopped(PHONE)
        assert not twilio.asked.is_set()


async def test_a_stop_while_a_call_waits_lets_nobody_be_called(notify_pool: asyncpg.Pool) -> None:
    """A STOP by text ends calls, too: the one that is queued, and the text that stands behind it."""
    async with desk(notify_pool) as d:
        due = d.clock.now() + timedelta(hours=1)
        call = await d.submit(PHONE, channels=["voice", "sms"], sender="voice", due_at=due, wake=False)
        await d.reply(PHONE, "STOP")
        await eventually(lambda: d.stopped(PHONE))
        d.clock.offset = timedelta(hours=1, seconds=1)
        d.bells[sending_bell("main")].ring()
        row = await d.until(call, "suppressed")
        assert row["reason"] == "opted_out"
        assert await d.attempts(call) == []
        assert not [
            one
            for one in await d.requests()
            if one["path"].endswith(("Calls.json", "Messages.json")) and one["method"] == "POST"
        ]


async def test_a_look_up_that_hangs_holds_up_nobody_elses_reply(
    notify_pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's start waits for dates that never come; another's stop, answer and start do not."""
    async with desk(notify_pool) as d:
        twilio = HangingTwilio(monkeypatch)
        await took(d, PHONE, "STOP")
        await took(d, PHONE, "START")
        async with asyncio.timeout(10):
            await twilio.asked.wait()
        stop = await took(d, OTHER, "STOP")
        answer = await took(d, OTHER, "thank you")
        start = await took(d, THIRD, "START")

        async def all_done() -> bool:
            return {await state(d, sid) for sid in (stop, answer, start)} == {"done"}

        await eventually(all_done)
        assert await d.stopped(OTHER)
        assert await d.stopped(PHONE)  # and until the dates are there, closed is closed


async def test_a_stop_is_never_given_up_and_says_so_each_time(notify_pool: asyncpg.Pool) -> None:
    """Its number cannot be read for hours, as without its data key; with the key back it is done at once."""
    async with desk(notify_pool, start=False) as d:
        sid = await took(d, PHONE, "STOP")
        right = await notify_pool.fetchval("SELECT ciphertext FROM inbound_payload")
        await notify_pool.execute("UPDATE inbound_payload SET ciphertext = $1", b"x" * 60)
        with structlog.testing.capture_logs() as said:
            for _ in range(30):
                await handle(d)
        assert await state(d, sid) == "received"
        assert [(line["event"], line["log_level"]) for line in said] == [("reply.stop_not_done", "error")] * 30
        await notify_pool.execute("UPDATE inbound_payload SET ciphertext = $1", right)
        await handle(d)
        assert await state(d, sid) == "done"
        assert await d.stopped(PHONE)


async def test_what_failed_is_tried_again_ever_later_but_within_two_minutes(notify_pool: asyncpg.Pool) -> None:
    """It does not take the turns of others, and is never long behind a repair."""
    async with desk(notify_pool, start=False) as d:
        await took(d, PHONE, "STOP")
        await notify_pool.execute("UPDATE inbound_payload SET ciphertext = $1", b"x" * 60)
        waits = []
        for _ in range(12):
            await handle(d)
            assert await d.replies.desks["main"].replies.turn() == 0  # not due
            waits.append(
                await notify_pool.fetchval("SELECT extract(epoch FROM due_at - clock_timestamp()) FROM inbound")
            )
        assert waits == sorted(waits) or max(waits) <= 120
        assert float(waits[0]) < 3
        assert 100 < float(waits[-1]) <= 120


async def test_a_reply_from_before_its_meaning_was_stored_may_be_a_stop_and_is_kept(notify_pool: asyncpg.Pool) -> None:
    async with desk(notify_pool, start=False) as d:
        sid = await took(d, PHONE, "hello")
        await notify_pool.execute("UPDATE inbound SET meaning = NULL")
        await notify_pool.execute("UPDATE inbound_payload SET ciphertext = $1", b"x" * 60)
        for _ in range(10):
            await handle(d)
        assert await state(d, sid) == "received"


async def test_dates_that_cannot_be_had_leave_it_to_the_order_of_arrival(
    notify_pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After five tries; until then the gate stays closed."""

    async def fail(*_: Any) -> Listed:
        raise ReadFailedError("TimeoutError")

    async with desk(notify_pool, start=False) as d:
        monkeypatch.setattr(TwilioClient, "look_up", fail)
        await took(d, PHONE, "STOP")
        start = await took(d, PHONE, "START")
        await handle(d)
        for _ in range(4):
            assert await date(d) == 0
            assert await state(d, start) == "undated"
            assert await d.stopped(PHONE)
        assert await date(d) == 1
        assert await state(d, start) == "done"
        one = await d.submit(PHONE)
        d.delivery.start(d.loops)
        await d.until(one, "delivered")


async def test_a_stop_that_comes_after_its_start_was_opened_asks_anew_and_keeps_the_gate_closed_meanwhile(
    notify_pool: asyncpg.Pool,
) -> None:
    """The start was written later, but overtook the stop: it stands in the end, and not a moment before."""
    noon = datetime.now(UTC).replace(microsecond=0)
    async with desk(notify_pool, start=False) as d:
        start = await took(d, PHONE, "START", noon)
        await handle(d)
        await took(d, PHONE, "STOP", noon.replace(year=noon.year - 1))
        await handle(d)
        assert await d.stopped(PHONE)
        assert await state(d, start) == "undated"
        assert await date(d) == 1
        rows = await notify_pool.fetch("SELECT verdict FROM consent_entry WHERE actor = 'recipient' ORDER BY seq")
        assert [row["verdict"] for row in rows] == ["granted", "revoked", "granted"]


async def test_stops_and_starts_are_counted_as_they_come(notify_pool: asyncpg.Pool) -> None:
    """Once each, however often the provider repeats them."""
    async with desk(notify_pool, start=False) as d:
        for words in ("STOP", "STOP", "START", "hello"):
            reply = Reply(next(SIDS), "sms", PHONE, FROM, words)
            await d.replies.take("main", reply)
            await d.replies.take("main", reply)
        counted = {name: d.counted[f"reply{{meaning={name}}}"] for name in ("stop", "start", "other")}
        assert counted == {"stop": 2, "start": 1, "other": 1}
