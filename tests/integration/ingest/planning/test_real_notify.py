"""What the shipped rules make of facts is what notify-service really takes: the two services over a real channel."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from ingest_service.planning import plans
from ingest_service.story.telling import Key, Telling
from ingest_service.submitting.notify_client import NotifyClient, connected
from tests.integration.ingest.planning.rows import ACCOUNT, Side
from tests.integration.notify import service

NOBODY = "http://127.0.0.1:9"
ALL = {
    "hosted_invoice_url": "https://invoice.stripe.com/i/acct_1/test_1",
    "card": {"brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2030},
    "product_names": ["Pro plan"],
    "description": "One month",
    "invoice_number": "A-0001",
}
KINDS = {
    "payment_failed:in_1:1": "invoice:in_1/unpaid",
    "payment_failed:pi_1:ch_1": "payment:pi_1/unpaid",
    "payment_recovered:in_2": "invoice:in_2/receipt",
    "payment_succeeded:in_3": "invoice:in_3/receipt",
    "payment_succeeded:pi_3": "payment:pi_3/receipt",
    "refund_issued:re_1": "refund:re_1/issued",
    "refund_failed:re_2": "refund:re_2/failed",
}


@pytest.fixture
async def side(ingest_pool: asyncpg.Pool) -> Side:
    """At the time of today: notify keeps its own clock."""
    side = Side(ingest_pool)
    side.clock.at = datetime.now(UTC)
    await side.rules()
    return side


@pytest.fixture
async def notify(notify_database_url: str) -> AsyncIterator[NotifyClient]:
    """notify-service whole, with a provider that nobody plays: it takes requests, and sends nothing."""
    async with (
        service.running(service.settings(notify_database_url, NOBODY)) as (running, _),
        connected(f"127.0.0.1:{running.grpc_port}", None) as client,
    ):
        yield client


async def test_everything_that_the_shipped_rules_say_is_taken(side: Side, notify: NotifyClient) -> None:
    next_try = {"next_payment_attempt": int((side.clock.at + timedelta(days=3)).timestamp())}
    for key, concern in KINDS.items():
        told = {**ALL, **next_try, "is_subscription": ":in_" in key}
        await side.fact(key, concern=concern, attributes=told)
    await side.planning().turn()
    await side.submission(notify).turn()
    first = {step["concern"]: (step["state"], step["reason"]) for step in await side.steps() if step["number"] == 1}
    assert len(first) == len(KINDS)
    assert {state for state, _ in first.values()} <= {"submitted", "waiting"}, first


async def test_facts_that_know_next_to_nothing_are_taken_too(side: Side, notify: NotifyClient) -> None:
    for key, concern in KINDS.items():
        await side.fact(key, concern=concern, attributes={"is_subscription": None, "attempt_count": None})
    await side.planning().turn()
    await side.submission(notify).turn()
    first = {step["concern"]: (step["state"], step["reason"]) for step in await side.steps() if step["number"] == 1}
    assert {state for state, _ in first.values()} <= {"submitted", "waiting"}, first


async def test_a_settled_matter_is_cancelled_at_notify_and_the_story_tells_both_sides(
    side: Side, notify: NotifyClient
) -> None:
    await side.fact(attributes=ALL)
    await side.planning().turn()
    await side.submission(notify).turn()
    async with side.pool.acquire() as conn, conn.transaction():
        await plans.settle(conn, ACCOUNT, "invoice:in_1/unpaid", side.clock.now(), "evt_paid")
    await side.cancels(notify).turn()
    cancel = await side.pool.fetchrow("SELECT * FROM cancel")
    assert cancel is not None
    assert cancel["state"] == "answered"
    story = await Telling(side.pool, [ACCOUNT], notify).story(Key("concern", "invoice:in_1/unpaid"))
    assert story is not None
    assert story["notify"] == "asked"
    assert story["plans"][0]["steps"][0]["notification"] is not None
    assert {line["where"] for line in story["lines"]} >= {"fact", "rule", "step", "cancel", "notify"}


async def test_a_customer_without_a_number_is_suppressed_with_the_reason(side: Side, notify: NotifyClient) -> None:
    await side.fact(person={"customer_id": "cus_1", "languages": [], "addresses": []})
    await side.planning().turn()
    await side.submission(notify).turn()
    step = await side.step()
    assert (step["state"], step["reason"]) == ("suppressed", "no_usable_number")
