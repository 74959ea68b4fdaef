"""Held facts looked at again: what Stripe says, what it does not say, and what comes while it is asked."""

import asyncio
import base64
import os
from dataclasses import replace
from typing import Any

import pytest

from ingest_service.sealing import Sealer, parse_keys
from paybell_sandbox.stripe import STRIPE
from tests.e2e.pair import until
from tests.integration.ingest.folding.house import House

GUEST: dict[str, Any] = {"guest": True, "phone": "+14155552671"}


def made(house: House, story: str, **given: Any) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Plays a story at the sandbox's Stripe, which can be asked about it afterwards."""
    ids, events = house.box.app[STRIPE].play(story, given)
    return ids, [event.envelope("2026-10-28.endive", connected=False) for event in events]


async def reasons(house: House) -> dict[str, str | None]:
    rows = await house.pool.fetch("SELECT fact_key, reason FROM fact WHERE account_id = 'main'")
    return {row["fact_key"]: row["reason"] for row in rows}


def numbers(details: dict[str, Any]) -> list[str]:
    return [one["number"] for one in details["person"]["addresses"]]


@pytest.mark.parametrize("charge_heard_first", [True, False])
async def test_a_guests_refund_reaches_the_number_of_the_purchase_whichever_events_came(
    house: House, charge_heard_first: bool
) -> None:
    _, bought = made(house, "purchase", **GUEST)
    refund, refunded = made(house, "refund_full")
    if charge_heard_first:
        await house.arrive(bought)
        await house.fold()
    await house.arrive(refunded)
    await house.fold()
    await house.look_up()
    assert numbers(await house.details(f"refund_issued:{refund['refund']}")) == ["+14155552671"]


async def test_no_number_or_name_stands_in_plain_text_of_what_is_known(house: House) -> None:
    made(house, "purchase", **GUEST, name="Zanzibar Unicorn")
    _, refunded = made(house, "refund_full")
    await house.arrive(refunded)
    await house.fold()
    await house.look_up()
    rows = await house.pool.fetch("SELECT * FROM subject WHERE account_id = 'main'")
    assert any(row["contact"] is not None for row in rows)
    plain = " ".join(str({**row, "contact": None}) for row in rows)
    assert "4155552671" not in plain
    assert "Zanzibar" not in plain


async def test_an_event_that_tells_more_while_stripe_is_asked_is_not_overwritten(house: House) -> None:
    _, bought = made(house, "purchase", **GUEST)
    [payment] = [event for event in bought if event["type"] == "payment_intent.succeeded"]
    [charge] = [event for event in bought if event["type"] == "charge.succeeded"]
    await house.arrive([payment])
    await house.fold()
    house.fail({"operation": "invoice_payments.list", "act": "slow", "seconds": 1.0, "count": 1})
    looking = asyncio.ensure_future(house.lookup().turn())

    async def asked() -> bool:
        return bool(house.calls.found(method="GET"))

    await until(asked, 10)
    await house.arrive([charge])
    await house.fold()
    await looking
    await house.due_now()
    await house.look_up()
    key = f"payment_succeeded:{payment['data']['object']['id']}"
    assert (await house.facts())[key] == "ready"
    assert numbers(await house.details(key)) == ["+14155552671"]


async def test_a_fact_that_cannot_be_read_stands_in_nobodys_way_and_is_given_up_visibly(house: House) -> None:
    for _ in range(2):
        _, bought = made(house, "purchase", **GUEST)
        await house.arrive([event for event in bought if event["type"] == "payment_intent.succeeded"])
    await house.fold()
    spoiled, healthy = sorted(await house.facts())
    await house.pool.execute("UPDATE fact SET details = '\\x00' WHERE account_id = 'main' AND fact_key = $1", spoiled)
    for _ in range(10):
        await house.lookup().turn()
        await house.due_now()
    facts = await house.facts()
    assert (facts[spoiled], facts[healthy]) == ("dropped", "ready")
    assert "cannot be read" in str((await reasons(house))[spoiled])


async def test_what_was_sealed_with_a_key_that_is_missing_waits_for_it_however_long(house: House) -> None:
    bought_ids, bought = made(house, "purchase", **GUEST)
    await house.arrive(bought)
    other = Sealer(parse_keys(f"k2:{base64.b64encode(os.urandom(32)).decode()}"))
    without = replace(house, sealer=other)
    for _ in range(12):
        await without.fold()
        await house.due_now()
    states = await house.pool.fetch(
        "SELECT DISTINCT state, tries FROM event WHERE account_id = 'main' AND state <> 'ignored'"
    )
    assert [(row["state"], row["tries"]) for row in states] == [("received", 0)]
    await house.fold()
    await house.look_up()
    assert (await house.facts())[f"payment_succeeded:{bought_ids['payment_intent']}"] == "ready"


async def test_a_customer_that_stripe_does_not_show_is_written_to_at_the_number_of_the_bill(house: House) -> None:
    ids, events = made(house, "renewal_fails")
    house.fail({"operation": "customers.retrieve", "act": "500"})
    [failed] = [event for event in events if event["type"] == "invoice.payment_failed"]
    await house.arrive([failed])
    await house.fold()
    key = f"payment_failed:{ids['invoice']}:1"
    for _ in range(3):
        assert (await house.facts())[key] == "held"
        await house.lookup().turn()
        await house.due_now()
    await house.look_up()
    assert (await house.facts())[key] == "ready"
    assert numbers(await house.details(key)) == [failed["data"]["object"]["customer_phone"]]


async def test_a_fact_that_waited_too_long_says_what_it_waited_for(house: House) -> None:
    _, bought = made(house, "purchase", **GUEST)
    [payment] = [event for event in bought if event["type"] == "payment_intent.succeeded"]
    house.fail({"operation": "invoice_payments.list", "act": "500"})
    await house.arrive([payment])
    await house.fold()
    await house.lookup().turn()
    await house.pool.execute("UPDATE fact SET occurred_at = occurred_at - interval '2 days' WHERE account_id = 'main'")
    await house.due_now()
    await house.look_up()
    [(key, reason)] = (await reasons(house)).items()
    assert (await house.facts())[key] == "dropped"
    assert "Stripe cannot be reached" in str(reason)


async def test_a_slow_stripe_is_no_standstill_and_holds_up_nobody_who_needs_no_answer(house: House) -> None:
    _, bought = made(house, "purchase", **GUEST)
    ids, renewed = made(house, "renewal_paid")
    await house.arrive([event for event in (*bought, *renewed) if event["type"] == "payment_intent.succeeded"])
    await house.fold()
    await house.arrive([event for event in renewed if event["type"] == "invoice_payment.paid"])
    await house.fold()
    house.fail({"operation": "invoice_payments.list", "act": "slow", "seconds": 4.0})
    beats: list[str] = []
    looking = asyncio.ensure_future(house.lookup(lambda: beats.append("beat")).turn())

    async def dropped() -> bool:
        return (await house.facts())[f"payment_succeeded:{ids['payment_intent']}"] == "dropped"

    await until(dropped, 10)
    assert not looking.done()
    await looking
    assert len(beats) >= 3


async def test_two_who_learn_of_a_customer_at_once_forget_nothing(house: House) -> None:
    told = [
        {"id": f"evt_{number}", "object": "event", "type": "customer.updated", "created": 100 + number, "livemode": False,
         "data": {"object": {"id": "cus_1", "object": "customer", "phone": f"+1415555267{number}"}}}
        for number in range(6)
    ]  # fmt: skip
    await house.arrive(told)
    await house.fold(workers=6, most=1)
    plain = await house.pool.fetchrow("SELECT * FROM customer WHERE account_id = 'main'")
    assert plain is not None
    stored = house.sealer.open(plain["data_key_id"], plain["ciphertext"], "customer|main|cus_1")
    assert b'["+14155552675","customer.phone","",' in stored
    assert b",true]" in stored  # it replaced another, whoever folded which event


UNPAID = """
SELECT subject_id FROM subject WHERE account_id = $1 AND kind = 'invoice' AND facts->>'subscription' = ANY($2)
AND status NOT IN ('paid', 'void')
"""
HELD = "UPDATE fact SET due_at = now() WHERE account_id = $1 AND state = 'held' AND subject_id = ANY($2)"


@pytest.mark.parametrize(
    ("statement", "wanted", "index"), [(UNPAID, "sub_1", "subject_unpaid"), (HELD, "pi_1", "fact_held")]
)
async def test_what_belongs_together_is_found_by_an_index(
    house: House, statement: str, wanted: str, index: str
) -> None:
    async with house.pool.acquire() as conn, conn.transaction():
        await conn.execute(
            """INSERT INTO subject (account_id, subject_id, kind, status, as_of, facts)
               SELECT 'main', 'in_' || n, 'invoice', CASE WHEN n % 50 = 0 THEN 'open' ELSE 'paid' END, now(),
                      jsonb_build_object('subscription', 'sub_' || n) FROM generate_series(1, 20000) AS n"""
        )
        await conn.execute(
            """INSERT INTO fact (account_id, fact_key, kind, concern, subject_id, lane, occurred_at, event_id, state, due_at, data_key_id, details)
               SELECT 'main', 'payment_failed:pi_' || n, 'payment_failed', 'payment:pi_' || n || '/unpaid', 'pi_' || n, 2, now(), 'evt',
                      'held', now(), 'k', '' FROM generate_series(1, 20000) AS n"""
        )
        await conn.execute("ANALYZE subject, fact")
        plan = "\n".join(row[0] for row in await conn.fetch(f"EXPLAIN {statement}", "main", [wanted]))
    assert index in plan
    assert "Seq Scan" not in plan
