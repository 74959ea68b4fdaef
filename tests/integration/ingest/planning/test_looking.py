"""However many steps must be looked up, few looks are under way, each subject is asked about once, and nobody else waits."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from ingest_service.loops import Loops
from ingest_service.stripe_budget import StripeBudget, slice_of
from ingest_service.submitting.looks import slots
from ingest_service.submitting.notify_client import NotifyClient
from ingest_service.submitting.running import BELLS, add_loops
from ingest_service.submitting.truth import NotNow, Over, Seen, StillSo
from ingest_service.wake import Bells
from tests.integration.ingest.planning.rows import ACCOUNT, AT, Side
from tests.integration.ingest.planning.standin import Standin

Notify = tuple[Standin, NotifyClient]
MANY = 300


class SlowStripe:
    """A Stripe that answers when it is told to."""

    def __init__(self, side: Side) -> None:
        """Asked by this side."""
        self.asked: list[str] = []
        self.answer = asyncio.Event()
        self.said: Seen = StillSo()
        self.started = asyncio.Condition()
        side.look = self.look  # type: ignore[method-assign]

    async def look(self, _account_id: str, subject_id: str, _fact: Mapping[str, Any]) -> Seen:
        self.asked.append(subject_id)
        async with self.started:
            self.started.notify_all()
        await self.answer.wait()
        return self.said

    async def until_asked(self, times: int) -> None:
        """Returns when it was asked so often."""
        async with asyncio.timeout(20), self.started:
            await self.started.wait_for(lambda: len(self.asked) >= times)


async def overdue(side: Side, count: int = MANY) -> None:
    """As many bills as are said, each with a step that Stripe must be asked about."""
    for number in range(count):
        await side.fact(f"payment_failed:in_{number}:1", concern=f"invoice:in_{number}/unpaid")
    while await side.planning().turn():
        pass
    await side.pool.execute("UPDATE step SET state = 'skipped', due_at = NULL WHERE number = 1")
    side.clock.at = AT + timedelta(days=3)


async def test_no_more_looks_are_under_way_than_the_budget_serves_in_two_seconds(side: Side, notify: Notify) -> None:
    _, client = notify
    stripe = SlowStripe(side)
    await overdue(side)
    while (await side.submission(client).turn()).claimed:
        pass
    looking = side.looking(client, per_second=20)
    for _ in range(5):
        await looking.turn()
    await stripe.until_asked(slots(20)[2])
    assert len(looking.looks) == slots(20)[2] == 14
    leased = await side.pool.fetchval("SELECT count(*) FROM step WHERE leased_until > clock_timestamp()")
    assert leased == 14, "the others wait in the database, where any replica may take them"
    assert sum(slots(20).values()) == 40
    stripe.answer.set()
    await looking.looks.settle()


async def test_what_needs_no_look_goes_at_once_however_many_wait_for_theirs(side: Side, notify: Notify) -> None:
    standin, client = notify
    SlowStripe(side)
    await overdue(side)
    await side.fact("payment_succeeded:in_900", concern="invoice:in_900/receipt")
    loops, bells = Loops(), Bells(BELLS)
    parts = side.parts(client)
    add_loops(loops, bells, parts)
    try:
        async with asyncio.timeout(20):
            await standin.arrived.wait()
    finally:
        await parts.looking.looks.close(0.0)
        async with asyncio.timeout(10):
            await loops.close(5.0)
    assert [request.concern for request in standin.received] == ["invoice:in_900/receipt"]


async def test_a_stripe_that_answers_nothing_leaves_every_loop_turning_and_a_stop_is_quick(
    side: Side, notify: Notify, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, client = notify
    stripe = SlowStripe(side)
    await overdue(side, 40)
    loops, bells = Loops(), Bells(BELLS)
    parts = side.parts(client)
    add_loops(loops, bells, parts)
    await stripe.until_asked(14)
    turned = asyncio.Event()
    beat = loops.beat

    def counted(name: str) -> None:
        beat(name)
        if name == "looking":
            turned.set()

    monkeypatch.setattr(loops, "beat", counted)
    async with asyncio.timeout(10):
        await turned.wait()
    assert loops.late() == []
    began = asyncio.get_running_loop().time()
    loops.stopping.set()
    bells.ring_all()
    await asyncio.gather(loops.close(5.0), parts.looking.looks.close(0.1))
    assert asyncio.get_running_loop().time() - began < 3.0
    assert await side.pool.fetchval("SELECT count(*) FROM step WHERE state = 'waiting' AND asks") == 40


async def test_a_subject_is_asked_about_once_however_many_steps_speak_of_it(side: Side, notify: Notify) -> None:
    standin, client = notify
    await overdue(side, 3)
    await side.pool.execute("UPDATE fact SET subject_id = 'in_0'")
    await side.look_up(client)
    assert side.looked_at == ["in_0"]
    assert len(standin.received) == 3


async def test_what_a_look_finds_paid_is_known_to_be_paid_though_its_event_never_comes(
    side: Side, notify: Notify
) -> None:
    _, client = notify
    side.looks["in_0"] = Over("at Stripe the invoice is paid", "paid")
    await overdue(side, 1)
    await side.pool.execute(
        "INSERT INTO subject (account_id, subject_id, kind, status, as_of) VALUES ($1, 'in_0', 'invoice', 'open', now())",
        ACCOUNT,
    )
    await side.look_up(client)
    assert await side.pool.fetchval("SELECT status FROM subject WHERE subject_id = 'in_0'") == "paid"
    assert await side.pool.fetchval("SELECT state FROM concern WHERE concern = 'invoice:in_0/unpaid'") == "settled"


async def test_every_lane_has_its_slots(side: Side, notify: Notify) -> None:
    _, client = notify
    stripe = SlowStripe(side)
    await overdue(side, 40)
    await side.pool.execute("UPDATE step SET lane = 1 WHERE concern = 'invoice:in_39/unpaid'")
    while (await side.submission(client).turn()).claimed:
        pass
    looking = side.looking(client)
    await looking.turn()
    await stripe.until_asked(15)
    assert "in_39" in stripe.asked
    await looking.looks.close(0.0)
    assert len(looking.looks) == 0


async def test_a_step_that_waits_for_stripe_is_looked_at_again_later_and_counts_its_tries(
    side: Side, notify: Notify
) -> None:
    _, client = notify
    await overdue(side, 1)
    side.looks["in_0"] = NotNow("Stripe cannot be reached")
    await side.look_up(client)
    [step] = await side.pool.fetch("SELECT * FROM step WHERE number = 2")
    assert (step["state"], step["asks"], step["tries"]) == ("waiting", True, 1)
    assert await side.looking(client).turn() == 0, "not at once again"


class CountingPool:
    """Counts the statements that go to a pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool, self.statements = pool, 0

    async def fetchval(self, statement: str, *values: object) -> object:
        self.statements += 1
        return await self._pool.fetchval(statement, *values)


async def test_reads_that_wait_take_their_shares_together(ingest_pool: asyncpg.Pool) -> None:
    counting = CountingPool(ingest_pool)
    budget = StripeBudget(counting, per_second=40)
    assert all(await asyncio.gather(*(budget.turn(ACCOUNT, "invoices") for _ in range(40))))
    assert counting.statements < 14, "one a slice and one to see that it has passed, not one a read"


async def test_what_one_replica_took_is_not_granted_to_another(ingest_pool: asyncpg.Pool) -> None:
    one, two = StripeBudget(ingest_pool, per_second=8), StripeBudget(ingest_pool, per_second=8)
    began = await ingest_pool.fetchval("SELECT clock_timestamp()")
    await asyncio.gather(*(each.turn(ACCOUNT, "charges") for each in (one, two) * 6))
    took = await ingest_pool.fetchval("SELECT clock_timestamp() - $1", began)
    assert took.total_seconds() > 1.0, "12 at 2 a quarter second touch six slices: there are four whole ones between"


@pytest.mark.parametrize("per_second", range(1, 101))
def test_a_slice_holds_a_whole_number_of_reads_and_the_rate_is_what_was_set(per_second: int) -> None:
    seconds, share = slice_of(per_second)
    assert share / seconds == per_second
    assert share >= 1
    assert seconds <= 1.0


async def test_a_database_in_trouble_is_told_to_every_read_that_waits(ingest_pool: asyncpg.Pool) -> None:
    budget = StripeBudget(ingest_pool, per_second=8)
    await ingest_pool.execute("ALTER TABLE stripe_budget RENAME TO away")
    said = await asyncio.gather(*(budget.turn(ACCOUNT, "charges") for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in said] == [asyncpg.UndefinedTableError] * 3
    await ingest_pool.execute("ALTER TABLE away RENAME TO stripe_budget")
    assert await budget.turn(ACCOUNT, "charges")
