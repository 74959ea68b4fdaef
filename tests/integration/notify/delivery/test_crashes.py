"""The process is killed in each window between two effects; the next one makes exactly one message of it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.integration.notify.delivery.desk import desk, eventually

ROOT = Path(__file__).resolve().parents[4]


@asynccontextmanager
async def worker(
    database_url: str, api_base: str, port: int, crash_at: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.notify.delivery.worker", database_url, api_base, str(port)),
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "CRASH_AT": crash_at,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            while (line := await process.stdout.readline()) not in (b"up\n", b""):
                pass
        assert line == b"up\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize(
    ("crash_at", "callbacks"),
    [
        ("tw.before_intent", True),
        ("tw.after_intent", True),
        ("tw.in_flight", True),
        ("tw.in_flight", False),
        ("tw.after_accept", True),
        ("tw.after_accept", False),
    ],
)
async def test_a_kill_in_each_window_still_gives_exactly_one_message(
    notify_pool: asyncpg.Pool, notify_database_url: str, crash_at: str, callbacks: bool
) -> None:
    """Counted at the provider, after the next process has settled what the first one left."""
    async with desk(notify_pool, start=False) as d:
        if not callbacks:
            d.faults({"operation": "callback", "act": "lose"})
        port = int(d.public_url.rpartition(":")[2])
        await d.close_http()
        one = await d.submit("+14155551001", wake=False)
        async with worker(notify_database_url, d.box.twilio_api_base, port, crash_at) as first:
            async with asyncio.timeout(20):
                assert await first.wait() == -9
        state = (await d.row(one))["state"]
        assert state == ("queued" if crash_at == "tw.before_intent" else "sending")
        async with worker(notify_database_url, d.box.twilio_api_base, port):
            row = await d.until(one, *(["delivered"] if callbacks else ["accepted", "sent", "delivered"]), seconds=30)
        sent = await d.at_provider("+14155551001")
        assert [m["sid"] for m in sent] == [row["last_sid"]]
        assert row["possible_duplicate"] == (crash_at == "tw.after_intent")


async def test_a_stop_lets_calls_under_way_finish_and_be_recorded(
    notify_pool: asyncpg.Pool, notify_database_url: str
) -> None:
    """SIGTERM while twenty slow calls are in flight: nothing is left unknown, nothing is sent twice."""
    async with desk(notify_pool, start=False) as d:
        d.faults({"operation": "messages.create", "act": "slow", "seconds": 5})
        port = int(d.public_url.rpartition(":")[2])
        await d.close_http()
        made = [await d.submit(f"+1415555{1000 + n}", wake=False) for n in range(20)]
        async with worker(notify_database_url, d.box.twilio_api_base, port) as process:
            await eventually(lambda: notify_pool.fetchval("SELECT count(*) FROM attempt"))
            process.terminate()
            async with asyncio.timeout(20):
                assert await process.wait() == 0
        for one in made:
            attempts = await d.attempts(one)
            assert [a["state"] for a in attempts] in ([], ["accepted"])
            assert (await d.row(one))["state"] in ("queued", "accepted", "sent", "delivered")
        assert sum([len(await d.attempts(one)) for one in made]) > 0
