"""What Stripe announces is looked at before it is told: one fact a trial and day, none of what is over. Real PostgreSQL, Stripe played."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest

from ingest_service.folding.fold import Folding
from ingest_service.folding.resolving import Holds
from ingest_service.inbox import envelope, store
from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.planning.rows import SEALER
from tests.integration.ingest.scanning.world import ScanWorld, scan_world

RULES = 'schedules: {trial_reminders: {days: [7, 3, 1], at: "10:00"}}\nflows: []\n'


@pytest.fixture
async def trials(ingest_pool: "asyncpg.Pool[asyncpg.Record]", tmp_path: Path) -> AsyncIterator[ScanWorld]:
    """Reminders of trials are on, and today has been scanned."""
    async with scan_world(ingest_pool, tmp_path) as world:
        await world.rules(RULES)
        await world.scan()
        yield world


async def arrive(
    world: ScanWorld, story: str, *, version: str = "2026-10-28.endive", times: int = 1, **given: Any
) -> dict[str, str]:
    """A story's events are stored and folded."""
    world.box.sandbox.clock.offset = round((world.clock.now() - datetime.now(UTC)).total_seconds())
    ids, events = world.box.app[STRIPE].play(story, given)
    told = [event.envelope(version, connected=False) for event in events]
    now = world.clock.now()
    folding = Folding({"main": world.account}, world.clock, SEALER, Holds())
    for _ in range(times):
        arrivals = [envelope.arrival(world.account, one, orjson.dumps(one), "webhook", now) for one in told]
        async with world.pool.acquire() as conn:
            await store.store(conn, SEALER, arrivals, now)
        while True:
            async with world.pool.acquire() as conn, conn.transaction():
                if not (await folding.fold(conn)).events:
                    break
    return dict(ids)


async def test_an_announcement_that_comes_late_says_nothing_that_the_days_scan_has_said(trials: ScanWorld) -> None:
    began = trials.clock.now()
    trials.box.sandbox.clock.offset = round((began - datetime.now(UTC)).total_seconds())
    _, events = trials.box.app[STRIPE].play("trial_will_end", {"days": 3})
    await trials.pool.execute(
        "UPDATE scan SET state = 'open', after_id = '' WHERE scan = 'trial:3' AND scan_window = '2026-11-23'"
    )
    await trials.scan()
    [said] = await trials.facts("trial_ending")
    trials.clock.at = began + timedelta(hours=26)
    now = trials.clock.now()
    late = [event.envelope("2026-10-28.endive", connected=False) for event in events]
    arrivals = [envelope.arrival(trials.account, one, orjson.dumps(one), "webhook", now) for one in late]
    async with trials.pool.acquire() as conn, conn.transaction():
        await store.store(conn, SEALER, arrivals, now)
        await Folding({"main": trials.account}, trials.clock, SEALER, Holds()).fold(conn)
    await trials.scan()
    assert list(await trials.facts("trial_ending")) == [said]


@pytest.mark.parametrize("version", ["2025-02-24.acacia", "2026-10-28.endive"])
async def test_an_announcement_and_the_days_scan_make_one_fact(trials: ScanWorld, version: str) -> None:
    ids = await arrive(trials, "trial_will_end", version=version, days=3, times=3)
    await trials.scan(replicas=2)
    [(key, told)] = (await trials.facts("trial_ending")).items()
    assert (key.rsplit(":", 1)[1], told) == ("3", ("ready", None))
    assert ids["subscription"] in key
    assert await trials.pool.fetchval("SELECT effect FROM fact_event WHERE fact_key = $1", key) == "created"
    await trials.pool.execute(
        "UPDATE scan SET state = 'open', after_id = '' WHERE scan = 'trial:3' AND scan_window = '2026-11-23'"
    )
    await trials.scan()
    assert list(await trials.facts("trial_ending")) == [key]


async def test_a_trial_that_is_over_at_stripe_when_its_announcement_is_read_is_not_told(trials: ScanWorld) -> None:
    ids = trials.play("trial_running", days=8)
    await arrive(trials, "trial_ended_early", subscription=ids["subscription"])
    await trials.scan()
    assert await trials.facts("trial_ending") == {}


async def test_an_announcement_whose_trial_was_moved_meanwhile_is_not_told(trials: ScanWorld) -> None:
    ids = await arrive(trials, "trial_will_end", days=3)
    trials.at_stripe(ids["subscription"])["trial_end"] += 10 * 86_400
    await trials.scan()
    assert await trials.facts("trial_ending") == {}
    reason = await trials.pool.fetchval("SELECT reason FROM scan WHERE event_id IS NOT NULL")
    assert reason == "at Stripe there is no such trial any more"


async def test_without_a_rule_that_speaks_of_trials_nothing_is_asked(trials: ScanWorld) -> None:
    await trials.rules("flows: []\n")
    before = len(trials.box.app[STRIPE].api.log.found())
    await arrive(trials, "trial_will_end", days=3)
    await trials.scan()
    assert len(trials.box.app[STRIPE].api.log.found()) == before
    assert await trials.facts("trial_ending") == {}


async def test_an_announcement_is_asked_about_again_where_stripe_does_not_answer(trials: ScanWorld) -> None:
    trials.box.sandbox.faults.replace(
        [{"side": "stripe", "operation": "subscriptions.retrieve", "act": "500", "count": 1}]
    )
    await arrive(trials, "trial_will_end", days=3)
    await trials.scan()
    assert await trials.facts("trial_ending") == {}
    await trials.pool.execute("UPDATE scan SET leased_until = '-infinity'")
    await trials.scan()
    assert len(await trials.facts("trial_ending")) == 1


async def test_an_event_that_ends_what_was_announced_settles_it_whatever_the_shape(trials: ScanWorld) -> None:
    for version in ("2025-02-24.acacia", "2026-10-28.endive"):
        ids = await arrive(trials, "trial_will_end", version=version, days=3, new_customer=True)
        await trials.scan()
        await arrive(trials, "subscription_ends", version=version, subscription=ids["subscription"])
        state = await trials.pool.fetchval(
            "SELECT c.state FROM concern c JOIN fact f USING (account_id, concern) WHERE f.subject_id = $1 AND f.kind = 'trial_ending'",
            ids["subscription"],
        )
        assert state == "settled"


async def test_a_renewed_card_settles_what_was_said_of_it_and_an_older_word_about_it_does_not(
    trials: ScanWorld,
) -> None:
    await trials.rules('schedules: {card_reminders: {days: [7], at: "10:00"}}\nflows: []\n')
    ids = await arrive(trials, "card_expiring", months=1, days=60)
    trials.clock.at = datetime(2026, 11, 23, 10, 1, tzinfo=UTC)  # seven days before the month's end
    await trials.scan()
    question = "SELECT state FROM concern WHERE concern LIKE 'card:' || $1 || '/%'"
    assert await trials.pool.fetchval(question, ids["payment_method"]) == "open"
    trials.clock.pass_(timedelta(hours=1))
    await arrive(trials, "card_updated", customer=ids["customer"])
    assert await trials.pool.fetchval(question, ids["payment_method"]) == "settled"
