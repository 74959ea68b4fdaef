"""A replica is killed between any two effects; the next one goes on, and notify gets each request once with the same bytes."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from ingest_service.planning import plans
from notify.v1.notification_pb2 import NotificationState
from notify.v1.outcome_pb2 import Outcome, OutcomeKind
from tests.integration.ingest.planning.rows import ACCOUNT, AT, Side
from tests.integration.ingest.planning.standin import Standin, serving_on

ROOT = Path(__file__).parents[4]


async def replica(url: str, port: int, crash_at: str = "") -> asyncio.subprocess.Process:
    """Starts a replica; with `crash_at` it kills itself there."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.ingest.planning.replica", url, f"127.0.0.1:{port}", AT.isoformat(),
        cwd=ROOT, env={**os.environ, "CRASH_AT": crash_at}, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def until(side: Side, question: str, wanted: object) -> None:
    """Waits until a question to the database has this answer."""
    async with asyncio.timeout(40):
        while await side.pool.fetchval(question) != wanted:
            await side.pool.fetchval("SELECT pg_sleep(0.05)")


async def end(process: asyncio.subprocess.Process) -> None:
    """Ends a replica that still runs."""
    if process.returncode is None:
        process.kill()
    await process.wait()


async def killed_then_another(side: Side, url: str, port: int, point: str, question: str, wanted: object) -> None:
    """A replica dies at this point; leases lapse; another brings the question to its answer."""
    first = await replica(url, port, point)
    try:
        async with asyncio.timeout(40):
            assert await first.wait() == -signal.SIGKILL, f"the point {point} was never reached"
    finally:
        await end(first)
    await side.pool.execute("UPDATE step SET leased_until = '-infinity'")
    await side.pool.execute("UPDATE cancel SET due_at = '-infinity'")
    second = await replica(url, port)
    try:
        await until(side, question, wanted)
    finally:
        await end(second)


@pytest.mark.parametrize("point", ["in.before_plan_commit", "in.after_plan_commit", "in.after_freeze", "in.after_rpc"])
async def test_a_replica_killed_on_the_way_to_notify(side: Side, ingest_database_url: str, point: str) -> None:
    await side.facts([f"payment_failed:in_1:{attempt}" for attempt in (1, 2, 3)])
    async with serving_on() as (standin, port):
        submitted = "SELECT count(*) FROM step WHERE state = 'submitted'"
        await killed_then_another(side, ingest_database_url, port, point, submitted, 1)
    assert len(standin.stored) == 1
    assert len(await side.plans()) == 1
    assert len(await side.steps()) == 3


async def prepared(side: Side, standin: Standin, port: int, url: str) -> str:
    """One request that notify has; its id."""
    await side.fact()
    process = await replica(url, port)
    try:
        await until(side, "SELECT count(*) FROM step WHERE state = 'submitted'", 1)
    finally:
        await end(process)
    return standin.received[0].request_id


async def test_a_replica_killed_before_it_acknowledged_an_outcome(side: Side, ingest_database_url: str) -> None:
    async with serving_on() as (standin, port):
        request_id = await prepared(side, standin, port, ingest_database_url)
        outcome = Outcome(outcome_id=str(uuid4()), account_id=ACCOUNT, request_id=request_id, round=1)
        outcome.kind = OutcomeKind.OUTCOME_KIND_ENDED
        outcome.ended.state = NotificationState.NOTIFICATION_STATE_DELIVERED
        standin.feed = [outcome]
        sent = "SELECT count(*) FROM step WHERE state = 'sent'"
        await killed_then_another(side, ingest_database_url, port, "in.before_ack", sent, 1)
        again = await replica(ingest_database_url, port)
        try:
            async with asyncio.timeout(20):
                await standin.acknowledging.wait()
        finally:
            await end(again)
    assert await side.pool.fetchval("SELECT count(*) FROM outcome_applied") == 1


async def test_a_replica_killed_after_notify_took_the_cancel(side: Side, ingest_database_url: str) -> None:
    async with serving_on() as (standin, port):
        await prepared(side, standin, port, ingest_database_url)
        async with side.pool.acquire() as conn, conn.transaction():
            await plans.settle(conn, ACCOUNT, "invoice:in_1/unpaid", AT, "evt_paid")
        answered = "SELECT state FROM cancel"
        await killed_then_another(side, ingest_database_url, port, "in.after_cancel", answered, "answered")
    assert len(standin.cancels) == 2
    assert standin.cancels[0] == standin.cancels[1]
