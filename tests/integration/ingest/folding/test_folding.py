"""Folding on real PostgreSQL: what becomes of stored events, whoever folds them and in whatever order."""

import random
from dataclasses import replace
from typing import Any

import pytest

from ingest_service.clock import Clock
from ingest_service.database import shipped
from ingest_service.folding import fold as fold_module
from ingest_service.folding.loop import FoldingLoop
from ingest_service.inbox import store
from ingest_service.planning import rules_store
from ingest_service.planning.planning import Planning
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.stripe_reads import reading
from ingest_service.wake import Bells
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.stripe.telling import tell
from tests.integration.ingest.folding.house import NOW, House, story

DAY = 86_400


@pytest.mark.parametrize("version", ["2025-02-24.acacia", "2026-10-28.endive"])
async def test_a_failed_bill_is_one_fact_however_its_events_come_and_whoever_folds_them(
    house: House, version: str
) -> None:
    chance = random.Random(version)
    expected = {}
    for seed in range(20):
        told, envelopes = story("renewal_fails", version, seed=seed)
        shuffled = envelopes + chance.choices(envelopes, k=4)
        chance.shuffle(shuffled)
        await house.arrive(shuffled)
        expected[f"payment_failed:{told.ids['invoice']}:1"] = told
    await house.fold(workers=3, most=7)
    facts = await house.facts()
    bills = {key for key in facts if key.split(":")[1].startswith("in_")}
    assert bills == set(expected)


async def test_a_payment_whose_shape_does_not_name_its_bill_is_asked_for_once(house: House) -> None:
    async with running_sandbox(SandboxSettings(listen="127.0.0.1:0")) as box:
        ids, made = box.app[STRIPE].play("renewal_paid", {})
        told = [event.envelope("2026-10-28.endive", connected=False) for event in made]
        async with reading(house.pool, house.accounts, api_base=box.stripe_api_base, per_second=100) as reads:
            joined = {"invoice_payment.paid", "invoice.paid", "invoice.payment_succeeded"}
            await house.arrive([event for event in told if event["type"] not in joined])
            await house.fold()
            await replace(house, reads=reads).look_up()
        asked = [call["path"] for call in box.app[STRIPE].api.log.found(method="GET")]
    facts = await house.facts()
    assert facts[f"payment_succeeded:{ids['payment_intent']}"] == "dropped"
    assert asked.count("/v1/invoice_payments") == 1


async def test_a_fact_of_a_known_customer_and_subscription_costs_no_call(house: House) -> None:
    told, envelopes = story("first_payment", seed=3)
    customer = told.world.find(told.ids["customer"])
    assert customer is not None
    known = {"id": "evt_c", "object": "event", "type": "customer.created", "created": NOW - 100, "livemode": False,
             "api_version": "2026-10-28.endive", "data": {"object": customer}}  # fmt: skip
    await house.arrive([known])
    await house.fold()
    await house.arrive([event for event in envelopes if event["type"].startswith(("invoice", "customer.subscription"))])
    await house.fold()
    assert (await house.facts())[f"payment_succeeded:{told.ids['invoice']}"] == "ready"
    assert house.calls.found(method="GET") == []


async def test_paid_first_and_failed_later_leaves_the_bill_settled(house: House) -> None:
    failed, first = story("renewal_fails", seed=8)
    paid = failed.then("customer_pays", after=30)
    await house.arrive(paid.envelopes())
    await house.fold()
    await house.arrive(first)
    await house.fold()
    assert f"invoice:{failed.ids['invoice']}/unpaid" in await house.settled()


async def test_a_bill_of_a_subscription_that_ended_is_settled_in_either_order(house: House) -> None:
    for seed, backwards in ((21, False), (22, True)):
        failed, first = story("renewal_fails", seed=seed)
        ended = failed.then("subscription_ends", after=30).envelopes()
        for part in (ended, first) if backwards else (first, ended):
            await house.arrive(part)
            await house.fold()
        assert f"invoice:{failed.ids['invoice']}/unpaid" in await house.settled(), backwards


async def test_old_news_is_recorded_and_nobody_is_written_to(house: House) -> None:
    told = tell("renewal_paid", seed=9, now=NOW - 3 * DAY)
    await house.arrive(told.envelopes())
    await house.fold()
    assert (await house.facts())[f"payment_succeeded:{told.ids['invoice']}"] == "dropped"
    reason = await house.pool.fetchval(
        "SELECT reason FROM fact WHERE account_id = 'main' AND state = 'dropped' LIMIT 1"
    )
    assert "old news" in reason


async def test_after_an_outage_of_more_than_a_day_an_unpaid_bill_has_what_is_left_of_its_ladder(house: House) -> None:
    async with house.pool.acquire() as conn:
        await rules_store.apply(conn, "main", shipped("rules.yaml"), house.sealer, by="test")
    ids, events = house.box.app[STRIPE].play("renewal_fails", {"decline_code": "expired_card"})
    await house.arrive(
        [event.envelope("2026-10-28.endive", connected=False) | {"created": NOW - 2 * DAY} for event in events]
    )
    await house.fold()
    await house.look_up()
    assert (await house.facts())[f"payment_failed:{ids['invoice']}:1"] == "ready"
    await Planning(house.pool, ["main"], Clock(), house.sealer, RulesInForce(house.sealer)).turn()
    steps = await house.pool.fetch("SELECT due_at, not_after FROM step WHERE account_id = 'main' ORDER BY number")
    assert [round((step["due_at"].timestamp() - NOW) / DAY) for step in steps] == [-2, 1, 5]
    assert [step["not_after"].timestamp() < NOW for step in steps] == [True, False, False]


async def test_the_same_ids_in_test_and_live_are_two_facts(house: House) -> None:
    for account, livemode in (("main", False), ("live", True)):
        await house.arrive(tell("renewal_fails", seed=5, now=NOW, livemode=livemode).envelopes(), account)
    await house.fold()
    main, live = await house.facts("main"), await house.facts("live")
    assert set(main) == set(live)
    assert any(key.startswith("payment_failed:in_") for key in main)


async def test_a_number_that_replaced_another_starts_without_consent(house: House) -> None:
    told, envelopes = story("renewal_fails", seed=6)
    customer = dict(told.world.find(told.ids["customer"]) or {})
    for number, (phone, at) in enumerate((("+14155552671", NOW - 500), ("+14155552672", NOW - 400))):
        event = {"id": f"evt_{number}", "object": "event", "type": "customer.updated", "created": at, "livemode": False,
                 "api_version": "2026-10-28.endive", "data": {"object": customer | {"phone": phone}}}  # fmt: skip
        await house.arrive([event])
        await house.fold()
    await house.arrive([event for event in envelopes if event["type"] == "invoice.payment_failed"])
    await house.fold()
    await house.look_up()
    details = await house.details(f"payment_failed:{told.ids['invoice']}:1")
    [changed] = [one for one in details["person"]["addresses"] if one["number"] == "+14155552672"]
    assert (changed["replaced_another"], changed["given_in_transaction"]) == (True, False)


async def test_an_event_that_cannot_be_parsed_is_set_aside_and_blocks_nobody(house: House) -> None:
    told, envelopes = story("renewal_fails", seed=7)
    bad = {
        "id": "evt_0bad",
        "object": "event",
        "type": "invoice.paid",
        "created": NOW,
        "livemode": False,
        "data": {"object": {"amount": 1}},
    }
    await house.arrive([bad, *envelopes])
    await house.fold()
    row = await house.pool.fetchrow(
        "SELECT state, reason FROM event WHERE account_id = 'main' AND event_id = 'evt_0bad'"
    )
    assert row is not None
    assert (row["state"], row["reason"]) == ("set_aside", "the invoice has no id")
    assert f"payment_failed:{told.ids['invoice']}:1" in await house.facts()


async def test_an_unforeseen_failure_stands_alone_and_is_set_aside_after_its_last_try(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, envelopes = story("renewal_fails", seed=10)
    await house.arrive([{**envelopes[0], "id": "evt_0poison", "type": "invoice.voided"}, *envelopes])
    honest: Any = vars(fold_module)["effects"]

    def failing(event: Any) -> Any:
        if event.event_id == "evt_0poison":
            raise RuntimeError
        return honest(event)

    monkeypatch.setattr(fold_module, "effects", failing)
    loop = FoldingLoop(house.folding(), house.pool, Bells(["planning", "lookup", "cancels"]), lambda _: None)
    open_events = "SELECT count(*) FROM event WHERE account_id = 'main' AND state = 'received'"
    for _ in range(200):
        await house.pool.execute("UPDATE event SET due_at = '-infinity' WHERE account_id = 'main' AND due_at > now()")
        await loop.turn()
        if not await house.pool.fetchval(open_events):
            break
    states = await house.pool.fetch(
        "SELECT event_id, state FROM event WHERE account_id = 'main' AND state = 'set_aside'"
    )
    assert [row["event_id"] for row in states] == ["evt_0poison"]
    assert f"payment_failed:{told.ids['invoice']}:1" in await house.facts()


async def test_the_claim_of_events_uses_its_index(house: House) -> None:
    async with house.pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL enable_seqscan = off")
        plan = await conn.fetch(f"EXPLAIN {store.CLAIM}", "main", [2], [100], None)
    assert "event_open" in "\n".join(row[0] for row in plan)
