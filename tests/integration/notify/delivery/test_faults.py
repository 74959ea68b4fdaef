"""Whatever goes wrong between us and the provider, it holds one message for a notification. Counted in its own list."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.integration.notify.delivery.desk import Desk, desk

# What goes wrong, beside a created message in which half of the callbacks are lost anyway.
ACCEPTED = ["500_after", "503_after", "hang_after", "reset_after", "truncate"]
NEVER_ACCEPTED = ["500", "503", "reset", "close", "html", "hang"]
LOST = {"operation": "callback", "act": "lose"}


def create(act: str, to: str, **more: Any) -> dict[str, Any]:
    return {"operation": "messages.create", "act": act, "to": to, "count": 1, "seconds": 20, **more}


async def witness_of(d: Desk, notification: UUID) -> list[tuple[str, str | None]]:
    return [(a["state"], a["witness"]) for a in await d.attempts(notification)]


@pytest.mark.parametrize("act", ACCEPTED)
async def test_an_answer_that_was_lost_is_made_good_by_the_callback(notify_pool: asyncpg.Pool, act: str) -> None:
    """The message exists; the callback's address names the attempt."""
    async with desk(notify_pool) as d:
        d.faults(create(act, "1001"))
        one = await d.submit("+14155551001")
        row = await d.until(one, "delivered")
        assert not row["possible_duplicate"]
        assert await witness_of(d, one) == [("accepted", "callback")]
        assert len(await d.at_provider("+14155551001")) == 1


async def test_an_answer_and_all_callbacks_lost_are_made_good_by_a_late_listing(notify_pool: asyncpg.Pool) -> None:
    """Lists lag by up to a minute; the settle time is longer, so the first listing that counts shows it."""
    async with desk(notify_pool) as d:
        lag = {"operation": "messages.list", "act": "lag", "seconds": 60}
        d.faults(*(create(act, f"10{n:02}") for n, act in enumerate(ACCEPTED)), LOST, lag)
        ones = [await d.submit(f"+141555510{n:02}") for n in range(len(ACCEPTED))]
        for n, one in enumerate(ones):
            row = await d.until(one, "accepted", "sent", "delivered", seconds=30)
            assert not row["possible_duplicate"]
            assert await witness_of(d, one) == [("accepted", "listing")]
            sent = await d.at_provider(f"+141555510{n:02}")
            assert [m["sid"] for m in sent] == [row["last_sid"]]
        assert d.counted["resent"] == 0


async def test_what_the_provider_never_took_is_sent_once_more_and_marked(notify_pool: asyncpg.Pool) -> None:
    """Two late listings do not show it: then the same words go again, once."""
    async with desk(notify_pool) as d:
        d.faults(*(create(act, f"10{n:02}") for n, act in enumerate(NEVER_ACCEPTED)))
        ones = [await d.submit(f"+141555510{n:02}") for n in range(len(NEVER_ACCEPTED))]
        for n, one in enumerate(ones):
            row = await d.until(one, "delivered", seconds=40)
            assert row["possible_duplicate"]
            assert [state for state, _ in await witness_of(d, one)] == ["not_sent", "accepted"]
            assert len(await d.at_provider(f"+141555510{n:02}")) == 1
        assert d.counted["resent"] == len(NEVER_ACCEPTED)


async def test_a_failed_listing_is_not_an_empty_one(notify_pool: asyncpg.Pool) -> None:
    """While lists fail nothing is decided; when they work again, it is."""
    async with desk(notify_pool) as d:
        d.faults(create("500_after", "1001"), LOST, {"operation": "messages.list", "act": "500", "count": 3})
        one = await d.submit("+14155551001")
        row = await d.until(one, "accepted", "sent", "delivered", seconds=40)
        assert not row["possible_duplicate"]
        assert d.counted["resent"] == 0
        assert len(await d.at_provider("+14155551001")) == 1


async def test_without_any_callback_the_sweep_finds_the_end(notify_pool: asyncpg.Pool) -> None:
    """An accepted message is looked up by its id, and what that says ends it."""
    async with desk(notify_pool) as d:
        d.faults(LOST)
        one = await d.submit("+14155551001")
        await d.until(one, "accepted")
        await asyncio.sleep(0.2)
        await notify_pool.execute("UPDATE attempt SET check_at = clock_timestamp()")
        await d.until(one, "delivered")
        assert [kind for kind, _ in await d.outcomes(one)] == ["ended"]


@pytest.mark.parametrize("act", ["double", "early", "reorder", "delay"])
async def test_callbacks_in_any_order_and_number_end_the_same(notify_pool: asyncpg.Pool, act: str) -> None:
    """Receipts only move forward, and an early one finds the attempt's row."""
    async with desk(notify_pool) as d:
        d.faults({"operation": "callback", "act": act, "seconds": 10})
        ones = [await d.submit(f"+141555510{n:02}") for n in range(5)]
        for n, one in enumerate(ones):
            await d.until(one, "delivered")
            assert len(await d.at_provider(f"+141555510{n:02}")) == 1
            assert [kind for kind, _ in await d.outcomes(one)] == ["ended"]
        rows = await notify_pool.fetch("SELECT status, count(*) AS n FROM receipt GROUP BY status")
        assert {row["status"]: row["n"] for row in rows} == {"sent": 5, "delivered": 5} or act == "reorder"


async def test_too_many_requests_are_waited_out(notify_pool: asyncpg.Pool) -> None:
    """429 was not processed: it goes again, unmarked."""
    async with desk(notify_pool) as d:
        d.faults({"operation": "messages.create", "act": "429", "count": 2, "to": "1001"})
        one = await d.submit("+14155551001")
        row = await d.until(one, "delivered", seconds=15)
        assert not row["possible_duplicate"]
        assert [state for state, _ in await witness_of(d, one)] == ["not_sent", "not_sent", "accepted"]
        assert len(await d.at_provider("+14155551001")) == 1


async def test_a_provider_out_of_reach_leaves_everything_waiting(notify_pool: asyncpg.Pool) -> None:
    """No connection was up, so nothing was sent; when it is back, each goes once."""
    async with desk(notify_pool) as d:
        base = d.delivery._transport._base
        assert base is not None
        d.delivery._transport._base = base._replace(netloc="127.0.0.1:1")
        ones = [await d.submit(f"+141555510{n:02}") for n in range(3)]
        await d.halted("unreachable")
        d.delivery._transport._base = base
        for n, one in enumerate(ones):
            row = await d.until(one, "delivered")
            assert not row["possible_duplicate"]
            assert len(await d.at_provider(f"+141555510{n:02}")) == 1


async def test_what_meets_a_refused_connection_was_not_sent_and_goes_once_when_it_is_back(
    notify_pool: asyncpg.Pool,
) -> None:
    """Only where no connection ever was up nothing can have been sent: no listing is asked, nothing is marked."""
    async with desk(notify_pool) as d:
        d.faults({"operation": "messages.create", "act": "down", "seconds": 60, "count": 1})  # three of our seconds
        last = await d.submit("+14155551000")
        await d.until(last, "delivered")
        ones = [await d.submit(f"+141555510{n:02}") for n in range(1, 4)]
        await d.halted("unreachable")
        earlier: set[str] = set()
        for n, one in enumerate(ones, start=1):
            row = await d.until(one, "delivered", seconds=30)
            assert not row["possible_duplicate"]
            *before, (state, _) = await witness_of(d, one)
            assert state == "accepted"
            earlier |= {was for was, _ in before}
            assert len(await d.at_provider(f"+141555510{n:02}")) == 1
        assert earlier == {"not_sent"}
        assert not [asked for asked in await d.requests() if asked["method"] == "GET"]
        assert d.counted["resent"] == 0


async def test_refused_credentials_stop_the_account_and_lose_nothing(notify_pool: asyncpg.Pool) -> None:
    """Rows keep waiting, the halt is visible, and the first success lets everything go."""
    async with desk(notify_pool) as d:
        client = d.delivery.lines["main"].sending._client._client
        good = client.auth
        client.auth = (good[0], "wrong")
        ones = [await d.submit(f"+141555510{n:02}") for n in range(20)]
        await d.halted("credentials")
        assert {(await d.row(one))["state"] for one in ones} <= {"queued", "sending"}
        client.auth = good
        for one in ones:
            await d.until(one, "delivered")
        assert d.delivery.halted() == {}


async def test_refusals_act_by_their_code(notify_pool: asyncpg.Pool) -> None:
    """A bad number goes on to the call, an opt-out nowhere, and it stands in the ledger."""
    async with desk(notify_pool) as d:
        landline = await d.submit("+14155550114", channels=["sms", "voice"])
        nobody = await d.submit("+14155550111")
        stopped = await d.submit("+14155550110", channels=["sms", "voice"])
        await d.until(landline, "accepted", "sent", "delivered")
        assert [a["channel"] for a in await d.attempts(landline)] == ["sms", "voice"]
        (call,) = await d.at_provider("+14155550114")
        assert call["kind"] == "call"
        row = await d.until(nobody, "failed")
        assert (row["reason"], row["provider_code"]) == ("number_refused", 21211)
        row = await d.until(stopped, "suppressed")
        assert (row["reason"], row["provider_code"]) == ("opted_out", 21610)
        assert await d.stopped("+14155550110")
        assert len(await d.attempts(stopped)) == 1
        after = await d.submit("+14155550110")
        assert (await d.until(after, "suppressed"))["reason"] == "opted_out"
        assert await d.attempts(after) == []
        for one, kind in ((nobody, "ended"), (stopped, "ended"), (after, "ended")):
            assert [k for k, _ in await d.outcomes(one)] == [kind]


async def test_a_failure_after_acceptance_goes_back_to_the_caller(notify_pool: asyncpg.Pool) -> None:
    """Where another channel makes sense and the request asked for it; otherwise it is the end."""
    async with desk(notify_pool) as d:
        back = await d.submit("+14155550105", channels=["sms", "voice"])
        end = await d.submit("+14155550106")
        row = await d.until(back, "handed_back")
        assert (row["reason"], row["channels"]) == ("channel_failed", ["voice"])
        ((kind, payload),) = await d.outcomes(back)
        assert kind == "handed_back"
        assert payload["until"]
        row = await d.until(end, "undelivered")
        assert (row["reason"], row["provider_code"]) == ("carrier", 30006)


async def test_what_is_late_or_over_is_not_sent(notify_pool: asyncpg.Pool) -> None:
    """Past not_after, or the concern was cancelled after the truth was read."""
    async with desk(notify_pool) as d:
        now = d.clock.now()
        late = await d.submit("+14155551001", not_after=now)
        await notify_pool.execute(
            "INSERT INTO concern_cancel VALUES ('main', 'local', 'invoice:over', $1, $2)",
            now,
            d.clock.now().replace(year=2030),
        )
        over = await d.submit("+14155551002", concern="invoice:over", truth_read_at=now.replace(year=2025))
        assert (await d.until(late, "expired"))["reason"] == "expired"
        assert (await d.until(over, "cancelled"))["reason"] == "concern_cancelled"
        assert await d.at_provider("+14155551001") + await d.at_provider("+14155551002") == []
