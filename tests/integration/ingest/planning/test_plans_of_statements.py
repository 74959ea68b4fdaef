"""Statements that go by key look the key up, even with statistics of a moment when the queues were empty."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from ingest_service.planning import fact_queue, plan_store, plans, ready_facts
from ingest_service.submitting import cancels, outcomes, step_queue
from tests.integration.ingest.planning.rows import ACCOUNT, AT, Side

ID, HOLDER, LEASE = uuid4(), uuid4(), timedelta(seconds=30)
BY_KEY: dict[str, tuple[str, str, list[Any]]] = {
    "freeze": ("step_pkey", step_queue._FREEZE, [[ID], [1], ["k"], [b""], ["record"], [AT], HOLDER, LEASE, False]),
    "end": ("step_pkey", step_queue._END, [[ID], [1], ["expired"], ["x"]]),
    "ask": ("step_pkey", step_queue._ASK, [[ID], [1]]),
    "lease": ("step_pkey", step_queue._LEASE, [[ID], [1], HOLDER, LEASE]),
    "record": ("step_pkey", step_queue._RECORD, [[ID], [1], [1], ["sent"], [None], [None], [None], ["{}"], HOLDER]),
    "release": ("step_pkey", step_queue._RELEASE, [[ID], [1], HOLDER, "x"]),
    "move": ("step_pkey", plan_store._MOVE_STEPS, [[ID], [1], [AT], [AT]]),
    "planned": ("fact_pkey", fact_queue._PLANNED, [["f"], [None], 1, b"", AT]),
    "let wait": ("fact_pkey", ready_facts._LET_WAIT, [["f"], "x"]),
    "put off": ("fact_pkey", fact_queue._PUT_OFF, [["f"], ["x"], 8]),
    "close": ("plan_pkey", plans._CLOSE_FINISHED, [[ID], AT]),
    "settle steps": ("step_concern", plans._CANCEL_STEPS, [["c"], ["x"]]),
    "handed back": ("step_account_id_request_id_key", outcomes._HANDED_BACK, [["r"], [1], [AT], ["x"]]),
    "ended": ("step_account_id_request_id_key", outcomes._ENDED, [["r"], [1], ["sent"], [None]]),
    "cancel effects": ("step_account_id_request_id_key", cancels._EFFECTS, [["r"], ["s"]]),
}


@pytest.fixture
async def stale(ingest_pool: asyncpg.Pool) -> asyncpg.Pool:
    """Some thousand open rows that the statistics know nothing of."""
    async with ingest_pool.acquire() as conn:
        await conn.execute(
            "ALTER TABLE step SET (autovacuum_enabled = off); ALTER TABLE fact SET (autovacuum_enabled = off); ANALYZE"
        )
    side = Side(ingest_pool)
    await side.rules()
    await side.facts([f"payment_failed:in_1:{number}" for number in range(20)])
    await side.planning().turn()
    await ingest_pool.execute(
        "INSERT INTO step (account_id, plan_id, number, name, lane, concern, state, due_at, not_after, request_id)"
        " SELECT account_id, plan_id, g, name, lane, concern, 'waiting', due_at, not_after, g::text FROM step, generate_series(10, 3000) AS g"
        " WHERE number = 1"
    )
    return ingest_pool


@pytest.mark.parametrize("name", BY_KEY)
async def test_a_statement_that_goes_by_key_looks_it_up(stale: asyncpg.Pool, name: str) -> None:
    index, statement, arguments = BY_KEY[name]
    async with stale.acquire() as conn:
        await conn.execute("SET enable_seqscan = off")  # the tables of facts and plans are small here
        lines = await conn.fetch("EXPLAIN " + statement, ACCOUNT, *arguments)
    plan = "\n".join(line[0] for line in lines)
    assert index in plan, plan
    assert "_open" not in plan, plan
