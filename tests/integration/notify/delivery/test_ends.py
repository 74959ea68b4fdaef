"""Ends that no call brings: usefulness that ran out, senders that are gone, witnesses that come too late."""

from typing import Any

import asyncpg
import pytest

from notify_service.accounts import Sender
from tests.integration.notify.delivery.desk import Desk, account, desk, eventually


async def _late(d: Desk) -> int:
    return d.counted["accepted_late"]


async def _calls(d: Desk) -> list[Any]:
    return [r for r in await d.requests() if r["path"].endswith("/Calls.json") and r["method"] == "POST"]


async def test_what_waits_behind_a_halt_expires_all_the_same(notify_pool: asyncpg.Pool) -> None:
    """The claim never meets it, and it must not be sent when the halt is over."""
    async with desk(notify_pool) as d:
        client = d.delivery.lines["main"].sending._client._client
        good = client.auth
        client.auth = (good[0], "wrong")
        first = await d.submit("+14155551001")
        await d.halted("credentials")
        late = await d.submit("+14155551002", not_after=d.clock.now())
        assert (await d.until(late, "expired"))["reason"] == "expired"
        assert [kind for kind, _ in await d.outcomes(late)] == ["ended"]
        client.auth = good
        await d.until(first, "delivered")
        assert await d.at_provider("+14155551002") == []


async def test_rows_of_a_sender_that_is_gone_find_the_new_one_or_fail(notify_pool: asyncpg.Pool) -> None:
    """A renamed sender strands nothing; a channel that nobody serves any more is said to be so."""
    async with desk(notify_pool) as d:
        renamed = await d.submit("+14155551001", sender="old-sms")
        nobody = await d.submit("+14155551002", sender="whatsapp", channels=["whatsapp"])
        await d.until(renamed, "delivered")
        assert (await d.until(nobody, "failed"))["reason"] == "sender_misconfigured"


async def test_a_witness_later_than_every_bound_shows_the_double(notify_pool: asyncpg.Pool) -> None:
    """The provider's list lagged beyond any bound and its callback came after the resend: both are marked and counted."""
    async with desk(notify_pool) as d:
        d.faults(
            {"operation": "messages.create", "act": "500_after", "count": 1},
            {"operation": "messages.list", "act": "lag", "seconds": 10_000},
            {"operation": "callback", "act": "delay", "seconds": 240, "count": 2},
        )
        one = await d.submit("+14155551001")
        await d.until(one, "delivered", seconds=30)
        await eventually(lambda: _late(d), 30)
        first, second = await d.attempts(one)
        assert (first["state"], second["state"]) == ("accepted", "accepted")
        assert first["accepted_late"]
        assert first["possible_duplicate"]
        assert (await d.row(one))["possible_duplicate"]
        assert d.counted["possible_duplicate"] == 1
        assert len(await d.at_provider("+14155551001")) == 2  # the one exception there is, noticed


async def test_what_must_not_be_repeated_is_held_for_a_person(notify_pool: asyncpg.Pool) -> None:
    """A call that may have been made, and a request that says so."""
    async with desk(notify_pool) as d:
        d.faults({"operation": "calls.create", "act": "500"}, {"operation": "messages.create", "act": "500"})
        call = await d.submit("+14155551001", channels=["voice"], sender="voice")
        text = await d.submit("+14155551002", if_unresolved="hold")
        for one in (call, text):
            row = await d.until(one, "held", seconds=30)
            assert row["reason"] == "outcome_unknown"
            assert len(await d.attempts(one)) == 1


async def test_late_evidence_settles_what_is_held(notify_pool: asyncpg.Pool) -> None:
    """Its callback comes when a person already has to decide: then nobody has to any more, and nothing is sent again."""
    async with desk(notify_pool) as d:
        d.faults(
            {"operation": "messages.create", "act": "500_after"},
            {"operation": "messages.list", "act": "lag", "seconds": 10_000},
            {"operation": "callback", "act": "delay", "seconds": 240},
        )
        one = await d.submit("+14155551001", if_unresolved="hold")
        await d.until(one, "held", seconds=30)
        row = await d.until(one, "delivered", seconds=30)
        assert row["reason"] is None
        (attempt,) = await d.attempts(one)
        assert (attempt["state"], attempt["witness"], attempt["accepted_late"]) == ("accepted", "callback", True)
        assert len(await d.at_provider("+14155551001")) == 1


async def test_a_call_whose_answer_was_lost_is_found_in_the_list_of_calls(notify_pool: asyncpg.Pool) -> None:
    """Calls carry no words: number, sender and time must do."""
    async with desk(notify_pool) as d:
        d.faults(
            {"operation": "calls.create", "act": "500_after", "count": 1}, {"operation": "callback", "act": "lose"}
        )
        call = await d.submit("+14155551001", channels=["voice"], sender="voice")
        await d.until(call, "accepted", "sent", "delivered", "undelivered", seconds=30)
        (attempt,) = await d.attempts(call)
        (made,) = await d.at_provider("+14155551001")
        assert attempt["sid"] == made["sid"]


async def test_what_a_call_says_it_says_twice(notify_pool: asyncpg.Pool) -> None:
    """Inline, escaped by the SDK; with a key to hear it again or to stop calls."""
    async with desk(notify_pool) as d:
        await d.submit("+14155551001", channels=["voice"], sender="voice")
        (made,) = await eventually(lambda: _calls(d))
        twiml = dict(made["form"])["Twiml"]
        assert twiml.count("your payment failed") == 2
        assert twiml.count("Press 9 to hear this again.") == 2


@pytest.mark.parametrize("webhooks", [True, False])
async def test_two_accounts_share_nothing(notify_pool: asyncpg.Pool, webhooks: bool) -> None:
    """The same person in both: a stop to one closes only its own gate, and the other goes on writing. Each has its own message."""
    senders = (Sender("sms", "sms", "", "+14155550101"),)
    async with desk(notify_pool, webhooks=webhooks, accounts=[account(), account("other", senders=senders)]) as d:
        phone = "+14155551001"
        ours = await d.submit(phone)
        theirs = await d.submit(phone, account_id="other")
        await d.until(ours, "delivered")
        await d.until(theirs, "delivered")
        assert len(await d.at_provider(phone)) == 2
        await d.reply(phone, "STOP")
        stopped = await eventually(lambda: notify_pool.fetch("SELECT account_id FROM gate WHERE stopped"))
        assert [row["account_id"] for row in stopped] == ["main"]
        after = await d.submit(phone, account_id="other")
        await d.until(after, "delivered")
        assert (await d.until(await d.submit(phone), "suppressed"))["reason"] == "opted_out"
        assert len(await d.at_provider(phone)) == 3
