"""Facts become plans, each exactly once, on a real database."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from ingest_service.database import shipped
from ingest_service.planning import fact_queue, plans, rules_store
from ingest_service.planning.sealed_columns import open_variables
from tests.integration.ingest.planning.rows import ACCOUNT, AT, SEALER, Side

CONCERN = "invoice:in_1/unpaid"


async def settle(side: Side, concern: str = CONCERN, by: str = "evt_paid") -> None:
    async with side.pool.acquire() as conn, conn.transaction():
        await plans.settle(conn, ACCOUNT, concern, side.clock.now(), by)


async def test_a_fact_becomes_a_plan_with_its_steps_and_is_planned_for_ever(side: Side) -> None:
    await side.fact()
    assert await side.planning().turn() == 1
    assert await side.planning().turn() == 0
    (plan,) = await side.plans()
    assert (plan["concern"], plan["recipient"], plan["flow"], plan["state"]) == (
        CONCERN,
        "customer",
        "failed_payment",
        "open",
    )
    steps = await side.steps()
    assert [step["due_at"] for step in steps] == [AT, AT + timedelta(days=3), AT + timedelta(days=7)]
    assert {step["state"] for step in steps} == {"waiting"}
    fact = await side.pool.fetchrow("SELECT * FROM fact")
    assert fact is not None
    assert (fact["state"], fact["rules_epoch"], fact["reason"]) == ("planned", 1, None)
    assert fact["rules_hash"] == await side.pool.fetchval("SELECT sha256 FROM rules_version")


async def test_two_planners_at_once_plan_each_fact_once(side: Side) -> None:
    for number in range(60):
        await side.fact(f"payment_failed:in_{number}:1", concern=f"invoice:in_{number}/unpaid")
    counts = await asyncio.gather(*(side.planning().turn() for _ in range(4)))
    assert sum(counts) == 60
    assert len(await side.plans()) == 60
    assert len(await side.steps()) == 180


async def test_planners_at_once_on_one_bill_open_one_plan(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fact_queue.LANE_SHARES, 2, 1)  # each takes one fact, so that they meet on the concern
    for attempt in range(1, 9):
        await side.fact(f"payment_failed:in_1:{attempt}", at=AT - timedelta(hours=8 - attempt))
    counts = await asyncio.gather(*(side.planning().turn() for _ in range(8)))
    assert counts == [1] * 8
    (plan,) = await side.plans()
    assert plan["fact_key"] == "payment_failed:in_1:8"
    assert plan["opened_at"] == AT - timedelta(hours=7)
    assert len(await side.steps()) == 3


async def test_the_second_retry_of_a_bill_joins_the_open_plan_and_refreshes_its_words(side: Side) -> None:
    await side.fact(amount=1000)
    await side.planning().turn()
    side.clock.pass_(timedelta(days=1))
    await side.fact("payment_failed:in_1:2", amount=1100)
    await side.planning().turn()
    (plan,) = await side.plans()
    assert plan["fact_key"] == "payment_failed:in_1:2"
    variables = open_variables(SEALER, ACCOUNT, plan["plan_id"], plan["data_key_id"], plan["variables"])
    assert variables["fact"]["amount"] == 1100
    assert [step["due_at"] for step in await side.steps()] == [AT, AT + timedelta(days=3), AT + timedelta(days=7)]
    effects = await side.pool.fetch("SELECT fact_key, effect FROM plan_fact ORDER BY fact_key")
    assert [tuple(row) for row in effects] == [("payment_failed:in_1:1", "opened"), ("payment_failed:in_1:2", "joined")]


async def test_settling_cancels_waiting_steps_closes_the_plan_and_needs_no_cancel_where_nothing_left(
    side: Side,
) -> None:
    await side.fact()
    await side.planning().turn()
    await settle(side)
    assert {step["state"] for step in await side.steps()} == {"cancelled"}
    (plan,) = await side.plans()
    assert plan["state"] == "settled"
    assert await side.pool.fetchval("SELECT count(*) FROM cancel") == 0


async def test_settling_leaves_a_cancel_for_what_notify_may_hold_dated_after_every_look_at_the_truth(
    side: Side,
) -> None:
    await side.fact()
    await side.planning().turn()
    read_at = AT + timedelta(minutes=5)
    await side.pool.execute(
        "UPDATE step SET state = 'submitted', due_at = NULL, truth = 'record', truth_read_at = $1 WHERE number = 1",
        read_at,
    )
    await settle(side)
    assert [step["state"] for step in await side.steps()] == ["submitted", "cancelled", "cancelled"]
    cancel = await side.pool.fetchrow("SELECT * FROM cancel")
    assert cancel is not None
    assert cancel["state"] == "waiting"
    assert cancel["as_of"] > read_at


async def test_a_fact_after_its_concern_was_settled_makes_no_message(side: Side) -> None:
    await settle(side)
    await side.fact()
    await side.planning().turn()
    assert await side.plans() == []
    assert await side.pool.fetchval("SELECT reason FROM fact") == "the matter was already settled, so nothing is said"


async def test_whoever_settles_while_a_plan_is_being_made_waits_and_then_closes_it(side: Side) -> None:
    await side.fact()
    planner = side.planning()
    async with side.pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await conn.execute("SELECT FROM concern WHERE account_id = $1 AND concern = $2 FOR UPDATE", ACCOUNT, CONCERN)
        planning = asyncio.create_task(planner.turn())
        await locked(side, 1)
        settling = asyncio.create_task(settle(side))
        await locked(side, 2)
        await transaction.rollback()
    await asyncio.gather(planning, settling)
    assert all(step["state"] == "cancelled" for step in await side.steps())
    assert all(plan["state"] == "settled" for plan in await side.plans())


async def locked(side: Side, count: int) -> None:
    """Waits until so many sessions wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(10):
        while await side.pool.fetchval(waiting) < count:
            await side.pool.fetchval("SELECT pg_sleep(0.01)")


async def test_a_fact_that_no_rule_speaks_of_is_planned_with_the_reason(side: Side) -> None:
    await side.fact("something_else:x", concern="invoice:in_9/x")
    await side.planning().turn()
    assert await side.pool.fetchval("SELECT reason FROM fact") == "no rule in force speaks of it"


async def test_a_fact_whose_details_do_not_open_is_put_off_and_stops_nobody(side: Side) -> None:
    await side.fact("payment_failed:in_bad:1", concern="invoice:in_bad/unpaid", at=AT - timedelta(hours=1))
    await side.pool.execute("UPDATE fact SET details = '\\x00'::bytea")
    await side.fact()
    await side.planning().turn()
    states = {row["fact_key"]: row for row in await side.pool.fetch("SELECT fact_key, state, reason, tries FROM fact")}
    assert states["payment_failed:in_1:1"]["state"] == "planned"
    assert states["payment_failed:in_bad:1"]["tries"] == 1
    assert "INGEST_DATA_KEYS" in states["payment_failed:in_bad:1"]["reason"]


async def test_a_plan_that_cannot_be_opened_delays_its_facts_with_a_reason_and_the_others_go_on(side: Side) -> None:
    await side.fact()
    await side.planning().turn()
    await side.pool.execute("UPDATE plan SET data_key_id = 'gone'")
    await side.fact("payment_failed:in_1:2")
    await side.fact("payment_failed:in_2:1", concern="invoice:in_2/unpaid")
    assert await side.planning().turn() == 2
    states = {row["fact_key"]: row for row in await side.pool.fetch("SELECT fact_key, state, reason, tries FROM fact")}
    assert states["payment_failed:in_2:1"]["state"] == "planned"
    waiting = states["payment_failed:in_1:2"]
    assert (waiting["state"], waiting["tries"]) == ("ready", 0)
    assert "INGEST_DATA_KEYS" in waiting["reason"]
    assert await side.planning().turn() == 0, "it is out of the way"
    await side.pool.execute("UPDATE plan SET data_key_id = 'k1'; UPDATE fact SET leased_until = '-infinity'")
    assert await side.planning().turn() == 1
    assert len(await side.plans()) == 2


async def test_a_fact_whose_key_is_missing_waits_for_it_as_long_as_it_takes(side: Side) -> None:
    await side.fact()
    await side.pool.execute("UPDATE fact SET data_key_id = 'gone'")
    for _ in range(fact_queue.MOST_TRIES + 1):
        assert await side.planning().turn() == 1
        await side.pool.execute("UPDATE fact SET leased_until = '-infinity'")
    await side.pool.execute("UPDATE fact SET data_key_id = 'k1'")
    assert await side.planning().turn() == 1
    assert len(await side.plans()) == 1


async def test_rules_that_do_not_open_delay_their_accounts_facts_and_nobody_elses(side: Side) -> None:
    async with side.pool.acquire() as conn:
        await rules_store.apply(conn, "other", shipped("rules.yaml"), SEALER, by="test")
    await side.pool.execute("UPDATE rules_version SET data_key_id = 'gone' WHERE account_id = 'main'")
    await side.fact()
    await side.fact(account_id="other")
    planning = replace(side.planning(), account_ids=[ACCOUNT, "other"])
    assert await planning.turn() == 2
    rows = await side.pool.fetch("SELECT account_id, state, reason FROM fact ORDER BY account_id")
    assert [(row["account_id"], row["state"]) for row in rows] == [("main", "ready"), ("other", "planned")]
    assert "INGEST_DATA_KEYS" in rows[0]["reason"]


async def test_no_transaction_of_planning_holds_rows_of_two_accounts(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with side.pool.acquire() as conn:
        await rules_store.apply(conn, "other", shipped("rules.yaml"), SEALER, by="test")
    transactions: dict[int, set[str]] = {}
    claim = fact_queue.claim

    async def noted(conn: asyncpg.Connection, account_ids: Sequence[str], now: datetime) -> list[asyncpg.Record]:
        rows = await claim(conn, account_ids, now)
        transactions.setdefault(await conn.fetchval("SELECT txid_current()"), set()).update(
            r["account_id"] for r in rows
        )
        return rows

    monkeypatch.setattr(fact_queue, "claim", noted)
    await side.fact()
    await side.fact(account_id="other")
    assert await replace(side.planning(), account_ids=[ACCOUNT, "other"]).turn() == 2
    assert sorted(map(sorted, transactions.values())) == [["main"], ["other"]]


async def test_what_was_settled_and_told_is_not_told_anew_by_each_later_event_of_it(side: Side) -> None:
    await side.fact()
    await side.planning().turn()
    await side.pool.execute(
        "UPDATE step SET state = 'submitted', due_at = NULL, truth = 'record', truth_read_at = $1 WHERE number = 1", AT
    )
    await settle(side)
    await side.pool.execute("UPDATE cancel SET state = 'answered'")
    side.clock.pass_(timedelta(minutes=1))
    await settle(side, by="evt_updated")
    assert await side.pool.fetchval("SELECT state FROM cancel") == "answered"
    assert await side.pool.fetchval("SELECT settled_by FROM concern") == "evt_paid"


async def test_the_claim_of_facts_reads_its_index(ingest_pool: asyncpg.Pool) -> None:
    async with ingest_pool.acquire() as conn:
        await conn.execute("SET enable_seqscan = off")
        lines = await conn.fetch("EXPLAIN " + fact_queue._CLAIM, [ACCOUNT], [1, 2], [10, 10], AT)
    plan = "\n".join(line[0] for line in lines)
    assert "fact_open" in plan
    assert "Seq Scan on fact" not in plan
