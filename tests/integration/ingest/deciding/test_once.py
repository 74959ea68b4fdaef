"""An answer acts once: whoever is killed, however many act at once, whatever Stripe answers."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ingest_service.deciding import decision_store
from ingest_service.sealing import Sealer
from tests.e2e.pair import until
from tests.integration.ingest.deciding.desk import Desk
from tests.integration.ingest.deciding.replica import KEYS

ROOT = Path(__file__).parents[4]


async def asked(desk: Desk, *, authorised: bool = False) -> dict[str, str]:
    """A question about a payment is out, to a number that is known for long."""
    ids = desk.play("purchase_authorised" if authorised else "purchase")
    ids |= desk.play("review_opened")
    desk.known_since(ids["customer"])
    await desk.tell()
    await desk.say()
    return ids


async def replica(desk: Desk, url: str, crash_at: str = "") -> int:
    """One turn of a process of its own; how it ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.ingest.deciding.replica", url, desk.house.box.stripe_api_base,
        cwd=ROOT, env={**os.environ, "CRASH_AT": crash_at}, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(40):
        return await process.wait()


def effects(desk: Desk) -> list[tuple[str, str, bool]]:
    """What Stripe was asked: operation, key, and whether it was a repeat of what it had answered."""
    return [
        (one["operation"], "-".join(one["idempotency_key"].split("-")[2:]), one["replayed"])
        for one in desk.house.calls.found(method="POST")
    ]


@pytest.mark.parametrize("point", ["in.before_stripe_write", "in.after_stripe_write"])
@pytest.mark.parametrize("authorised", [False, True])
async def test_whoever_is_killed_at_stripe_is_followed_by_the_same_calls_with_the_same_keys(
    desk: Desk, ingest_database_url: str, point: str, authorised: bool
) -> None:
    desk.house.sealer = Sealer(KEYS)
    await desk.pool.execute("TRUNCATE rules_version")
    await desk.rules()
    ids = await asked(desk, authorised=authorised)
    await desk.answer("no")
    assert await replica(desk, ingest_database_url, point) == -signal.SIGKILL
    first = effects(desk)
    await desk.tell()  # Stripe's own events of what was done come before anybody takes over
    await desk.pool.execute("UPDATE decision SET leased_until = '-infinity' WHERE account_id = 'main'")
    await desk.decide()
    act = ("payment_intents.cancel", "cancel_payment-1") if authorised else ("refunds.create", "refund_as_fraud-1")
    repeated = [(*act, False), (*act, True)] if first else [(*act, False)]
    assert effects(desk) == [*repeated, ("radar.value_list_items.create", "block_card-1", False)]
    world = desk.stripe
    assert len(world.kinds.get("refund", [])) == (0 if authorised else 1)
    assert world.need(ids["payment_intent"])["status"] == ("canceled" if authorised else "succeeded")
    assert (await desk.decision())["state"] == "done"
    assert [each for each in desk.texts() if each[0] == "fraud_result"] == [
        ("fraud_result", "cancelled" if authorised else "refunded")
    ]


async def test_many_who_act_at_once_act_once(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    await asyncio.gather(*(desk.deciding().turn() for _ in range(6)))
    await desk.decide()
    assert [each[0] for each in effects(desk)] == ["refunds.create", "radar.value_list_items.create"]
    assert len(await desk.pool.fetch("SELECT 1 FROM fact WHERE account_id = 'main' AND kind = 'fraud_stopped'")) == 1


async def test_whoever_lost_the_lease_writes_no_end(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    desk.house.fail({"operation": "refunds.create", "act": "slow", "seconds": 1.0, "count": 1})
    slow = asyncio.ensure_future(desk.deciding().turn())

    async def begun() -> bool:
        return bool(desk.house.calls.found(method="POST"))

    await until(begun, 10)
    await desk.pool.execute("UPDATE decision SET leased_until = '-infinity' WHERE account_id = 'main'")
    await desk.deciding().turn()
    await slow
    trail = await desk.trail()
    assert trail.count("decided") == 1
    world = desk.stripe
    assert len(world.kinds["refund"]) == 1


@pytest.mark.parametrize(
    "act", ["500", "503", "429", "reset", "truncate", "html", "500_after", "503_after", "reset_after"]
)
async def test_trouble_at_stripe_is_met_with_the_same_key_later(desk: Desk, act: str) -> None:
    await asked(desk)
    await desk.answer("no")
    desk.house.fail({"operation": "refunds.create", "act": act, "count": 1})
    await desk.deciding().turn()
    row = await desk.decision()
    if row["state"] == "waiting":
        assert row["reason"].startswith("Stripe")
        await desk.pool.execute("UPDATE decision SET due_at = '-infinity' WHERE account_id = 'main'")
        await desk.decide()
    keys = {one["idempotency_key"] for one in desk.house.calls.found(operation="refunds.create")}
    assert len(keys) == 1
    world = desk.stripe
    done = len(world.kinds.get("refund", []))
    # a 500 is what Stripe answers to its key from then on: it is tried on, and then a person decides; money never moves twice
    state = (await desk.decision())["state"]
    assert (done, state) in ((1, "done"), (0, "waiting"))
    assert state == "done" or act == "500"


async def test_what_cannot_be_done_in_many_tries_a_person_decides(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    desk.house.fail({"operation": "refunds.create", "act": "500", "count": 100})
    await desk.pool.execute("UPDATE decision SET tries = 39 WHERE account_id = 'main'")
    await desk.deciding().turn()
    row = await desk.decision()
    assert (row["state"], row["outcome"]) == ("failed", "held")
    assert row["reason"].startswith("it was tried 40 times: Stripe")


async def test_what_stripe_refuses_a_person_decides_and_hears_why(desk: Desk) -> None:
    ids = await asked(desk, authorised=True)
    [checkout] = [
        one for one in desk.stripe.kinds["checkout.session"] if one["payment_intent"] == ids["payment_intent"]
    ]
    checkout["status"] = "open"  # Stripe lets nobody cancel the payment of an open session
    await desk.answer("no", "bare")
    await desk.decide()
    row = await desk.decision()
    assert (row["state"], row["outcome"]) == ("failed", "held")
    assert row["reason"] == "the answer was no, but Stripe refuses it (payment_intent_unexpected_state)"


async def test_stripe_cannot_be_read_and_nothing_is_done_until_it_can(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    desk.house.fail({"operation": "charges.retrieve", "act": "500", "count": 1})
    await desk.deciding().turn()
    assert effects(desk) == []
    assert (await desk.decision())["state"] == "waiting"
    await desk.pool.execute("UPDATE decision SET due_at = '-infinity' WHERE account_id = 'main'")
    await desk.decide()
    assert [each[0] for each in effects(desk)] == ["refunds.create", "radar.value_list_items.create"]


async def test_a_lease_that_was_taken_over_is_worth_nothing(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    loser, winner = uuid4(), uuid4()
    async with desk.pool.acquire() as conn:
        [row] = await decision_store.claim(conn, ["main"], 20, loser)
        assert await decision_store.claim(conn, ["main"], 20, winner) == []
        await conn.execute("UPDATE decision SET leased_until = '-infinity' WHERE account_id = 'main'")
        assert len(await decision_store.claim(conn, ["main"], 20, winner)) == 1
        challenge_id, now = row["challenge_id"], desk.clock.now()
        end: dict[str, Any] = {"state": "done", "outcome": "stopped", "reason": "", "further": None, "now": now}
        assert not await decision_store.begin(conn, "main", challenge_id, loser, [])
        assert not await decision_store.put_off(conn, "main", challenge_id, loser, "later")
        assert not await decision_store.end(conn, "main", challenge_id, loser, **end)
        assert await decision_store.begin(conn, "main", challenge_id, winner, [])
        assert await decision_store.end(conn, "main", challenge_id, winner, **end)
        assert not await decision_store.end(conn, "main", challenge_id, winner, **end)
