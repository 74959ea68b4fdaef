"""Everything at once: planners, submitters, cancellers and settlers on the same concerns; and two accounts with the same ids."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from ingest_service.database import shipped
from ingest_service.planning import fact_queue, plans, rules_store
from ingest_service.planning.plans import Settlement
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.submitting import cancels
from ingest_service.submitting.notify_client import NotifyClient
from ingest_service.submitting.sorting import Sorting
from tests.integration.ingest.planning.rows import ACCOUNT, AT, SEALER, Side
from tests.integration.ingest.planning.standin import Standin

Notify = tuple[Standin, NotifyClient]
CONCERNS = [f"invoice:in_{number}/unpaid" for number in range(12)]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whoever_comes_when_nothing_is_said_after_the_end_and_nothing_twice(
    side: Side, notify: Notify, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    standin, client = notify
    monkeypatch.setitem(fact_queue.LANE_SHARES, 2, 5)  # small batches, so that they meet
    chance = random.Random(seed)
    for attempt in range(1, 5):
        for number, concern in enumerate(CONCERNS):
            await side.fact(
                f"payment_failed:in_{number}:{attempt}", concern=concern, at=AT - timedelta(minutes=10 - attempt)
            )
    over = chance.sample(CONCERNS, 8)

    async def plan() -> None:
        while await side.planning().turn():
            pass

    async def submit() -> None:
        for _ in range(8):
            await side.submission(client).turn()
            await side.cancels(client).turn()

    async def settle() -> None:
        for _ in range(4):
            chosen = chance.sample(over, 3)
            async with side.pool.acquire() as conn, conn.transaction():
                await plans.settle_many(
                    conn, ACCOUNT, [Settlement(each, side.clock.now(), "evt_paid") for each in chosen]
                )

    workers = [plan, plan, plan, submit, submit, settle, settle, settle]
    chance.shuffle(workers)
    await asyncio.gather(*(worker() for worker in workers))
    async with side.pool.acquire() as conn, conn.transaction():
        await plans.settle_many(conn, ACCOUNT, [Settlement(each, side.clock.now(), "evt_paid") for each in over])
    await side.submission(client).turn()
    while await side.cancels(client).turn():
        pass

    assert await side.pool.fetchval("SELECT count(*) FROM fact WHERE state <> 'planned'") == 0
    steps = await side.steps()
    assert not [step for step in steps if step["concern"] in over and step["state"] in ("waiting", "frozen")]
    assert len({(plan["concern"], plan["flow"]) for plan in await side.plans()}) == len(await side.plans())
    assert len(standin.stored) == len(standin.received), "no request was taken twice"
    told = {request.concern: request.as_of.ToDatetime(UTC) for request in standin.cancels}
    for request in standin.received:
        if request.concern in over:
            assert told[request.concern] > request.truth_read_at.ToDatetime(UTC), "the cancel comes after the look"
    assert {request.concern for request in standin.received} >= set(CONCERNS) - set(over), "what goes on is said"


async def test_the_same_ids_in_two_accounts_are_two_matters(side: Side, notify: Notify) -> None:
    standin, client = notify
    async with side.pool.acquire() as conn:
        await rules_store.apply(conn, "live", shipped("rules.yaml"), SEALER, by="test")
    await side.fact()
    await side.fact(account_id="live")
    both = ["live", ACCOUNT]
    planning = replace(side.planning(), account_ids=both, rules=RulesInForce(SEALER))
    assert await planning.turn() == 2
    zones = Sorting({name: ZoneInfo("UTC") for name in both}, SEALER)
    await replace(side.submission(client), account_ids=both, sorting=zones).turn()
    assert sorted(request.account_id for request in standin.received) == ["live", "main"]
    assert len({request.request_id for request in standin.received}) == 2
    async with side.pool.acquire() as conn, conn.transaction():
        await plans.settle(conn, "live", "invoice:in_1/unpaid", AT, "evt_paid")
    states = await side.pool.fetch("SELECT account_id, state FROM plan ORDER BY account_id")
    assert [tuple(row) for row in states] == [("live", "settled"), ("main", "open")]


async def test_the_claim_of_cancels_reads_its_index(ingest_pool: asyncpg.Pool) -> None:
    async with ingest_pool.acquire() as conn:
        await conn.execute("SET enable_seqscan = off")
        lines = await conn.fetch("EXPLAIN " + cancels._CLAIM, [ACCOUNT], 20)
    assert "cancel_open" in "\n".join(line[0] for line in lines)
