"""From a fact to the phone and back: planning, submitting, notify-service and the sandbox's Twilio, with all their loops."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from ingest_service.submitting.notify_client import NotifyClient, connected
from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings
from paybell_sandbox.twilio.network import NETWORK
from tests.integration.ingest.planning.rows import PERSON, Side
from tests.integration.ingest.planning.test_running import looping
from tests.integration.notify import service

PHONE = "+14155552671"
ANA = {**PERSON, "addresses": [{**PERSON["addresses"][0], "number": PHONE}]}


@pytest.fixture
async def box() -> AsyncIterator[RunningSandbox]:
    """Twilio, as the sandbox plays it."""
    async with running(Settings(listen="127.0.0.1:0", time_scale=0.05)) as sandbox:
        yield sandbox


@pytest.fixture
async def client(notify_database_url: str, box: RunningSandbox) -> AsyncIterator[NotifyClient]:
    """notify-service whole."""
    async with (
        service.running(service.settings(notify_database_url, box.twilio_api_base)) as (notify, _),
        connected(f"127.0.0.1:{notify.grpc_port}", None) as made,
    ):
        yield made


@pytest.fixture
async def side(ingest_pool: asyncpg.Pool) -> Side:
    """At the time of today."""
    side = Side(ingest_pool)
    side.clock.at = datetime.now(UTC)
    await side.rules()
    return side


async def until(side: Side, question: str, wanted: object) -> None:
    """Waits until a question to the database has this answer."""
    async with asyncio.timeout(60):
        while await side.pool.fetchval(question) != wanted:
            await side.pool.fetchval("SELECT pg_sleep(0.05)")


async def test_ten_tellings_of_one_failure_give_one_text_and_its_delivery_is_known_here(
    side: Side, client: NotifyClient, box: RunningSandbox
) -> None:
    await side.facts([f"payment_failed:in_1:{attempt}" for attempt in range(1, 11)], person=ANA)
    await side.fact("refund_issued:re_1", concern="refund:re_1/issued", person=ANA, lane=3)
    await side.fact("refund_issued:re_2", concern="refund:re_2/issued", person=ANA, lane=3, amount=100)
    async with looping(side, client) as bells:
        bells.ring("planning")
        await until(side, "SELECT count(*) FROM step WHERE number = 1 AND state = 'sent'", 3)
    bodies = [message["body"] for message in box.app[NETWORK].judged()]
    assert len(bodies) == 3, "one for the bill however often it failed, one for each refund"
    assert sum("42.00" in body for body in bodies) == 2
    assert [plan["state"] for plan in await side.plans() if plan["flow"] == "refund"] == ["done", "done"]
    assert [plan["state"] for plan in await side.plans() if plan["flow"] == "failed_payment"] == ["open"]
