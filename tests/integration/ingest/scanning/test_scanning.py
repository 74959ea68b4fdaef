"""Scans on real PostgreSQL against the sandbox's Stripe: replicas, deaths, outages, changed clocks and rules."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.scanning.world import AT, RENEWALS, ScanWorld, scan_world

ROOT = Path(__file__).parents[4]
PREVIEW, LIST = "/v1/invoices/create_preview", "/v1/subscriptions"


async def test_three_replicas_at_once_make_each_reminder_once_and_read_each_page_once(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    world.many_renewals(130)
    await world.scan(replicas=3)
    facts = await world.facts("renewal_due")
    assert len(facts) == 130
    assert {state for state, _ in facts.values()} == {"ready"}
    assert world.asked(LIST) == 2  # a page for a hundred
    assert world.asked(PREVIEW) == 130  # and a preview a reminder
    assert len(world.facts_told) == 130
    assert await world.scans("renewal:7") == {"2026-11-23": "done", "2026-11-24": "open"}


async def test_what_is_scanned_again_makes_nothing_new_and_asks_for_no_bill_again(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    world.many_renewals(5)
    await world.scan()
    await world.pool.execute(
        "UPDATE scan SET state = 'open', after_id = '' WHERE account_id = 'main' AND scan_window = '2026-11-23'"
    )
    await world.scan()
    assert len(await world.facts()) == 5
    assert (world.asked(LIST), world.asked(PREVIEW)) == (2, 5)


@pytest.mark.parametrize("point", ["in.scan_page_read", "in.scan_page_committed"])
async def test_a_replica_that_dies_between_page_and_commit_leaves_everything_to_the_next(
    world: ScanWorld, ingest_database_url: str, point: str
) -> None:
    await world.rules(RENEWALS)
    world.many_renewals(120)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.ingest.scanning.replica", ingest_database_url, world.box.stripe_api_base,
        AT.isoformat(), cwd=ROOT, env={**os.environ, "CRASH_AT": point}, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(60):
        assert await process.wait() == -signal.SIGKILL
    written = len(await world.facts())
    assert written == (0 if point == "in.scan_page_read" else 100)
    await world.scan()  # the lease of the dead still holds
    assert len(await world.facts()) == written
    await world.pool.execute("UPDATE scan SET leased_until = '-infinity'")
    await world.scan(replicas=2)
    facts = await world.facts()
    assert len(facts) == 120
    assert {state for state, _ in facts.values()} == {"ready"}
    assert world.asked(LIST) == (3 if point == "in.scan_page_read" else 2)


async def test_who_lost_the_lease_writes_nothing(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    world.many_renewals(3)
    stripe = world.box.app[STRIPE]
    scanner = world.scanner()
    reached, go_on = asyncio.Event(), asyncio.Event()
    get = world.reads.get

    async def slow(*asked: object) -> object:
        answer = await get(*asked)  # type: ignore[arg-type]
        reached.set()
        await go_on.wait()
        return answer

    world.reads.get = slow  # type: ignore[assignment, method-assign]
    slow_one = asyncio.ensure_future(scanner.turn())
    await reached.wait()
    world.reads.get = get  # type: ignore[method-assign]
    await world.pool.execute("UPDATE scan SET leased_until = '-infinity'")
    await world.scan()
    before = await world.pool.fetch("SELECT * FROM fact ORDER BY fact_key")
    rows = await world.pool.fetch("SELECT * FROM scan ORDER BY scan, scan_window")
    go_on.set()
    await slow_one
    assert await world.pool.fetch("SELECT * FROM fact ORDER BY fact_key") == before
    assert await world.pool.fetch("SELECT * FROM scan ORDER BY scan, scan_window") == rows
    assert len(before) == 3
    assert stripe.api.log.found(path=LIST)


async def test_days_that_an_outage_skipped_are_recorded_as_missed_and_today_is_told(world: ScanWorld) -> None:
    await world.rules('schedules: {renewal_reminders: {days: [7, 3, 1], who: all, at: "10:00"}}\nflows: []\n')
    await world.scan()
    ids = world.play("renewal_due", days=8)
    world.pass_(days=5)  # the 7 and nothing else was skipped: today is three days before
    await world.scan()
    facts = await world.facts()
    period_end = next(iter(facts)).split(":")[2]
    seven, three = (
        facts[f"renewal:{ids['subscription']}:{period_end}:7"],
        facts[f"renewal:{ids['subscription']}:{period_end}:3"],
    )
    assert seven[0] == "dropped"
    assert seven[1] == "missed: its day (2026-11-24) was over before it could be told"
    assert three == ("ready", None)
    assert world.asked(PREVIEW) == 1
    row = await world.pool.fetchrow(
        "SELECT told, missed FROM scan WHERE scan = 'renewal:7' AND scan_window = '2026-11-24'"
    )
    assert row is not None
    assert (row["told"], row["missed"]) == (0, 1)


async def test_a_schedule_that_was_off_for_days_has_missed_nothing(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    await world.scan()
    await world.rules("flows: []\n")
    await world.scan()
    assert await world.scans("renewal:7") == {"2026-11-23": "done"}
    world.pass_(days=5)
    await world.rules(RENEWALS)
    await world.scan()
    assert await world.scans("renewal:7") == {"2026-11-23": "done", "2026-11-28": "done", "2026-11-29": "open"}


async def test_another_time_of_day_moves_what_is_still_to_come_and_repeats_nothing(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    world.many_renewals(2)
    await world.scan()
    await world.rules(RENEWALS.replace("10:00", "18:00"))
    await world.scan()
    due = await world.pool.fetchval("SELECT due_at FROM scan WHERE account_id = 'main' AND state = 'open'")
    assert due == datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
    assert world.asked(LIST) == 1


async def test_a_clock_that_is_set_back_doubles_nothing_and_skips_nothing(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    world.many_renewals(2)
    await world.scan()
    world.pass_(days=-2)
    await world.scan()
    for _ in range(3):
        world.pass_(days=1)
        await world.scan()
    facts = await world.facts()
    assert len(facts) == 2
    assert {state for state, _ in facts.values()} == {"ready"}
    assert (await world.scans("renewal:7"))["2026-11-24"] == "done"


@pytest.mark.parametrize("act", ["500", "429", "reset"])
async def test_a_page_or_a_bill_that_stripe_does_not_give_now_is_asked_for_again_and_nothing_is_skipped(
    world: ScanWorld, act: str
) -> None:
    await world.rules(RENEWALS)
    world.many_renewals(4)
    world.box.sandbox.faults.replace([
        {"side": "stripe", "operation": "subscriptions.list", "act": act, "count": 1},
        {"side": "stripe", "operation": "invoices.create_preview", "act": act, "count": 2},
    ])  # fmt: skip
    for _ in range(6):
        await world.scan()
        await world.pool.execute("UPDATE scan SET leased_until = '-infinity' WHERE state = 'open'")
    assert {state for state, _ in (await world.facts()).values()} == {"ready"}
    assert len(await world.facts()) == 4
    assert (await world.scans("renewal:7"))["2026-11-23"] == "done"


async def test_a_subscription_that_is_not_charged_then_is_not_reminded_of(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    stays, ends, paused, free, credit = (
        world.play("renewal_due", days=7, name=f"C{n}")["subscription"] for n in range(5)
    )
    world.at_stripe(ends)["cancel_at_period_end"] = True
    world.at_stripe(paused)["pause_collection"] = {"behavior": "void", "resumes_at": None}
    for item in world.at_stripe(free)["items"]["data"]:
        item["price"] = {**item["price"], "unit_amount": 0}
    world.at_stripe(world.at_stripe(credit)["customer"])["balance"] = -99_999
    world.play("trial_running", days=7)
    await world.scan()
    facts = {key.split(":")[1]: told for key, told in (await world.facts()).items()}
    assert facts == {stays: ("ready", None), credit: ("dropped", "nothing is due then")}


async def test_what_an_event_told_between_the_page_and_its_commit_counts(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    ids = world.play("renewal_due", days=7)
    await world.pool.execute(
        "INSERT INTO subject (account_id, subject_id, kind, status, as_of) VALUES ('main', $1, 'subscription', 'canceled', $2)",
        ids["subscription"], AT,
    )  # fmt: skip
    await world.scan()
    assert list((await world.facts()).values()) == [("dropped", "the subscription has ended")]


async def test_days_are_those_of_the_accounts_zone(ingest_pool: "asyncpg.Pool[asyncpg.Record]", tmp_path: Path) -> None:
    async with scan_world(ingest_pool, tmp_path, zone="Pacific/Auckland") as world:
        await world.rules(RENEWALS)
        world.clock.at = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)  # eleven in the morning of the 24th there
        inside = world.play("renewal_due", days=7)["subscription"]
        world.clock.at = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
        world.play("renewal_due", days=7, name="Earlier there")
        world.clock.at = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
        await world.scan()
        assert [key.split(":")[1] for key in await world.facts()] == [inside]
        assert await world.scans("renewal:7") == {"2026-11-24": "done", "2026-11-25": "open"}


async def test_a_cursor_that_stripe_does_not_know_any_more_begins_the_scan_anew(world: ScanWorld) -> None:
    await world.rules(RENEWALS)
    world.many_renewals(3)
    await world.scanner()._keep_agenda("main", world.account)
    await world.pool.execute(
        "UPDATE scan SET after_id = 'sub_gone' WHERE account_id = 'main' AND scan_window = '2026-11-23'"
    )
    await world.scan()
    await world.pool.execute("UPDATE scan SET leased_until = '-infinity'")
    await world.scan()
    assert len(await world.facts()) == 3
