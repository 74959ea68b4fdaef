"""notify-service as a process: what keeps it from starting, what it shows of itself, how fast it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from notify.v1 import service_pb2
from paybell_sandbox.app import RunningSandbox
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from tests.integration.notify import process
from tests.integration.notify.delivery.desk import eventually
from tests.integration.notify.process import Process, environment, outcome, serving, taken_port
from tests.integration.notify.service import Client, request
from tests.postgres import MigratedServer

NOBODY = "http://127.0.0.1:9"
WITHIN_SECONDS = 25.0
"""What docs/operations.md promises; containers are given 30."""


@asynccontextmanager
async def called(running: Process) -> AsyncIterator[Client]:
    """A caller of a running process."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
        yield Client(channel)


async def long_poll(client: Client) -> "asyncio.Future[service_pb2.PullOutcomesResponse]":
    """A poll that asks to wait half a minute, once the service has it."""
    wanted = service_pb2.PullOutcomesRequest(account_ids=["main"], wait=Duration(seconds=30))
    poll = client.stub.PullOutcomes(wanted)
    # one connection carries both in their order: when this is answered, the poll is there
    await client.stub.PullOutcomes(service_pb2.PullOutcomesRequest(account_ids=["main"]))

    async def answered() -> service_pb2.PullOutcomesResponse:
        return await poll

    return asyncio.ensure_future(answered())


async def cut_off(server: MigratedServer, url: str) -> None:
    """The database lets nobody in and throws everybody out, as one that is gone."""
    name = urlsplit(url).path[1:]
    await asyncio.to_thread(
        server.server.execute,
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'",
    )


async def test_a_stop_with_a_long_poll_open_takes_a_few_seconds(notify_database_url: str) -> None:
    """The poll is answered, empty and whole; its caller need not know that anybody stopped."""
    async with serving(environment(notify_database_url, NOBODY)) as running, called(running) as client:
        poll = await long_poll(client)
        running.process.terminate()
        assert not (await poll).outcomes
        code, seconds = await running.ended(WITHIN_SECONDS)
        assert code == 0
        assert seconds < 5


async def test_a_stop_without_a_database_ends_in_time_although_an_answer_waits_for_it(
    notify_database_url: str, postgres_server: MigratedServer
) -> None:
    """A call to Twilio is under way, its answer can be recorded nowhere, and a long poll is open."""
    async with (
        running_sandbox(SandboxSettings(listen="127.0.0.1:0", time_scale=1.0)) as box,
        asyncpg.create_pool(notify_database_url, min_size=1, max_size=1) as pool,
        serving(environment(notify_database_url, box.twilio_api_base, NOTIFY_VENDOR_TIME_SCALE="1")) as running,
        called(running) as client,
    ):
        box.sandbox.faults.replace([{"side": "twilio", "operation": "messages.create", "act": "slow", "seconds": 3}])
        poll = await long_poll(client)
        await client.submit(request())
        await eventually(lambda: pool.fetchval("SELECT count(*) FROM attempt"))
        await cut_off(postgres_server, notify_database_url)
        running.process.terminate()
        code, _ = await running.ended(WITHIN_SECONDS)
        assert code == 0
        await asyncio.gather(poll, return_exceptions=True)


async def admin(session: aiohttp.ClientSession, running: Process, path: str) -> tuple[int, str]:
    """What the operators' listener answers."""
    async with session.get(f"http://127.0.0.1:{running.admin_port}/{path}") as answer:
        return answer.status, await answer.text()


async def test_a_database_that_is_gone_turns_readiness_red_and_never_says_that_the_process_is_dead(
    notify_database_url: str, postgres_server: MigratedServer
) -> None:
    """And readiness is back with the database, without a restart."""
    name = urlsplit(notify_database_url).path[1:]
    async with serving(environment(notify_database_url, NOBODY)) as running, aiohttp.ClientSession() as session:
        assert await admin(session, running, "livez") == (200, "alive\n")
        assert await admin(session, running, "readyz") == (200, "ready\n")
        await cut_off(postgres_server, notify_database_url)

        async def red() -> bool:
            return (await admin(session, running, "readyz"))[0] == 503

        await eventually(red)
        assert "the database does not answer" in (await admin(session, running, "readyz"))[1]
        assert await admin(session, running, "livez") == (200, "alive\n")
        postgres_server.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

        async def green() -> bool:
            return (await admin(session, running, "readyz"))[0] == 200

        await eventually(green)


async def test_check_says_everything_that_is_wrong_at_once_and_no_value(notify_database_url: str) -> None:
    """Two faults, both named; what was given for them is nowhere."""
    wrong = environment(notify_database_url, NOBODY, NOTIFY_DATA_KEYS="k1:c2VjcmV0", NOTIFY_LOOKUP_KEYS="nothing")
    code, out, err = await outcome("check", wrong)
    assert (code, out) == (1, "")
    assert "NOTIFY_DATA_KEYS" in err
    assert "NOTIFY_LOOKUP_KEYS" in err
    assert "c2VjcmV0" not in err
    assert "nothing" not in err
    code, out, _ = await outcome("check", environment(notify_database_url, NOBODY))
    assert (code, out) == (0, "settings, accounts, policy and texts are in order\n")


async def test_a_start_that_cannot_be_is_refused_with_what_to_do(notify_database_url: str) -> None:
    """No database, no schema, a port that is taken: one plain sentence each, exit code 1, no trace."""
    pool = await asyncpg.connect(notify_database_url)
    async with taken_port() as taken:
        cases = {
            "check NOTIFY_DATABASE_URL and whether PostgreSQL runs there": environment(
                "postgres://somebody:secret@127.0.0.1:9/none", NOBODY
            ),
            f"NOTIFY_ADMIN_LISTEN={taken} cannot be listened on": environment(
                notify_database_url, NOBODY, NOTIFY_ADMIN_LISTEN=taken
            ),
        }
        for sentence, given in cases.items():
            code, _, err = await outcome("serve", given)
            assert code == 1, err
            assert sentence in err
            assert "Traceback" not in err
            assert "secret" not in err
    await pool.execute("DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)")
    await pool.close()
    code, _, err = await outcome("serve", environment(notify_database_url, NOBODY))
    assert code == 1
    assert "run `notify-service migrate`" in err
    assert "Traceback" not in err


@pytest.fixture
async def hanging() -> AsyncIterator[RunningSandbox]:
    """A Twilio that takes every call and answers none."""
    async with running_sandbox(SandboxSettings(listen="127.0.0.1:0", time_scale=1.0)) as box:
        box.sandbox.faults.replace([{"side": "twilio", "operation": "*", "act": "hang", "seconds": 600}])
        yield box


async def test_a_stop_while_twilio_hangs_waits_for_the_calls_under_way_and_for_nothing_else(
    notify_database_url: str, hanging: RunningSandbox
) -> None:
    """A create may still be answered, so it has its ten seconds, here half of one; reads are cut off."""
    async with (
        asyncpg.create_pool(notify_database_url, min_size=1, max_size=1) as pool,
        process.serving(environment(notify_database_url, hanging.twilio_api_base)) as running,
        called(running) as client,
    ):
        await client.submit(request())
        await eventually(lambda: pool.fetchval("SELECT count(*) FROM attempt"))
        running.process.terminate()
        code, seconds = await running.ended(WITHIN_SECONDS)
        assert code == 0
        assert seconds < 5
        # what was under way is recorded as what it is
        assert await pool.fetchval("SELECT array_agg(state) FROM attempt") == ["unknown"]
