"""A day is closed once, in its zone; what is learnt later goes into the next as late. On real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ingest_service.planning.sealed_columns import open_details
from tests.integration.ingest.planning.rows import SEALER
from tests.integration.ingest.scanning.world import ScanWorld, scan_world

RULES = """
teams: {finance: {members: [{name: Ada, number: "+14155550100"}]}}
schedules: {digest: {to: team:finance, at: "18:00", empty: EMPTY}}
flows: []
"""
MONDAY = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


@pytest.fixture
async def books(ingest_pool: "asyncpg.Pool[asyncpg.Record]", tmp_path: Path) -> AsyncIterator[ScanWorld]:
    """A digest at six in the evening, which is still to come."""
    async with scan_world(ingest_pool, tmp_path) as world:
        await world.rules(RULES.replace("EMPTY", "skip"))
        await world.scan()
        yield world


async def happened(
    world: ScanWorld, key: str, at: datetime, amount: int = 4_900, currency: str = "usd", **more: Any
) -> None:
    """A fact, as the fold writes it; and what is known of its subject."""
    subject = key.split(":")[1]
    await world.pool.execute(
        "INSERT INTO fact (account_id, fact_key, kind, concern, subject_id, lane, occurred_at, amount, exponent, currency, event_id,"
        " state, reason, rules_hash, data_key_id, details, charged_amount, charged_exponent, charged_currency)"
        " VALUES ('main', $1, $2, $1, $3, 3, $4, $5, $6, $7, 'evt', $8, $9, '', 'k1', '', $10, $11, $12)",
        key, key.split(":", maxsplit=1)[0], subject, at, amount, more.get("exponent", 2), currency, more.get("state", "planned"), more.get("reason"),
        *more.get("charged", (None, None, None)),
    )  # fmt: skip
    await world.pool.execute(
        "INSERT INTO subject (account_id, subject_id, kind, as_of, facts) VALUES ('main', $1, 'invoice', $2, $3) ON CONFLICT DO NOTHING",
        subject, at, f'{{"billing_reason": "{more.get("billing_reason", "")}"}}',
    )  # fmt: skip


async def evening(world: ScanWorld, days: int = 0) -> None:
    """The evening of a day: its digest is due."""
    world.clock.at = MONDAY + timedelta(days=days, seconds=5)
    await world.scan()


async def told(world: ScanWorld, day: str) -> dict[str, Any]:
    """What a day's digest says."""
    row = await world.pool.fetchrow("SELECT * FROM fact WHERE account_id = 'main' AND fact_key = $1", f"digest:{day}")
    assert row is not None
    attributes: dict[str, Any] = open_details(SEALER, "main", row["fact_key"], row["data_key_id"], row["details"]).get(
        "attributes", {}
    )
    return attributes


async def test_a_day_has_what_happened_in_it_and_nothing_of_its_neighbours(books: ScanWorld) -> None:
    hour = timedelta(hours=1)
    await happened(books, "payment_succeeded:in_1", MONDAY - hour, billing_reason="subscription_cycle")
    await happened(books, "payment_succeeded:in_2", MONDAY, billing_reason="subscription_cycle")  # to the second
    await happened(books, "payment_succeeded:in_3", MONDAY + timedelta(seconds=1), billing_reason="subscription_cycle")
    await happened(
        books, "payment_succeeded:in_4", MONDAY - 24 * hour, billing_reason="subscription_cycle"
    )  # the day before's
    await happened(books, "payment_succeeded:pi_1", MONDAY - hour, 700, "jpy", exponent=0)
    await evening(books)
    first = await told(books, "2026-11-23")
    assert first["counts"]["renewed"] == 2
    assert first["money"]["received"] == {"jpy/0": 700, "usd/2": 9_800}
    await evening(books, 1)
    assert (await told(books, "2026-11-24"))["counts"]["renewed"] == 1


async def test_a_bill_that_fails_three_times_a_day_failed_once_and_a_payment_that_is_a_bills_is_not_counted_twice(
    books: ScanWorld,
) -> None:
    for attempt in (1, 2, 3):
        await happened(books, f"payment_failed:in_1:{attempt}", MONDAY - timedelta(hours=attempt))
    await happened(books, "payment_succeeded:in_2", MONDAY - timedelta(hours=1))
    await happened(
        books,
        "payment_succeeded:pi_2",
        MONDAY - timedelta(hours=1),
        state="dropped",
        reason="it is old news: it came late",
    )
    await books.pool.execute(
        "INSERT INTO alias (account_id, alias_id, target_kind, target_id, learned_from) VALUES ('main', 'pi_2', 'invoice', 'in_2', 'evt')"
    )
    await happened(
        books,
        "payment_failed:pi_3:1",
        MONDAY - timedelta(hours=1),
        state="dropped",
        reason="the buyer has paid meanwhile",
    )
    await evening(books)
    day = await told(books, "2026-11-23")
    assert day["counts"]["failed"] == 1
    assert day["money"] == {"failing": {"usd/2": 4_900}, "received": {"usd/2": 4_900}}


async def test_what_comes_late_goes_into_the_next_once_and_says_so(books: ScanWorld) -> None:
    await happened(books, "refund_issued:re_1", MONDAY - timedelta(hours=1), 100)
    await evening(books)
    await happened(
        books, "refund_issued:re_2", MONDAY - timedelta(hours=2), 200, state="dropped", reason="it is old news: late"
    )
    await happened(books, "refund_issued:re_3", MONDAY + timedelta(hours=2), 300)
    await evening(books, 1)
    tuesday = await told(books, "2026-11-24")
    assert (tuesday["counts"]["refunded"], tuesday["late"], tuesday["money"]["returned"]) == (2, 1, {"usd/2": 500})
    await happened(books, "refund_issued:re_4", MONDAY + timedelta(days=1, hours=1), 400)
    await evening(books, 2)
    wednesday = await told(books, "2026-11-25")
    assert (wednesday["counts"]["refunded"], wednesday["late"], wednesday["money"]["returned"]) == (
        1,
        0,
        {"usd/2": 400},
    )


async def test_replicas_that_close_a_day_at_once_close_it_once(books: ScanWorld) -> None:
    await happened(books, "refund_issued:re_1", MONDAY - timedelta(hours=1), 100)
    books.clock.at = MONDAY + timedelta(seconds=5)
    await asyncio.gather(*(books.scan() for _ in range(4)))
    assert await books.pool.fetchval("SELECT count(*) FROM digest_day") == 1
    assert await books.facts("digest") == {"digest:2026-11-23": ("ready", None)}
    await books.pool.execute("UPDATE scan SET state = 'open' WHERE scan = 'digest' AND scan_window = '2026-11-23'")
    await books.scan()
    assert await books.pool.fetchval("SELECT count(*) FROM digest_day") == 1
    assert len(await books.facts("digest")) == 1


async def test_a_day_that_was_over_before_it_could_be_closed_is_in_the_next(books: ScanWorld) -> None:
    await happened(books, "refund_issued:re_1", MONDAY - timedelta(hours=1), 100)
    await happened(books, "refund_issued:re_2", MONDAY + timedelta(days=1), 200)
    await happened(books, "refund_issued:re_3", MONDAY - timedelta(days=2), 400)  # before there was a digest
    await evening(books, 2)
    facts = await books.facts("digest")
    assert {key: state for key, (state, _) in facts.items()} == {
        "digest:2026-11-23": "dropped", "digest:2026-11-24": "dropped", "digest:2026-11-25": "ready",
    }  # fmt: skip
    assert (facts["digest:2026-11-23"][1] or "").startswith("missed: ")
    assert (await told(books, "2026-11-25"))["money"]["returned"] == {"usd/2": 300}


async def test_money_is_what_was_charged_whatever_currency_the_buyer_saw(books: ScanWorld) -> None:
    await happened(
        books,
        "payment_succeeded:pi_1",
        MONDAY - timedelta(hours=1),
        690_000,
        "jpy",
        exponent=0,
        charged=(4_500, 2, "usd"),
    )
    await happened(books, "payment_succeeded:pi_2", MONDAY - timedelta(hours=1), 100)
    await evening(books)
    assert (await told(books, "2026-11-23"))["money"]["received"] == {"usd/2": 4_600}


async def test_a_refund_that_came_back_is_no_money_returned(books: ScanWorld) -> None:
    for refund, amount, status in (("re_1", 100, "succeeded"), ("re_2", 200, "failed"), ("re_3", 400, "canceled")):
        await happened(books, f"refund_issued:{refund}", MONDAY - timedelta(hours=1), amount)
        await books.pool.execute("UPDATE subject SET status = $2 WHERE subject_id = $1", refund, status)
    await evening(books)
    day = await told(books, "2026-11-23")
    assert (day["counts"]["refunded"], day["money"]["returned"]) == (1, {"usd/2": 100})


async def test_after_days_without_a_digest_the_next_one_begins_where_the_last_one_ended(books: ScanWorld) -> None:
    await evening(books)
    await happened(books, "refund_issued:re_1", MONDAY + timedelta(hours=3), 100)
    await happened(books, "refund_issued:re_2", MONDAY + timedelta(days=2, hours=3), 200)
    await evening(books, 3)
    day = await told(books, "2026-11-26")
    assert (day["money"]["returned"], day["late"]) == ({"usd/2": 300}, 0)


async def test_an_empty_day_is_recorded_and_said_only_where_the_schedule_says_so(books: ScanWorld) -> None:
    await evening(books)
    assert (await books.facts("digest"))["digest:2026-11-23"][0] == "dropped"
    await books.rules(RULES.replace("EMPTY", "say"))
    await evening(books, 1)
    assert (await books.facts("digest"))["digest:2026-11-24"] == ("ready", None)


async def test_counting_a_day_goes_by_the_index_of_time(books: ScanWorld) -> None:
    await books.pool.execute(
        "INSERT INTO fact (account_id, fact_key, kind, concern, subject_id, lane, occurred_at, event_id, state, rules_hash, data_key_id, details)"
        " SELECT 'main', 'refund_issued:re_' || n, 'refund_issued', 'c', 're_' || n, 3, $1::timestamptz - n * interval '1 minute', 'e',"
        " 'planned', '', 'k1', '' FROM generate_series(1, 50000) AS n",
        MONDAY,
    )
    await books.pool.execute("ANALYZE fact")
    plan = await books.pool.fetch(
        "EXPLAIN SELECT 1 FROM fact f WHERE f.account_id = 'main' AND f.occurred_at > $1 AND f.occurred_at <= $2", MONDAY - timedelta(days=1), MONDAY
    )  # fmt: skip
    assert "fact_time" in "\n".join(row[0] for row in plan)
